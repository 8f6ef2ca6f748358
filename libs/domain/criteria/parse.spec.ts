import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { customerFields, fieldType, opsOf, requestFields } from './fields.js';
import {
  type CriteriaInvalid,
  criteriaCustomersMax,
  criteriaDepthMax,
  criteriaNodesMax,
  criteriaTextLengthMax,
  criteriaValuesMax,
  parseCriteria,
} from './parse.js';

function invalid(value: unknown, kind: 'customer' | 'request' = 'customer'): CriteriaInvalid {
  const outcome = parseCriteria(value, kind);
  if ('criteria' in outcome) throw new Error(`taken as ${JSON.stringify(outcome.criteria)}`);
  return outcome.invalid;
}
const takes = (value: unknown, kind: 'customer' | 'request' = 'customer') =>
  expect(parseCriteria(value, kind)).toEqual({ criteria: value });
const refuses = (value: unknown, path: string, kind: 'customer' | 'request' = 'customer') =>
  expect(invalid(value, kind).path.join('.')).toBe(path);
const compare = (field: string, op: string, value: unknown) => ({ field, op, value });

describe('criteria of customers', () => {
  it('are a tree', () => {
    takes({
      all: [
        compare('orders.count', 'gte', 1),
        { any: [compare('visits.count', 'gt', 1), compare('arrival.source', 'in', ['direct'])] },
        { not: { segment: 'staff' } },
        { customers: ['o\'brien"x', 'zoë-✓'] },
      ],
    });
    takes({ all: [] });
    takes({ any: [] });
    takes({ customers: [] });
    takes({ field: 'orders.count', op: 'gte', value: 1, within: '30d' });
  });

  it.each<[string, unknown[]]>([
    [
      'orders.count',
      [
        ['eq', 0],
        ['neq', -1],
        ['gt', 1.5],
        ['gte', 1],
        ['lt', 2 ** 53 - 1],
        ['lte', 3],
        ['in', [1, 2]],
        ['notIn', []],
        ['exists', true],
      ],
    ],
    [
      'orders.total',
      [
        ['eq', 0.3],
        ['neq', '0.3000'],
        ['gt', '-12.5'],
        ['gte', 100],
        ['lt', '99999999999999.9999'],
        ['in', ['1', 2.5]],
        ['exists', false],
      ],
    ],
    [
      'orders.last',
      [
        ['before', '2026-03-01T10:00:00Z'],
        ['after', '2026-03-01T10:00:00.123456+05:30'],
        ['newerThan', '36h'],
        ['olderThan', '90d'],
        ['exists', true],
      ],
    ],
    [
      'arrival.source',
      [
        ['eq', 'direct'],
        ['neq', ''],
        ['in', ['a', 'b']],
        ['notIn', ['a']],
        ['contains', "'; DROP"],
        ['startsWith', 'x'],
        ['exists', true],
      ],
    ],
    [
      'attributes.tier',
      [
        ['eq', 'gold'],
        ['in', ['gold']],
        ['contains', '✓'],
        ['exists', false],
      ],
    ],
    ['attributes.a b.c/✓', [['eq', 'x']]],
    [
      'email.known',
      [
        ['eq', true],
        ['eq', false],
        ['exists', true],
      ],
    ],
  ])('compare %s', (field, comparisons) => {
    for (const [op, value] of comparisons as [string, unknown][]) takes(compare(field, op, value));
  });

  it.each<[string, [string, unknown][], string]>([
    [
      'orders.count',
      [
        ['contains', '1'],
        ['startsWith', 1],
        ['before', '2026-03-01T10:00:00Z'],
        ['newerThan', '1d'],
        ['like', 1],
        ['', 1],
      ],
      'op',
    ],
    [
      'orders.last',
      [
        ['eq', '2026-03-01T10:00:00Z'],
        ['gt', 1],
        ['in', []],
      ],
      'op',
    ],
    [
      'email.known',
      [
        ['neq', true],
        ['in', [true]],
      ],
      'op',
    ],
    [
      'arrival.source',
      [
        ['gt', 'a'],
        ['lte', 'b'],
      ],
      'op',
    ],
    [
      'orders.count',
      [
        ['eq', '1'],
        ['eq', null],
        ['eq', Number.NaN],
        ['gt', Number.POSITIVE_INFINITY],
        ['eq', 2 ** 53],
        ['eq', true],
        ['eq', [1]],
        ['exists', 1],
        ['in', 1],
        ['in', {}],
      ],
      'value',
    ],
    [
      'orders.total',
      [
        ['eq', ''],
        ['eq', '1e3'],
        ['eq', '+1'],
        ['eq', '.5'],
        ['eq', '5.'],
        ['eq', '1.23456'],
        ['eq', 1e21],
        ['eq', 0.1 + 0.2],
        ['eq', Number.NaN],
        ['eq', '123456789012345'],
        ['eq', ' 1'],
      ],
      'value',
    ],
    [
      'orders.last',
      [
        ['before', '2026-03-01'],
        ['before', 1],
        ['after', '2026-02-30T00:00:00Z'],
        ['after', 'now'],
        ['after', '2026-03-01T10:00:00'],
        ['newerThan', '1w'],
        ['newerThan', '0d'],
        ['newerThan', '-1d'],
        ['newerThan', '01d'],
        ['olderThan', 30],
        ['olderThan', '3661d'],
        ['olderThan', '1.5d'],
      ],
      'value',
    ],
    [
      'arrival.source',
      [
        ['eq', 1],
        ['eq', null],
        ['eq', '\ud800'],
        ['contains', ['a']],
        ['eq', 'x'.repeat(criteriaTextLengthMax + 1)],
      ],
      'value',
    ],
    [
      'email.known',
      [
        ['eq', 'true'],
        ['eq', 1],
        ['exists', 'true'],
      ],
      'value',
    ],
    [
      'arrival.source',
      [
        ['in', [1]],
        ['notIn', [null]],
        ['in', [['a']]],
      ],
      'value.0',
    ],
    ['orders.total', [['in', ['x']]], 'value.0'],
  ])('refuse of %s %j', (field, comparisons, path) => {
    for (const [op, value] of comparisons) refuses(compare(field, op, value), path);
  });

  it.each([
    'orders',
    'orders.',
    'Orders.count',
    'orders.count ',
    'toString',
    '__proto__',
    'constructor',
    'attributes.',
    'attributes',
    `attributes.${'x'.repeat(65)}`,
    'attributes.a\nb',
    'request.hour',
    'context.x',
    '',
  ])('refuse the field %j', (field) => refuses(compare(field, 'eq', 'x'), 'field'));

  it.each(['', '0d', '1', 'd', '1m', '1D', '30 d', '-3d', '1e1d', '3661d', '87841h', '99999999999d', 30, null, ['1d']])(
    'refuse the window %j',
    (within) => refuses({ ...compare('views.count', 'gte', 1), within }, 'within'),
  );

  it('refuse unknown keys, several operators, none', () => {
    refuses({}, '');
    refuses({ some: [] }, '');
    refuses({ all: [], any: [] }, 'any');
    refuses({ not: { all: [] }, segment: 'x' }, 'segment');
    refuses({ ...compare('orders.count', 'eq', 1), segment: 'x' }, 'field');
    refuses({ all: [], comment: 'x' }, 'comment');
    refuses({ ...compare('orders.count', 'eq', 1), comment: 'x' }, 'comment');
    refuses({ field: 'orders.count', op: 'eq' }, 'value');
    refuses({ field: 'orders.count', value: 1 }, 'op');
    refuses({ op: 'eq', value: 1 }, '');
    refuses({ field: 7, op: 'eq', value: 1 }, 'field');
  });

  it.each([null, undefined, 1, 'x', true, [], [{ all: [] }], Number.NaN])('refuse %p as a part', (value) => {
    refuses(value, '');
    refuses({ all: [value] }, 'all.0');
    refuses({ not: value }, 'not');
  });

  it('refuse lists that are none, and ids of another form', () => {
    refuses({ all: { length: 1 } }, 'all');
    refuses({ any: 'x' }, 'any');
    refuses({ all: new Array(2) }, 'all.0');
    refuses({ segment: 'a b' }, 'segment');
    refuses({ segment: '__proto__' }, 'segment');
    refuses({ segment: ['x'] }, 'segment');
    refuses({ customers: 'x' }, 'customers');
    refuses({ customers: ['x', ''] }, 'customers.1');
    refuses({ customers: ['x'.repeat(65)] }, 'customers.0');
    refuses({ customers: ['a\u0000'] }, 'customers.0');
  });

  it('name the place of a fault', () =>
    refuses({ all: [{ all: [] }, { any: [{ not: compare('orders.count', 'eq', 'x') }] }] }, 'all.1.any.0.not.value'));
});

describe('hostile criteria', () => {
  const nested = (depth: number) => {
    let tree: unknown = { all: [] };
    for (let level = 1; level < depth; level++) tree = { not: tree };
    return tree;
  };

  it('are as deep as allowed, and no deeper', () => {
    takes(nested(criteriaDepthMax));
    expect(invalid(nested(criteriaDepthMax + 1)).message).toContain('deep');
    expect(invalid(nested(100_000)).path).toHaveLength(criteriaDepthMax);
    const endless: Record<string, unknown> = {};
    endless.not = endless;
    expect(invalid(endless).message).toContain('deep');
  });

  it('are as large as allowed, and no larger', () => {
    const leaf = compare('views.count', 'eq', 1);
    takes({ all: new Array(criteriaNodesMax - 1).fill(leaf) });
    refuses({ all: new Array(criteriaNodesMax).fill(leaf) }, `all.${criteriaNodesMax - 1}`);
    refuses({ all: new Array(10_000_000) }, 'all');
    const wide = { any: new Array(100).fill({ any: new Array(100).fill(leaf) }) };
    expect(invalid(wide).message).toContain('parts');
    refuses(compare('views.count', 'in', new Array(criteriaValuesMax + 1).fill(1)), 'value');
    takes({ customers: new Array(criteriaCustomersMax).fill('c') });
    refuses({ customers: new Array(criteriaCustomersMax + 1).fill('c') }, 'customers');
    const half = { customers: new Array(criteriaCustomersMax / 2 + 1).fill('c') };
    refuses({ any: [half, half] }, 'any.1.customers');
    expect(invalid({ customers: new Array(criteriaCustomersMax).fill('"'.repeat(64)) }).message).toContain('bytes');
  });

  it('bring nothing with them by their prototypes', () => {
    refuses(JSON.parse('{"__proto__": {"all": []}}'), '');
    refuses(JSON.parse('{"all": [], "__proto__": 1}'), '__proto__');
    refuses(Object.create({ all: [] }), '');
    refuses(Object.assign(Object.create({ value: 1 }), { field: 'views.count', op: 'eq' }), 'value');
    refuses(compare('views.count', 'constructor', 1), 'op');
    const parsed = parseCriteria(Object.assign(Object.create(null), { all: [] }), 'customer');
    expect(parsed).toEqual({ criteria: { all: [] } });
  });

  it('never throw, and what is taken is taken again as it was', () =>
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withSparseArray: true, maxDepth: 4 }),
        fc.constantFrom('customer', 'request'),
        (value, kind) => {
          const outcome = parseCriteria(value, kind);
          if ('criteria' in outcome) expect(parseCriteria(JSON.parse(JSON.stringify(outcome.criteria)), kind)).toEqual(outcome);
          else expect(outcome.invalid.message).not.toBe('');
        },
      ),
    ));
});

describe('criteria of requests', () => {
  it.each([
    compare('request.hour', 'gte', 18),
    compare('request.weekday', 'in', [6, 7]),
    compare('request.date', 'before', '2026-11-23'),
    compare('request.date', 'in', ['2026-11-23', '2026-12-24']),
    compare('request.country', 'eq', 'DE'),
    compare('request.device', 'notIn', ['bot']),
    compare('request.url', 'contains', '/cart'),
    compare('request.referrer', 'exists', false),
    compare('context.cart_items', 'gt', 3),
    compare('context.cart_items', 'gte', '3.5'),
    compare('context.page_type', 'eq', 'cart'),
    compare('context.page_type', 'in', ['cart', 3]),
    compare('context.__proto__', 'startsWith', 'x'),
    { all: [{ any: [] }, { not: compare('request.placement', 'eq', 'hero') }] },
  ])('take %j', (value) => takes(value, 'request'));

  it.each<[unknown, string]>([
    [{ segment: 'staff' }, ''],
    [{ customers: ['x'] }, ''],
    [{ all: [{ segment: 'staff' }] }, 'all.0'],
    [{ all: [], segment: 'staff' }, 'segment'],
    [{ ...compare('context.x', 'eq', '1'), within: '1d' }, 'within'],
    [compare('orders.count', 'gte', 1), 'field'],
    [compare('attributes.tier', 'eq', 'gold'), 'field'],
    [compare('request.ip', 'eq', 'x'), 'field'],
    [compare('context.', 'eq', 'x'), 'field'],
    [compare('request.hour', 'eq', '18'), 'value'],
    [compare('request.date', 'before', '23.11.2026'), 'value'],
    [compare('request.date', 'before', '2026-11-23T00:00:00Z'), 'value'],
    [compare('request.date', 'eq', '2026-02-30'), 'value'],
    [compare('request.date', 'newerThan', '1d'), 'op'],
    [compare('context.x', 'gt', 'many'), 'value'],
    [compare('context.x', 'eq', true), 'value'],
    [compare('context.x', 'eq', Number.NaN), 'value'],
  ])('refuse %j', (value, path) => refuses(value, path, 'request'));
});

it('every field has a type, and every type its ops', () => {
  for (const field of Object.keys(customerFields)) expect(opsOf[fieldType(field, 'customer') ?? 'context'].has('exists')).toBe(true);
  for (const field of Object.keys(requestFields)) expect(fieldType(field, 'customer')).toBeUndefined();
});
