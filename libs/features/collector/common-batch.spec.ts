import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventTypeOf, parseBehaviour } from '#libs/domain';
import { sealFact } from '#libs/imports';
import { CommonBatches } from './common-batch.js';

const now = new Date('2026-11-23T11:00:00.123Z');
const batches = new CommonBatches('golf', 'GBP');

const unasked = { obtain: () => Promise.reject(new Error('asked for a key')) };

/** What the long way would spool; undefined when it refuses the body, or an item, or seals something. */
async function longWay(body: Uint8Array): Promise<unknown> {
  try {
    const parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as { batch: unknown[] };
    const facts = [];
    for (const item of parsed.batch) {
      const checked = parseBehaviour(item, { currency: 'GBP', receivedAt: now, maySendServerTypes: false });
      if ('code' in checked) return undefined;
      const data = await sealFact(checked.fact, 'golf', unasked);
      facts.push({ category: 'behaviour', clientId: 'golf', type: eventTypeOf(checked.fact.type), data });
    }
    return JSON.parse(JSON.stringify(facts));
  } catch {
    // Malformed, or in need of a key: nothing that is common.
    return undefined;
  }
}

/** What the short way spools; undefined when it leaves the body to the long one. */
function shortWay(body: Uint8Array): unknown {
  const read = batches.read(body, now.toISOString());
  if (read === undefined) return undefined;
  const facts = JSON.parse(Buffer.from(read.json).toString('utf8')) as unknown[];
  expect(read.count).toBe(facts.length);
  expect(read.counts.reduce((sum, count) => sum + count, 0)).toBe(facts.length);
  return facts;
}

const bytesOf = (value: unknown, spaces?: number) => Buffer.from(JSON.stringify(value, null, spaces));
const event = (properties: object | undefined, more: object = {}) => ({
  type: 'Product Viewed',
  messageId: 'm1',
  customerId: 'c1',
  sessionId: 's1',
  timestamp: '2026-11-20T10:00:00.000Z',
  properties,
  ...more,
});

async function both(body: Uint8Array): Promise<unknown> {
  const short = shortWay(body);
  if (short !== undefined) expect(short).toEqual(await longWay(body));
  return short;
}

describe('the common form of a batch', () => {
  it.each<[string, unknown[]]>([
    [
      'pages and products',
      [event({ url: 'https://shop.example/a?b=%20c', product_id: 'p1', price: 19.5, quantity: '2', currency: 'GBP' })],
    ],
    ['amounts with zeros', [event({ price: '10.00', total: 0.5, quantity: '1.2500' }), event({ price: 0, total: '0.0' })]],
    ['no session, no time, no properties', [{ type: 'Cart Viewed', messageId: 'm', customerId: 'c' }]],
    ['no session, said', [event({}, { sessionId: null })]],
    ['members in another order', [{ properties: { query: 'ü – 日本' }, customerId: 'c', messageId: 'm', type: 'Products Searched' }]],
    ['a time without milliseconds', [event({}, { timestamp: '2024-02-29T23:59:59Z' })]],
    [
      'an order',
      [event({ order_id: 'o1', total: 12, products: [{ product_id: 'a', price: 1, quantity: 3 }, {}] }, { type: 'Order Completed' })],
    ],
    ['names of their own', [event({ tags: ['a', { b: [1.5, null, true, false] }], title: 'x', constructor: 'y', list: [] })]],
  ])('is recognised: %s', async (_, batch) => {
    expect(await both(bytesOf({ batch }))).toHaveLength(batch.length);
    expect(await both(bytesOf({ batch }, 2))).toHaveLength(batch.length);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['an empty batch', '{"batch":[]}'],
    ['another member', '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c"}],"sentAt":1}'],
    ['something behind it', '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c"}]}]'],
    ['a byte order mark', '\ufeff{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c"}]}'],
  ])('is not recognised: %s', (_, body) => expect(shortWay(Buffer.from(body))).toBeUndefined());

  it.each<[string, object]>([
    ['an escape', event({ title: 'a"b' })],
    ['an address', event({ contact: 'a@b.example' })],
    ['an address in a page', event({ url: 'https://shop.example/?m=a%40b.example' })],
    ['email', event({ eMail: 'x' })],
    ['email deep inside', event({ a: { b: { email: 'x' } } })],
    ['a name of ours', event({ email_sealed: 'v1.x' })],
    ['a type that needs a key', event({}, { type: 'Order Refunded' })],
    ['an unknown type', event({}, { type: 'Product Eaten' })],
    ['a negative amount', event({ price: -1 })],
    ['an amount of five digits behind the point', event({ price: 1.00005 })],
    ['an amount with leading zeros', event({ price: '01' })],
    ['another currency', event({ price: 1, currency: 'EUR' })],
    ['a currency in small letters', event({ price: 1, currency: 'gbp' })],
    ['a missing amount', event({ price: null })],
    ['an id that is a number', event({ product_id: 7 })],
    ['a day that does not exist', event({}, { timestamp: '2023-02-29T10:00:00.000Z' })],
    ['an hour that does not exist', event({}, { timestamp: '2023-02-28T24:00:00.000Z' })],
    ['an offset', event({}, { timestamp: '2023-02-28T10:00:00+01:00' })],
    ['a control character in an id', event({}, { messageId: 'a\u007fb' })],
    ['an id beyond ASCII', event({}, { customerId: 'é' })],
    ['a long id', event({}, { customerId: 'x'.repeat(65) })],
    ['a large number', event({ n: 1234567890123456 })],
    ['five levels', event({ a: { b: { c: { d: {} } } } })],
  ])('is not recognised with %s', (_, item) => expect(shortWay(bytesOf({ batch: [event({}), item] }))).toBeUndefined());

  it.each([
    '{"batch":[{"type":"Cart Viewed","messageId":"m","messageId":"n","customerId":"c"}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c","properties":{"price":1,"price":2}}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c","properties":{"a":1e400}}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c","properties":{"a":01}}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c","properties":{"__proto__":1}}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c","properties":{"a":1,}}]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c"},]}',
    '{"batch":[{"type":"Cart Viewed","messageId":"m","customerId":"c"}',
  ])('is not recognised: %s', (body) => expect(shortWay(Buffer.from(body))).toBeUndefined());

  it('is no UTF-8', () => {
    const body = bytesOf({ batch: [event({ title: 'xyz' })] });
    body[body.indexOf('xyz')] = 0xff;
    expect(shortWay(body)).toBeUndefined();
  });

  it('never reads what an earlier, longer body has left behind', () => {
    const body = bytesOf({ batch: [event({ price: 1, url: 'https://shop.example/' }, { sessionId: null })] });
    expect(shortWay(body)).toHaveLength(1);
    for (let length = 0; length < body.length; length += 1)
      expect([length, shortWay(body.subarray(0, length))]).toEqual([length, undefined]);
  });

  const text = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
    fc.constantFrom('a@b.example', 'x%40y.example', '%4', '\u007f', 'GBP', 'EUR', ''),
  );
  const amount = fc.oneof(
    fc.nat(2_000_000),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom('1.50', '0', '007', '1.', '.5', '1e3', 12.3456, 1.23456, null, -0, 'x', '999999.9999', '1000000'),
  );
  const names = [
    'price',
    'quantity',
    'total',
    'currency',
    'product_id',
    'order_id',
    'coupon',
    'url',
    'referrer',
    'query',
    'title',
    'email',
    '1',
  ];
  const propertiesOf = (deep: fc.Arbitrary<unknown>) =>
    fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, text), fc.oneof(text, amount, deep), { maxKeys: 6 });
  const line = propertiesOf(fc.constant(null));
  const properties = fc
    .tuple(propertiesOf(fc.jsonValue({ maxDepth: 5 })), fc.option(fc.array(line, { maxLength: 4 }), { nil: undefined }))
    .map(([own, products]) => (products === undefined ? own : { ...own, products }));
  const time = fc.oneof(
    fc.date({ min: new Date('1890-01-01'), max: new Date('2310-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom(
      '2024-02-29T10:00:00Z',
      '2023-02-29T10:00:00Z',
      '2026-04-31T10:00:00Z',
      '2026-11-23T10:00:60Z',
      '2026-11-23 10:00:00Z',
      null,
    ),
  );
  const types = ['Page Viewed', 'Products Searched', 'Order Completed', 'Content Clicked', 'Checkout Started', 'Email Provided', 'Nothing'];
  const item = fc.record(
    { type: fc.constantFrom(...types), messageId: text, customerId: text, sessionId: fc.option(text), timestamp: time, properties },
    { requiredKeys: ['type', 'messageId', 'customerId'] },
  );
  const plain = fc.record(
    {
      type: fc.constantFrom(...types.slice(0, 5)),
      messageId: fc.stringMatching(/^[a-z0-9 -]{1,64}$/),
      customerId: fc.uuid(),
      sessionId: fc.option(fc.uuid()),
      timestamp: fc.constantFrom('2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00Z'),
      properties: fc.record(
        {
          price: fc.integer({ min: 0, max: 99_999_999 }).map((units) => units / 100),
          total: fc.integer({ min: 0, max: 99_999_999 }).map((units) => (units / 100).toFixed(2)),
          currency: fc.constant('GBP'),
          title: fc.stringMatching(/^[a-zà-ÿ ]{0,9}$/),
          products: fc.array(fc.record({ product_id: fc.uuid(), price: fc.nat(999_999), quantity: fc.nat(99) }), { maxLength: 4 }),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['type', 'messageId', 'customerId'] },
  );
  const spaces = fc.constantFrom(undefined, 1);

  it('is what the long way makes of plain events, always', () =>
    fc.assert(
      fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 20 }), spaces, async (batch, space) => {
        expect(await both(bytesOf({ batch }, space))).toHaveLength(batch.length);
      }),
      { numRuns: 300 },
    ));

  it('is what the long way makes of one visitor’s events, in whatever order their members stand', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(plain, fc.constantFrom('ann', 'ann', 'bob'), fc.constantFrom('s1', 's1', 's22', null, undefined)), {
          minLength: 2,
          maxLength: 12,
        }),
        fc.shuffledSubarray(['type', 'messageId', 'properties', 'customerId', 'sessionId', 'timestamp'], { minLength: 6 }),
        fc.array(fc.nat(5), { maxLength: 3 }),
        spaces,
        async (events, names, moved, space) => {
          const batch = events.map(([own, customerId, sessionId], index) => {
            const all: Record<string, unknown> = { ...own, customerId, sessionId };
            // Most events have their members in one order, as one writer writes them; some in another.
            const turned = moved.includes(index) ? [...names].reverse() : names;
            return Object.fromEntries(turned.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]));
          });
          expect(await both(bytesOf({ batch }, space))).toHaveLength(batch.length);
        },
      ),
      { numRuns: 500 },
    ));

  it('is what the long way makes of odd events, or nothing', () =>
    fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 3 }), spaces, async (batch, space) => {
        await both(bytesOf({ batch }, space));
      }),
      { numRuns: 2_000 },
    ));

  it('is what the long way makes of bodies with bytes changed, left out or doubled, or nothing', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(plain, { minLength: 1, maxLength: 2 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.oneof(fc.constantFrom(...Buffer.from('"{}[],:\\0-9.eE@% \n')), fc.nat(255))), {
          minLength: 1,
          maxLength: 3,
        }),
        async (batch, changes) => {
          const body = [...bytesOf({ batch })];
          for (const [where, how, byte] of changes) body.splice(where % body.length, how === 1 ? 0 : 1, ...(how === 0 ? [] : [byte]));
          await both(Buffer.from(body));
        },
      ),
      { numRuns: 5_000 },
    ));
});
