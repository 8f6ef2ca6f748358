import { describe, expect, it } from '@jest/globals';
import { type BehaviourFact, UnreadableEvent } from '#libs/domain';
import type { JsonObject, Position, RecordedEvent } from '#libs/event-log';
import { eventRows, projectedEventTypes } from './event-rows.js';
import { readPageAddress } from './page-address.js';
import { withoutRepeats } from './without-repeats.js';

const morning = '2026-11-23T08:00:00.000Z';

function event(type: string, data: object, position = 7n, metadata: JsonObject = {}): RecordedEvent {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    type,
    data: data as JsonObject,
    metadata: { schema: 1, clientId: 'golf', actor: 'node:n1', ...metadata },
    stream: 'behaviour-golf.n1.20261123',
    revision: 0n,
    position: position as Position,
    recordedAt: new Date(morning),
  };
}

function behaviour(fact: Partial<BehaviourFact>): BehaviourFact {
  return {
    type: 'Product Viewed',
    messageId: 'm1',
    customerId: 'ann',
    sessionId: null,
    time: morning,
    properties: {},
    ...fact,
  };
}

describe('the rows of an event', () => {
  it('says of a page view where it was and how the customer came', () => {
    const url = 'https://www.Shop.example:8443/a?utm_source=news&utm_campaign=spring%20sale';
    const referrer = 'http://WWW.search.example/q';
    const fact = behaviour({ type: 'Page Viewed', sessionId: 's1', properties: { url, referrer } });
    const { rows, keys } = eventRows(event('PageViewed', fact, 7n, { importId: 'i1' }))!;
    expect(keys).toEqual(['Page Viewed:m1']);
    expect(rows.behaviour_facts).toEqual([
      expect.objectContaining({
        client_id: 'golf',
        customer_id: 'ann',
        session_id: 's1',
        log_position: '7',
        type: 'Page Viewed',
        page_host: 'shop.example',
        referrer_host: 'search.example',
        utm_source: 'news',
        utm_campaign: 'spring sale',
        import_id: 'i1',
        properties: JSON.stringify({ url, referrer }),
      }),
    ]);
    expect(rows.messages).toEqual([{ client_id: 'golf', key: 'Page Viewed:m1', log_position: '7', import_id: 'i1' }]);
    expect(rows.touched).toEqual([{ client_id: 'golf', log_position: '7', customer_id: 'ann' }]);
    expect(rows.due).toEqual([]);
  });

  it('says when it is due, of what was recorded before its time', () => {
    const time = '2026-11-23T08:00:00.001Z';
    const due = [{ client_id: 'golf', time, customer_id: 'ann', log_position: '7' }];
    const click = { messageId: 'k1', decisionId: 'd1', campaignId: 'spring', customerId: 'ann', sessionId: null, via: 'address', time };
    expect(eventRows(event('ProductViewed', behaviour({ time })))!.rows.due).toEqual(due);
    expect(eventRows(event('ContentClicked', click))!.rows.due).toEqual(due);
    expect(eventRows(event('ProductViewed', behaviour({ time: morning })))!.rows.due).toEqual([]);
  });

  it('sums an order exactly, and shows its lines', () => {
    const products = [{ product_id: 'p1', price: '0.1', quantity: '3', brand: 'x' }, { price: '0.2' }, { quantity: '5' }];
    const fact = behaviour({ type: 'Order Completed', properties: { order_id: 'o1', products, coupon: 'TEN' } });
    const { rows } = eventRows(event('OrderCompleted', fact))!;
    expect(rows.order_facts).toEqual([expect.objectContaining({ order_id: 'o1', amount: '0.5000', coupon: 'TEN', items: 3 })]);
    expect(rows.order_item_facts.map(({ item, quantity, price }) => [item, quantity, price])).toEqual([
      [0, '3', '0.1'],
      [1, '1', '0.2'],
      [2, '5', '0'],
    ]);
    expect(rows.order_item_facts[0]?.properties).toBe(JSON.stringify(products[0]));
  });

  it('takes the size of a refund, whatever its signs', () => {
    const amount = (properties: BehaviourFact['properties']) =>
      eventRows(event('OrderRefunded', behaviour({ type: 'Order Refunded', properties })))!.rows.order_facts[0]?.amount;
    expect(amount({ total: '-20' })).toBe('20.0000');
    expect(amount({ products: [{ price: '10', quantity: '-2' }, { price: '3' }] })).toBe('23.0000');
  });

  it('keeps the attributes of an update, and takes none of them for a page', () => {
    const properties = { tier: 'gold', points: 5, url: 'https://x.example/?utm_source=y', email_sealed: 'v1.abc' };
    const { rows } = eventRows(event('CustomerUpdated', behaviour({ type: 'Customer Updated', properties })))!;
    expect(rows.behaviour_facts[0]).toMatchObject({
      attributes: { tier: '"gold"', points: '5', url: JSON.stringify(properties.url) },
      email_given: true,
      url: '',
      utm_source: '',
    });
  });

  it('knows a click by its message and by its answer, whoever reports it', () => {
    const seen = { messageId: 'k1', decisionId: 'd1', campaignId: 'spring', customerId: 'ann', sessionId: null, placementId: 'hero' };
    const more = { contentId: 'ten-off', segmentId: null, ruleId: 'r1', group: null, time: '2026-11-23T08:00:00.000Z', via: 'address' };
    const byNode = eventRows(event('ContentClicked', { ...seen, ...more }, 1n))!;
    const reported = behaviour({ type: 'Content Clicked', messageId: 'm9', properties: { decision_id: 'd1' } });
    const byTag = eventRows(event('ContentClicked', reported, 2n))!;
    expect(byNode.keys).toEqual(['Content Clicked:k1', 'decision:d1']);
    expect(byTag.keys).toEqual(['Content Clicked:m9', 'decision:d1']);
    expect(byNode.rows.behaviour_facts[0]).toMatchObject({ type: 'Content Clicked', campaign_id: 'spring', rule_id: 'r1', via: 'address' });
    expect(withoutRepeats([byNode, byTag], () => undefined)).toMatchObject({ kept: 1, repeats: 1 });
    expect(withoutRepeats([byTag, byNode], () => undefined).rows.behaviour_facts[0]?.message_id).toBe('m9');
  });

  it('takes what a revision of a client says, and nothing else', () => {
    const { rows } = eventRows(event('ClientRevised', { origins: ['https://www.Shop.example:8443'] }))!;
    expect(rows.client_facts).toEqual([
      expect.objectContaining({ name: null, time_zone: null, currency: null, origin_hosts: ['shop.example'], origins_given: true }),
    ]);
  });

  it('refuses a version from the future, and has nothing for what concerns no table', () => {
    expect(() => eventRows(event('PageViewed', behaviour({ type: 'Page Viewed' }), 1n, { schema: 2 }))).toThrow(UnreadableEvent);
    expect(() => eventRows(event('PageViewed', { type: 'Page Viewed' }))).toThrow(UnreadableEvent);
    expect(eventRows(event('SegmentDefined', {}))).toBeUndefined();
    expect(projectedEventTypes).not.toContain('SegmentDefined');
  });
});

describe('rows without repeats', () => {
  const view = (messageId: string, position: bigint) => eventRows(event('ProductViewed', behaviour({ messageId }), position))!;

  it('leave out what the tables or the batch hold from before', () => {
    const batch = withoutRepeats([view('old', 10n), view('new', 11n), view('new', 12n)], (_, key) =>
      key.endsWith('old') ? 3n : undefined,
    );
    expect(batch.rows.behaviour_facts.map((row) => row.log_position)).toEqual(['11']);
    expect(batch).toMatchObject({ kept: 1, repeats: 2 });
  });

  it('are the same when the tables hold this batch already, in part or whole', () => {
    const facts = [view('a', 10n), view('b', 11n), view('a', 12n)];
    const once = withoutRepeats(facts, () => undefined);
    expect(withoutRepeats(facts, () => 10n).rows.behaviour_facts.map((row) => row.log_position)).toEqual(['10']);
    expect(withoutRepeats(facts, (_, key) => (key.endsWith('a') ? 10n : 11n))).toEqual(once);
  });
});

describe('the address of a page', () => {
  it.each([
    ['https://www.www.example/a', { host: 'www.example', utmSource: '', utmCampaign: '' }],
    ['/a?utm_source=x', { host: '', utmSource: 'x', utmCampaign: '' }],
    ['https://Bücher.example', { host: 'xn--bcher-kva.example', utmSource: '', utmCampaign: '' }],
    ['http://[', { host: '', utmSource: '', utmCampaign: '' }],
    ['', { host: '', utmSource: '', utmCampaign: '' }],
  ])('%s', (address, expected) => expect(readPageAddress(address)).toEqual(expected));
});
