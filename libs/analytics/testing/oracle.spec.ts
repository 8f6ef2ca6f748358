import { describe, expect, it } from '@jest/globals';
import type { Criteria } from '#libs/domain';
import { fieldsOf, judge, knownCustomers, type OracleBehaviour, type OracleEvent } from './oracle.js';

const scope = { clientId: 'golf', timeZone: 'America/New_York', origins: ['https://shop.example'], currency: 'USD' };
const asOf = new Date('2026-03-08T15:00:00.000Z');
let position = 0;

function act(type: OracleBehaviour['type'], time: string, properties = {}, sessionId: string | null = null, customerId = 'c'): OracleEvent {
  position += 1;
  return { type, customerId, sessionId, time, position, properties };
}
const fields = (...events: OracleEvent[]) => fieldsOf('c', { events, scope, asOf }, ['tier']);
const isMember = (criteria: Criteria, ...events: OracleEvent[]) => judge({ events, scope, asOf, segments: {}, criteria }).has('c');

describe('the fields of a customer', () => {
  it('are zero, missing or unknown when nothing is known', () =>
    expect(fields()).toEqual({
      'orders.count': 0,
      'orders.total': '0.0000',
      'orders.first': null,
      'orders.last': null,
      'visits.count': 0,
      'visits.first': null,
      'visits.last': null,
      'views.count': 0,
      'cart.adds': 0,
      'cart.removes': 0,
      'cart.abandons': 0,
      'arrival.source': 'unknown',
      'arrival.campaign': null,
      'coupons.used': 0,
      'email.known': false,
      'content.served': 0,
      'content.clicked': 0,
      'attributes.tier': null,
    }));

  it('count the first recorded of an order, also when it lies outside', () => {
    const later = act('Order Completed', '2026-03-05T10:00:00Z', { order_id: 'o', total: '10' });
    const earlier = act('Order Completed', '2026-03-01T10:00:00Z', { order_id: 'o', total: '99' });
    expect(fields(earlier, later)).toMatchObject({
      'orders.count': 1,
      'orders.total': '10.0000',
      'orders.last': '2026-03-05T10:00:00.000Z',
    });
    const future = act('Order Completed', '2026-10-01T10:00:00Z', { order_id: 'f', total: '1' });
    const repeat = act('Order Completed', '2026-03-01T10:00:00Z', { order_id: 'f', total: '1' });
    expect(fields(future, repeat)).toMatchObject({ 'orders.count': 0, 'orders.total': '0.0000', 'visits.count': 1 });
  });

  it('add orders and take refunds away, exactly', () =>
    expect(
      fields(
        act('Order Completed', '2026-03-01T10:00:00Z', { total: '0.1' }),
        act('Order Completed', '2026-03-01T10:00:00Z', { total: '0.2' }),
        act('Order Completed', '2026-03-01T10:00:00Z', {
          products: [{ price: '0.0001', quantity: '0.5' }, { price: '7.5' }, { quantity: '3' }],
        }),
        act('Order Refunded', '2026-03-01T10:00:00Z', { products: [{ price: '2', quantity: '-3' }, { price: '1' }] }),
        act('Order Refunded', '2026-03-01T10:00:00Z', { total: '-20' }),
      ),
    ).toMatchObject({ 'orders.count': 3, 'orders.total': '-19.1999', 'visits.count': 1 }));

  it("count sessions, and days of the client's zone where there is none", () =>
    expect(
      fields(
        act('Page Viewed', '2026-03-04T04:59:00Z'),
        act('Page Viewed', '2026-03-04T05:01:00Z'),
        act('Page Viewed', '2026-03-04T05:02:00Z', {}, 's'),
        act('Page Viewed', '2026-03-06T05:02:00Z', {}, 's'),
        act('Customer Updated', '2026-03-07T05:02:00Z', { tier: 7 }),
      ),
    ).toMatchObject({ 'visits.count': 3, 'visits.last': '2026-03-06T05:02:00.000Z', 'attributes.tier': '7' }));

  it('find the cart abandoned after more than twelve hours', () => {
    const add = (time: string) => fields(act('Product Added', time, {}, 's'))['cart.abandons'];
    expect(add('2026-03-08T03:00:00.000Z')).toBe(0);
    expect(add('2026-03-08T02:59:59.999Z')).toBe(1);
  });

  it('know the arrival of the earliest event that tells, at the same time of the first recorded', () => {
    const at = '2026-03-01T10:00:00Z';
    const own = act('Page Viewed', at, { referrer: 'https://www.shop.example/a' });
    const news = act('Page Viewed', at, { url: 'https://shop.example/?utm_source=news&utm_campaign=spring' });
    const direct = act('Page Viewed', at, { url: 'https://shop.example/' });
    expect(fields(direct, news, own)).toMatchObject({ 'arrival.source': 'news', 'arrival.campaign': 'spring' });
    expect(fields(direct, own)).toMatchObject({ 'arrival.source': 'direct', 'arrival.campaign': null });
    const search = act('Page Viewed', at, { url: 'https://shop.example/', referrer: 'https://www.Search.example:8443/q' });
    expect(fields(search)).toMatchObject({ 'arrival.source': 'search.example' });
  });

  it('scale recorded answers by their rate', () => {
    const served = { type: 'Content Served', customerId: 'c', time: '2026-03-01T10:00:00Z', sampleRate: 0.4, position: 1 } as const;
    expect(fields(served)).toMatchObject({ 'content.served': 3, 'visits.count': 0, 'arrival.source': 'unknown' });
    expect(knownCustomers({ events: [served], asOf }).size).toBe(0);
  });

  it('tell the latest attribute by time', () => {
    const gold = act('Customer Updated', '2026-03-05T10:00:00Z', { tier: 'gold' });
    const silver = act('Customer Updated', '2026-03-04T10:00:00Z', { tier: 'silver' });
    expect(fields(gold, silver)).toMatchObject({ 'attributes.tier': 'gold', 'arrival.source': 'unknown' });
    expect(fields(gold, act('Customer Updated', '2026-03-05T10:00:00Z', { tier: null }))).toMatchObject({ 'attributes.tier': null });
  });
});

describe('a window', () => {
  const viewed = (within: string, time: string) =>
    isMember({ field: 'views.count', op: 'gte', value: 1, within }, act('Product Viewed', time));

  it("of days begins at midnight in the client's zone, across the change of the clocks", () => {
    // The build is on 8 March, when New York goes to summer time: midnight of 2 March was at 05:00 UTC.
    expect(viewed('7d', '2026-03-02T05:00:00.000Z')).toBe(true);
    expect(viewed('7d', '2026-03-02T04:59:59.999Z')).toBe(false);
    expect(viewed('1d', '2026-03-08T05:00:00.000Z')).toBe(true);
  });

  it('of hours is exact, and ends with the build', () => {
    expect(viewed('6h', '2026-03-08T09:00:00.000Z')).toBe(true);
    expect(viewed('6h', '2026-03-08T08:59:59.999Z')).toBe(false);
    expect(viewed('6h', '2026-03-08T15:00:00.000Z')).toBe(true);
    expect(viewed('6h', '2026-03-08T15:00:00.001Z')).toBe(false);
  });

  it('divides newer from older', () => {
    const order = act('Order Completed', '2026-03-08T09:00:00.000Z');
    expect(isMember({ field: 'orders.last', op: 'newerThan', value: '6h' }, order)).toBe(true);
    expect(isMember({ field: 'orders.last', op: 'olderThan', value: '6h' }, order)).toBe(false);
    expect(isMember({ not: { field: 'orders.last', op: 'olderThan', value: '6h' } }, act('Page Viewed', '2026-03-01T00:00:00Z'))).toBe(
      true,
    );
  });
});

describe('members', () => {
  const events = [act('Page Viewed', '2026-03-01T10:00:00Z', {}, null, 'seen')];
  const members = (criteria: Criteria, segments = {}) => [...judge({ events, scope, asOf, segments, criteria })].sort();

  it('are known, or on a list of the criteria, also through segments', () => {
    const segments = { list: { customers: ['new', 'seen'] }, quiet: { field: 'orders.count', op: 'eq', value: 0 } };
    expect(members({ all: [] })).toEqual(['seen']);
    expect(members({ not: { any: [] } })).toEqual(['seen']);
    expect(members({ segment: 'list' }, segments)).toEqual(['new', 'seen']);
    expect(members({ not: { segment: 'list' } }, segments)).toEqual([]);
    expect(members({ all: [{ segment: 'list' }, { segment: 'quiet' }] }, segments)).toEqual(['new', 'seen']);
    expect(members({ segment: 'quiet' }, segments)).toEqual(['seen']);
  });

  it('a missing value makes every comparison false, and a `not` around it true', () => {
    for (const op of ['eq', 'neq', 'contains', 'startsWith'] as const) {
      expect(members({ field: 'arrival.campaign', op, value: 'x' })).toEqual([]);
      expect(members({ not: { field: 'arrival.campaign', op, value: 'x' } })).toEqual(['seen']);
    }
    expect(members({ field: 'arrival.campaign', op: 'notIn', value: [] })).toEqual([]);
    expect(members({ field: 'arrival.campaign', op: 'exists', value: false })).toEqual(['seen']);
  });

  it('money is compared exactly, as a number or as digits', () => {
    const paid = ['0.1', '0.2'].map((total) => act('Order Completed', '2026-03-01T10:00:00Z', { total }));
    expect(isMember({ field: 'orders.total', op: 'eq', value: 0.3 }, ...paid)).toBe(true);
    expect(isMember({ field: 'orders.total', op: 'in', value: ['0.3000'] }, ...paid)).toBe(true);
    expect(isMember({ field: 'orders.total', op: 'gt', value: '0.2999' }, ...paid)).toBe(true);
    expect(isMember({ field: 'orders.total', op: 'lt', value: 0.3 }, ...paid)).toBe(false);
  });
});
