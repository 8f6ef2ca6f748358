import fc from 'fast-check';
import { DateTime } from 'luxon';
import {
  type BehaviourFact,
  type BehaviourProperties,
  type BehaviourType,
  behaviourTypes,
  type ComparisonValue,
  type ContentServedFact,
  type Criteria,
  customerFields,
  type FieldType,
  type Op,
  opsOf,
  parseCriteria,
  parseOpaqueId,
} from '#libs/domain';
import type { SegmentCriteria } from '../analytics.js';

/** A client, what its customers did, and segments to judge them by as of a time. Small, and on every border. */
export interface HistoryCase {
  readonly timeZone: string;
  readonly origins: readonly string[];
  readonly asOf: Date;
  /** In the order of the log. */
  readonly facts: readonly (BehaviourFact | ContentServedFact)[];
  readonly segments: SegmentCriteria;
}

/** Build times on days on which the clocks change, also at midnight and by half an hour, and on plain ones. */
const builds = [
  ['America/New_York', '2026-03-08T15:00:00.000Z'],
  ['America/New_York', '2026-11-02T05:30:00.000Z'],
  ['Europe/London', '2026-03-29T00:30:00.000Z'],
  ['America/Sao_Paulo', '2017-10-15T12:00:00.000Z'],
  ['America/Havana', '2024-11-03T05:30:00.000Z'],
  ['Australia/Lord_Howe', '2025-04-05T15:15:00.000Z'],
  ['Asia/Kathmandu', '2026-06-01T18:15:00.000Z'],
  ['UTC', '1970-01-02T00:00:00.000Z'],
] as const;

const hostileIds = ["o'br\\ien", '"; DROP TABLE customers; --', '{p0:String}', 'zoë-✓', '😀', '%00', 'null', '\\N', 'x'.repeat(64)];
const windows = ['1d', '2d', '7d', '30d', '6h', '12h', '36h'];

const opaqueId = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((id) => parseOpaqueId(id) !== undefined);
const text = fc.oneof(fc.constantFrom('gold', 'silver', '', "go'ld", 'GOLD', 'news', 'search.example', 'spring', '5', 'true'), opaqueId);
const amount = fc.constantFrom('0', '1', '10.5', '0.1', '0.2', '-3', '99999999999999.9999', '0.0001');

function timeAround(asOf: string, timeZone: string): fc.Arbitrary<string> {
  const build = Date.parse(asOf);
  const midnight = (daysBefore: number): number =>
    DateTime.fromMillis(build, { zone: timeZone }).startOf('day').minus({ days: daysBefore }).startOf('day').toMillis();
  const border = fc.oneof(
    fc.integer({ min: -1, max: 31 }).map(midnight),
    fc.constantFrom(0, 6, 12, 36, -6).map((hours) => build - hours * 3_600_000),
    fc.integer({ min: -48, max: 48 * 20 }).map((halfHours) => build - halfHours * 1_800_000),
  );
  return fc.tuple(border, fc.constantFrom(0, 0, 0, -1, 1)).map(([at, millis]) => new Date(at + millis).toISOString());
}

const pages = [
  'https://shop.example/',
  'https://www.shop.example/a?utm_source=news&utm_campaign=spring',
  'https://SHOP.example/?utm_source=&utm_campaign=none',
  'http://other.example:8080/x?utm_source=a%20b',
];
const referrers = [
  'https://www.Search.Example/q',
  'https://shop.example/b',
  'https://blog.shop.example/',
  'not an address',
  'http://page.example:81',
];

function properties(type: BehaviourType): fc.Arbitrary<BehaviourProperties> {
  const page = { url: fc.constantFrom(...pages), referrer: fc.constantFrom(...referrers), email_sealed: fc.constant('sealed') };
  const line = fc.record({ product_id: text, price: amount, quantity: fc.constantFrom('1', '2', '-2', '0.5') }, { requiredKeys: [] });
  const small = line.filter(({ price = '0' }) => price.length < 6);
  const order = {
    order_id: fc.constantFrom('o1', 'o2', "o'3"),
    total: amount,
    coupon: fc.constantFrom('', 'TEN'),
    products: fc.array(small, { maxLength: 2 }),
  };
  switch (type) {
    case 'Order Completed':
    case 'Order Refunded':
      return fc.record({ ...order, ...page }, { requiredKeys: [] }) as fc.Arbitrary<BehaviourProperties>;
    case 'Customer Updated': {
      const value = fc.oneof(text, fc.constantFrom(null, 5, 1.5, true, ['a'], { b: "'" }));
      return fc.record(
        { tier: value, 'a.b': value, url: fc.constantFrom(...pages) },
        { requiredKeys: [] },
      ) as fc.Arbitrary<BehaviourProperties>;
    }
    default:
      return fc.record(page, { requiredKeys: [] }) as fc.Arbitrary<BehaviourProperties>;
  }
}

function fact(customers: readonly string[], time: fc.Arbitrary<string>): fc.Arbitrary<BehaviourFact | ContentServedFact> {
  const who = {
    customerId: fc.constantFrom(...customers),
    sessionId: fc.constantFrom(null, null, 's1', 's2', '2026-03-08'),
    time,
  };
  const commonTypes = [
    'Product Viewed',
    'Product Added',
    'Order Completed',
    'Order Completed',
    'Order Refunded',
    'Customer Updated',
  ] as const;
  const behaviour = fc.constantFrom(...commonTypes, ...behaviourTypes).chain((type) =>
    fc.record({
      ...who,
      type: fc.constant(type),
      // Most messages are new; some are sent again.
      messageId: fc.oneof({ weight: 9, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.constantFrom('m1', 'm2') }),
      properties: properties(type),
    }),
  );
  const served = fc.record({
    ...who,
    decisionId: fc.uuid(),
    sampleRate: fc.constantFrom(1, 0.5, 0.25, 0.4),
    campaignId: fc.constant('spring'),
  });
  return fc.oneof({ weight: 8, arbitrary: behaviour }, { weight: 1, arbitrary: served.map(servedFact) });
}

function servedFact(answer: Pick<ContentServedFact, 'customerId' | 'sessionId' | 'time' | 'decisionId' | 'sampleRate' | 'campaignId'>) {
  return {
    ...answer,
    placementId: null,
    contentId: null,
    segmentId: null,
    ruleId: null,
    group: null,
    reason: 'DEFAULT',
    playbook: 'p',
    audience: null,
    form: 'json' as const,
    request: { url: null, referrer: null, device: 'desktop' as const, browser: null, country: null, context: {} },
  };
}

function valueFor(type: FieldType, op: Op, time: fc.Arbitrary<string>): fc.Arbitrary<ComparisonValue> {
  const scalar = ((): fc.Arbitrary<string | number> => {
    switch (type) {
      case 'number':
        return fc.oneof(fc.integer({ min: -1, max: 4 }), fc.constantFrom(0.5, 1.5, -0.5, 1e6, Number.MAX_SAFE_INTEGER));
      case 'money':
        return fc.oneof(amount, fc.constantFrom(0, 10.5, 0.3, -3));
      case 'time':
        return time;
      default:
        return text;
    }
  })();
  if (op === 'exists') return fc.boolean();
  if (op === 'in' || op === 'notIn') return fc.array(scalar, { maxLength: 3 });
  if (op === 'newerThan' || op === 'olderThan') return fc.constantFrom(...windows);
  if (type === 'boolean') return fc.boolean();
  return scalar;
}

function comparison(time: fc.Arbitrary<string>): fc.Arbitrary<Criteria> {
  const fields: readonly (readonly [string, FieldType])[] = [
    ...Object.entries(customerFields),
    ['attributes.tier', 'text'],
    ['attributes.a.b', 'text'],
  ];
  return fc
    .constantFrom(...fields)
    .chain(([field, type]) => fc.tuple(fc.constant(field), fc.constant(type), fc.constantFrom(...opsOf[type])))
    .chain(([field, type, op]) => {
      const whole = { field: fc.constant(field), op: fc.constant(op), value: valueFor(type, op, time) };
      const windowed = fc.record({ ...whole, within: fc.constantFrom(...windows) });
      return fc.oneof<fc.Arbitrary<Criteria>[]>(fc.record(whole), windowed);
    });
}

function criteria(customers: readonly string[], refersTo: readonly string[], time: fc.Arbitrary<string>): fc.Arbitrary<Criteria> {
  const leaves: fc.Arbitrary<Criteria>[] = [
    comparison(time),
    comparison(time),
    comparison(time),
    fc.record({ customers: fc.subarray([...customers, 'never seen'], { maxLength: 3 }) }),
    ...(refersTo.length === 0 ? [] : [fc.record({ segment: fc.constantFrom(...refersTo) })]),
  ];
  const { tree } = fc.letrec<{ tree: Criteria }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(...leaves),
      fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('tree'), { maxLength: 3 }) }),
      fc.record({ not: tie('tree') }),
    ),
  }));
  return tree.filter((one) => 'criteria' in parseCriteria(one, 'customer'));
}

export const historyCases: fc.Arbitrary<HistoryCase> = fc
  .tuple(fc.constantFrom(...builds), fc.uniqueArray(fc.oneof(fc.constantFrom(...hostileIds), opaqueId), { minLength: 2, maxLength: 6 }))
  .chain(([[timeZone, asOf], customers]) => {
    const time = timeAround(asOf, timeZone);
    const segment = (index: number) =>
      criteria(
        customers,
        Array.from({ length: index }, (_, before) => `s${before}`),
        time,
      );
    return fc.record({
      timeZone: fc.constant(timeZone),
      origins: fc.constantFrom([], ['https://shop.example', 'https://blog.shop.example:444'], ['https://www.page.example']),
      asOf: fc.constant(new Date(asOf)),
      facts: fc.array(fact(customers, time), { minLength: 0, maxLength: 40 }),
      segments: fc
        .tuple(...Array.from({ length: 8 }, (_, index) => segment(index)))
        .map((all) => Object.fromEntries(all.map((one, index) => [`s${index}`, one]))),
    });
  });
