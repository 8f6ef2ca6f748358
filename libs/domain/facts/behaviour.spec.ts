import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseBehaviour } from './behaviour.js';
import { behaviourTypes } from './facts.js';
import { propertiesDepthMax, propertiesSizeMax } from './properties.js';

const receivedAt = new Date('2026-03-08T15:00:00.123Z');
const context = { currency: 'USD', receivedAt, maySendServerTypes: false };
const view = { type: 'Product Viewed', messageId: 'm1', customerId: 'c1', properties: { product_id: 'p1' } };

function outcome(change: object, as: Partial<typeof context> = {}) {
  return parseBehaviour({ ...view, ...change }, { ...context, ...as });
}
function code(change: object, as: Partial<typeof context> = {}) {
  const parsed = outcome(change, as);
  return 'code' in parsed ? parsed.code : 'accepted';
}
function properties(given: unknown, type = 'Order Completed') {
  const parsed = outcome({ type, properties: given });
  return 'code' in parsed ? parsed.code : parsed.fact.properties;
}

describe('who and when', () => {
  it('takes an item as it is, received now', () => {
    expect(parseBehaviour(view, context)).toEqual({
      fact: {
        type: 'Product Viewed',
        messageId: 'm1',
        customerId: 'c1',
        sessionId: null,
        time: '2026-03-08T15:00:00.123Z',
        properties: { product_id: 'p1' },
      },
    });
  });

  it.each([
    ['2026-03-08T15:00:00Z', '2026-03-08T15:00:00.000Z'],
    ['2026-03-08t10:00:00.9999-05:00', '2026-03-08T15:00:00.999Z'],
    ['2026-03-08 20:30:00.1+05:30', '2026-03-08T15:00:00.100Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2299-12-31T23:59:59.999Z', '2299-12-31T23:59:59.999Z'],
    ['1900-01-01T00:00:00Z', '1900-01-01T00:00:00.000Z'],
  ])('reads the time %s', (timestamp, time) => expect(outcome({ timestamp })).toMatchObject({ fact: { time } }));

  it.each([
    '2026-13-05T10:00:00Z',
    '2026-02-29T10:00:00Z',
    '2026-03-08T24:00:00Z',
    '2026-03-08T10:60:00Z',
    '2026-03-08T10:00:60Z',
    '2026-03-08T10:00:00',
    '2026-03-08',
    '2026-03-08T10:00:00+24:00',
    '1899-12-31T23:59:59.999Z',
    '2300-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    'tomorrow',
    '',
    1433221332117,
    {},
  ])('refuses the time %j', (timestamp) => expect(code({ timestamp })).toBe('TIMESTAMP_INVALID'));

  it.each([undefined, null])('an absent time or session (%s) is none', (absent) => {
    expect(outcome({ timestamp: absent, sessionId: absent })).toMatchObject({ fact: { sessionId: null, time: receivedAt.toISOString() } });
  });

  it('refuses malformed ids, each with its name', () => {
    for (const bad of ['', 'x'.repeat(65), 'é'.repeat(33), 'a\u0000', 'a\u007f', 'a\u0085', '\ud800', 5, {}, ['a']]) {
      expect([bad, code({ customerId: bad })]).toEqual([bad, 'CUSTOMER_ID_INVALID']);
      expect([bad, code({ messageId: bad })]).toEqual([bad, 'MESSAGE_ID_INVALID']);
      expect([bad, code({ sessionId: bad })]).toEqual([bad, 'SESSION_ID_INVALID']);
      if (!Array.isArray(bad) && typeof bad !== 'object' && bad !== 5) {
        expect([bad, code({ properties: { order_id: bad } })]).toEqual([bad, bad === '\ud800' ? 'accepted' : 'ORDER_ID_INVALID']);
      }
    }
    expect(code({ customerId: undefined })).toBe('CUSTOMER_ID_INVALID');
    expect(code({ customerId: 'é'.repeat(32), messageId: '../../etc/passwd', sessionId: "'; DROP TABLE x; --" })).toBe('accepted');
  });

  it('knows the types, and whose they are', () => {
    for (const type of behaviourTypes) {
      const server = type === 'Order Refunded' || type === 'Customer Updated';
      expect([type, code({ type })]).toEqual([type, server ? 'KEY_REQUIRED' : 'accepted']);
      expect([type, code({ type }, { maySendServerTypes: true })]).toEqual([type, 'accepted']);
    }
    for (const type of ['product viewed', 'ProductViewed', '', null, 5, '__proto__', 'constructor'])
      expect(code({ type })).toBe('TYPE_UNKNOWN');
  });

  it.each([null, undefined, 5, 'x', [], [view]])('%j is no item', (item) => {
    expect(parseBehaviour(item, context)).toMatchObject({ code: 'ITEM_INVALID' });
  });
});

describe('properties', () => {
  it('canonical amounts, from numbers and strings, everywhere', () => {
    expect(
      properties({
        total: 10.5,
        price: '2.00005',
        quantity: null,
        products: [{ product_id: 12, price: 1e-7, quantity: '3.0', name: 'x' }],
      }),
    ).toEqual({ total: '10.5', price: '2.0001', products: [{ product_id: '12', price: '0', quantity: '3', name: 'x' }] });
  });

  it.each(['+1', '.5', '5.', '', 'abc', '1e3', '123456789012345', true, [1], {}])('refuses the amount %j', (total) => {
    expect(properties({ total })).toBe('NUMBER_INVALID');
    expect(properties({ products: [{ price: '1' }, { price: total }] })).toBe('NUMBER_INVALID');
  });

  it('refuses an order that no column holds, though each of its numbers is fine', () => {
    const large = { price: '99999999999999', quantity: '2' };
    expect(properties({ products: [large] })).toBe('NUMBER_INVALID');
    expect(properties({ total: '1', products: [large] })).not.toBe('NUMBER_INVALID');
    expect(properties({ products: [large] }, 'Cart Viewed')).not.toBe('NUMBER_INVALID');
  });

  it('amounts in another currency', () => {
    expect(properties({ total: '1', currency: 'EUR' })).toBe('CURRENCY');
    expect(properties({ products: [{ price: '1' }], currency: 'EUR' })).toBe('CURRENCY');
    expect(properties({ total: '1', products: [{ price: '1', currency: 'EUR' }] })).toBe('CURRENCY');
    expect(properties({ total: '1', currency: 'usd' })).toEqual({ total: '1', currency: 'USD' });
    expect(properties({ url: 'https://shop.example/', currency: 'EUR' })).toEqual({ url: 'https://shop.example/', currency: 'EUR' });
    expect(properties({ total: 'abc', currency: 'EUR' })).toBe('NUMBER_INVALID');
  });

  it('wrong types of known names', () => {
    for (const given of [{ url: 5 }, { products: {} }, { products: [5] }, { products: [[]] }, { order_id: 1.5 }, { coupon: ['a'] }]) {
      expect(properties(given)).toBe('PROPERTY_INVALID');
    }
    for (const given of [[], 'x', 5]) expect(properties(given)).toBe('PROPERTIES_INVALID');
    expect(properties(null)).toEqual({});
  });

  it("keeps unknown names; a customer's attributes are free", () => {
    expect(properties({ shade: { of: ['blue', 1, null] } })).toEqual({ shade: { of: ['blue', 1, null] } });
    const parsed = outcome({ type: 'Customer Updated', properties: { total: 'gold', currency: 'EUR' } }, { maySendServerTypes: true });
    expect(parsed).toMatchObject({ fact: { properties: { total: 'gold', currency: 'EUR' } } });
  });

  it('nothing hostile gets through', () => {
    const hostile: unknown = JSON.parse('{"a":{"__proto__":{"polluted":1}}}');
    expect(properties(hostile)).toBe('PROPERTY_INVALID');
    expect(properties(JSON.parse('{"__proto__":1}'))).toBe('PROPERTY_INVALID');
    expect(properties({ email_sealed: 'forged' })).toBe('PROPERTY_INVALID');
    expect(properties({ constructor: 'kept' })).toEqual({ constructor: 'kept' });
    expect(properties({ name: 'a\ud800b😀' })).toEqual({ name: 'a\ufffdb😀' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('limits of size and depth, at their borders', () => {
    const nested = (levels: number): unknown => (levels === 1 ? {} : { a: nested(levels - 1) });
    expect(properties(nested(propertiesDepthMax))).toEqual(nested(propertiesDepthMax));
    expect(properties(nested(propertiesDepthMax + 1))).toBe('PROPERTIES_TOO_LARGE');
    expect(properties({ a: [[[[[[[[1]]]]]]]] })).toBe('PROPERTIES_TOO_LARGE');
    const room = propertiesSizeMax - 2 - 'a'.length - 4 - 3;
    expect(properties({ a: 'x'.repeat(room) })).not.toBe('PROPERTIES_TOO_LARGE');
    expect(properties({ a: 'x'.repeat(room + 1) })).toBe('PROPERTIES_TOO_LARGE');
  });

  it('an address is found wherever it stands', () => {
    expect(properties({ Email: 'a@b.example', billing: { EMAIL: 'c@d.example' } })).toEqual({
      email: 'a@b.example',
      billing: { email: 'c@d.example' },
    });
    for (const email of [5, '', {}, 'x'.repeat(321)]) expect(properties({ email })).toBe('EMAIL_INVALID');
  });

  it('is a copy that parses to itself, for anything that JSON says', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }), (given) => {
        const once = properties(given);
        if (typeof once === 'string') return;
        expect(properties(once)).toEqual(once);
        expect(JSON.parse(JSON.stringify(once))).toEqual(once);
      }),
    );
  });
});
