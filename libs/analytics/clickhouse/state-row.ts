import type { CustomerQuery } from './customer-query.js';
import { type Branch, completed, countedTypes, eventsOf, noMillis, orderKind, type Partial } from './partials.js';

/**
 * A list of plain values from one branch, in no order; the others' are empty. ClickHouse puts lists of plain numbers or texts together many times faster
 * than lists of tuples: so what belongs together follows one another.
 */
function flatList(
  branch: Branch,
  type: 'Int64' | 'String',
  expression: (ofVisit: readonly string[]) => string,
  ofVisit?: readonly string[],
): Partial {
  return {
    branch,
    ...(ofVisit === undefined ? {} : { ofVisit }),
    columns: (names) => [{ expression: expression(names), neutral: `CAST([], 'Array(${type})')` }],
    merge: ([its]) => `groupArrayArray(${its})`,
  };
}

/** The entries of a flat list as tuples, in their order. */
function entries(flat: string, size: 2 | 3): string {
  const members = Array.from({ length: size }, (_, index) => `${flat}[${size} * i + ${index + 1}]`);
  return `arraySort(arrayMap(i -> (${members.join(', ')}), range(intDiv(length(${flat}), ${size}))))`;
}

function timesOf(type: string): Partial {
  return flatList('events', 'Int64', () => `groupArrayIf(toUnixTimestamp64Milli(f.time), f.type = '${type}')`);
}

function latestOf(time: string, condition: string): string {
  return `if(countIf(${condition}) = 0, ${noMillis}, maxIf(toUnixTimestamp64Milli(${time}), ${condition}))`;
}

function latestMillis(branch: Branch, time: string, condition: string): Partial {
  return {
    branch,
    columns: () => [{ expression: latestOf(time, condition), neutral: noMillis }],
    merge: ([last]) => `max(${last})`,
  };
}

const visitLast = 'max(toUnixTimestamp64Milli(f.time))';
/** Of each visit the time of its last event. */
const visitLasts = flatList('visits', 'Int64', ([last]) => `groupArray(${last})`, [visitLast]);
/** Of each visit with an addition its last event, its last addition and its last completed order. */
const carts = flatList(
  'visits',
  'Int64',
  ([last, added, ordered]) => `groupArrayArrayIf([${last}, ${added}, ${ordered}], ${added} > ${noMillis})`,
  [visitLast, latestOf('f.time', "f.type = 'Product Added'"), latestOf('f.time', "f.type = 'Order Completed'")],
);

/** Of each order that counts and each refund its time, its worth in ten-thousandths and its kind. */
const orderLines = flatList(
  'orders',
  'Int64',
  () =>
    `groupArrayArray([toUnixTimestamp64Milli(o.time), reinterpretAsInt64(o.amount) * if(${completed}, 1, -1), toInt64(multiIf(o.type != 'Order Completed', ${orderKind.refund}, o.coupon != '', ${orderKind.withCoupon}, ${orderKind.order}))])`,
);

/** The JSON text of the latest value of each attribute, by its name. */
export const attributeTexts: Partial = {
  ...flatList('attributes', 'String', () => 'groupArrayArray([a.name, a.json])'),
  merge: ([its]) => `CAST(${entries(`groupArrayArray(${its})`, 2)}, 'Map(String, String)')`,
  ofState: 'c.attributes',
};

/** The columns of customer_states beside the keys and what the refresh says itself, and how each is gathered from the facts. */
export function stateColumns(query: CustomerQuery): readonly { readonly name: string; readonly value: string }[] {
  const field = (name: string): string => query.field(name).column;
  const from = (partial: Partial, value?: (merged: string) => string): string => query.gathered(partial, value);
  const sorted = (times: Partial): string => from(times, (merged) => `arraySort(${merged})`);
  const triple = (of: Partial, index: number): string => from(of, (merged) => `${entries(merged, 3)}.${index}`);
  const last = [latestMillis('events', 'f.time', '1'), latestMillis('served', 's.time', '1')].map((partial) => from(partial));
  return [
    { name: 'last_time', value: `fromUnixTimestamp64Milli(greatest(${last.join(', ')}), 'UTC')` },
    { name: 'events', value: field('events.count') },
    { name: 'events_first', value: field('events.first') },
    { name: 'visits', value: field('visits.count') },
    { name: 'visits_first', value: field('visits.first') },
    { name: 'visits_last', value: field('visits.last') },
    { name: 'visit_lasts', value: sorted(visitLasts) },
    { name: 'cart_lasts', value: triple(carts, 1) },
    { name: 'cart_last_adds', value: triple(carts, 2) },
    { name: 'cart_last_orders', value: triple(carts, 3) },
    ...Object.entries(countedTypes).flatMap(([type, [number, times]]) => [
      { name: number, value: from(eventsOf(type as keyof typeof countedTypes, {})) },
      { name: times, value: sorted(timesOf(type)) },
    ]),
    { name: 'orders', value: field('orders.count') },
    { name: 'orders_first', value: field('orders.first') },
    { name: 'orders_last', value: field('orders.last') },
    { name: 'revenue', value: field('orders.total') },
    { name: 'order_times', value: triple(orderLines, 1) },
    {
      name: 'order_amounts',
      value: `arrayMap(tenThousandths -> CAST(toDecimal128(tenThousandths, 4) / 10000, 'Decimal(18, 4)'), ${triple(orderLines, 2)})`,
    },
    { name: 'order_kinds', value: triple(orderLines, 3) },
    { name: 'email_last', value: from(latestMillis('events', 'f.time', 'f.email_given')) },
    { name: 'arrival_source', value: from(query.partial('arrival.source'), (merged) => `${merged}.1`) },
    { name: 'arrival_campaign', value: from(query.partial('arrival.source'), (merged) => `${merged}.2`) },
    { name: 'answers', value: field('content.served') },
    { name: 'attributes', value: from(attributeTexts) },
  ];
}
