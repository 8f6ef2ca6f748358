import {
  type BehaviourFact,
  type BehaviourProperties,
  type ContentClickedFact,
  clickKey,
  messageKey,
  moneyText,
  orderAmount,
  type ProductLine,
  parseOpaqueId,
  refundAmount,
} from '#libs/domain';
import { readPageAddress } from './page-address.js';
import { type BehaviourRow, type FactRows, noRows, type OrderItemRow, type OrderRow, type Place } from './rows.js';

const noAnswer = { campaign_id: '', placement_id: '', content_id: '', segment_id: '', rule_id: '', group: '', decision_id: '' };
const noPage = { url: '', referrer: '', page_host: '', referrer_host: '', utm_source: '', utm_campaign: '' };

/** Rows of what a page, a server or an import reported. */
export function behaviourRows(fact: BehaviourFact, place: Place): FactRows {
  const { properties } = fact;
  const isUpdate = fact.type === 'Customer Updated';
  // The properties of a Customer Updated are attributes, free in name and type: a `url` there is no page.
  const known: BehaviourProperties = isUpdate ? {} : properties;
  const answer = fact.type === 'Content Clicked' || fact.type === 'Content Viewed' ? reportedAnswer(properties) : noAnswer;
  const row: BehaviourRow = {
    ...who(fact, place),
    type: fact.type,
    message_id: fact.messageId,
    product_id: text(known.product_id),
    ...page(known),
    email_given: properties.email_sealed !== undefined,
    ...answer,
    via: '',
    import_id: place.importId,
    attributes: isUpdate ? attributesOf(properties) : {},
    properties: JSON.stringify(properties),
  };
  const keys = [messageKey(fact.type, fact.messageId)];
  if (fact.type === 'Content Clicked' && answer.decision_id !== '') keys.push(clickKey(answer.decision_id));
  const isOrder = fact.type === 'Order Completed' || fact.type === 'Order Refunded';
  return {
    clientId: place.clientId,
    position: place.position,
    keys,
    rows: { ...kept(row, keys, place), ...(isOrder ? orderRows(fact, place) : {}) },
  };
}

/** Rows of a click that a node saw. */
export function clickRows(fact: ContentClickedFact, place: Place): FactRows {
  const keys = [messageKey('Content Clicked', fact.messageId), clickKey(fact.decisionId)];
  const row: BehaviourRow = {
    ...who(fact, place),
    type: 'Content Clicked',
    message_id: fact.messageId,
    product_id: '',
    ...noPage,
    email_given: false,
    campaign_id: fact.campaignId,
    placement_id: fact.placementId ?? '',
    content_id: fact.contentId ?? '',
    segment_id: fact.segmentId ?? '',
    rule_id: fact.ruleId ?? '',
    group: fact.group ?? '',
    decision_id: fact.decisionId,
    via: fact.via,
    import_id: place.importId,
    attributes: {},
    properties: '{}',
  };
  return { clientId: place.clientId, position: place.position, keys, rows: kept(row, keys, place) };
}

function kept(row: BehaviourRow, keys: readonly string[], place: Place) {
  const { customer_id, time } = row;
  const key = { client_id: place.clientId, log_position: place.position, customer_id };
  return {
    ...noRows,
    behaviour_facts: [row],
    messages: keys.map((key) => ({ client_id: place.clientId, key, log_position: place.position, import_id: place.importId })),
    touched: [key],
    // Until its time it does not count: then its customer is judged again.
    due: Date.parse(time) > place.recordedAt.getTime() ? [{ ...key, time }] : [],
  };
}

export function who(fact: { readonly customerId: string; readonly sessionId: string | null; readonly time: string }, place: Place) {
  return {
    client_id: place.clientId,
    customer_id: fact.customerId,
    session_id: fact.sessionId ?? '',
    time: fact.time,
    log_position: place.position,
    event_id: place.eventId,
  };
}

function page(properties: BehaviourProperties) {
  const at = readPageAddress(text(properties.url));
  return {
    url: text(properties.url),
    referrer: text(properties.referrer),
    page_host: at.host,
    referrer_host: readPageAddress(text(properties.referrer)).host,
    utm_source: at.utmSource,
    utm_campaign: at.utmCampaign,
  };
}

/** What a tag says of the answer that it showed, in either spelling. */
function reportedAnswer(properties: BehaviourProperties) {
  const said = (...names: string[]): string => {
    for (const name of names) {
      const id = parseOpaqueId(properties[name]);
      if (id !== undefined) return id;
    }
    return '';
  };
  return {
    campaign_id: said('campaignId', 'campaign_id'),
    placement_id: said('placementId', 'placement_id'),
    content_id: said('contentId', 'content_id'),
    segment_id: said('segmentId', 'segment_id'),
    rule_id: said('ruleId', 'rule_id'),
    group: said('group'),
    decision_id: said('decisionId', 'decision_id'),
  };
}

function attributesOf(properties: BehaviourProperties): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(properties)) if (name !== 'email_sealed') attributes[name] = JSON.stringify(value);
  return attributes;
}

function orderRows(fact: BehaviourFact, place: Place): { order_facts: OrderRow[]; order_item_facts: OrderItemRow[] } {
  const { properties } = fact;
  const lines = properties.products ?? [];
  const amount = fact.type === 'Order Completed' ? orderAmount(properties) : refundAmount(properties);
  const order: OrderRow = {
    ...who(fact, place),
    type: fact.type,
    message_id: fact.messageId,
    order_id: text(properties.order_id),
    amount: moneyText(amount),
    currency: text(properties.currency),
    coupon: text(properties.coupon),
    items: lines.length,
  };
  const items = lines.map(
    (line, item): OrderItemRow => ({
      ...who(fact, place),
      item,
      type: fact.type,
      order_id: order.order_id,
      product_id: text(line.product_id),
      quantity: line.quantity ?? '1',
      price: line.price ?? '0',
      currency: text(currencyOf(line)) || order.currency,
      properties: JSON.stringify(line),
    }),
  );
  return { order_facts: [order], order_item_facts: items };
}

function currencyOf(line: ProductLine): string | undefined {
  return typeof line.currency === 'string' ? line.currency : undefined;
}

function text(value: string | undefined): string {
  return typeof value === 'string' ? value : '';
}
