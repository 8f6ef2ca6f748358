import { describe, expect, it } from '@jest/globals';
import type { ComparisonValue, Criteria, Op } from '../criteria/criteria.js';
import { opsOf, requestFields } from '../criteria/fields.js';
import { parseCriteria } from '../criteria/parse.js';
import type { RequestFacts } from './playbook.js';
import { ConditionUnknown, compileCondition, evaluateRequest } from './request-conditions.js';

const request: RequestFacts = {
  // A Monday; in Berlin it is 00:30 of Tuesday the 24th.
  time: Date.parse('2026-11-23T23:30:00.000Z'),
  url: 'https://golf.example/balls?page=2',
  referrer: null,
  placementId: 'hero',
  device: 'mobile',
  browser: 'firefox',
  country: null,
  context: { cart_items: '3', price: '10.0', page_type: 'cart', odd: '1e3', empty: '', size: 'L' },
};
const is = (field: string, op: Op, value: ComparisonValue, zone = 'UTC') => evaluateRequest({ field, op, value }, request, zone);

describe('a condition on the request', () => {
  it('asks the time in the client’s zone', () => {
    expect(is('request.hour', 'eq', 23)).toBe(true);
    expect(is('request.hour', 'eq', 0, 'Europe/Berlin')).toBe(true);
    expect(is('request.hour', 'gte', 18)).toBe(true);
    expect(is('request.hour', 'in', [9, 10])).toBe(false);
    expect(is('request.weekday', 'eq', 1)).toBe(true);
    expect(is('request.weekday', 'eq', 2, 'Europe/Berlin')).toBe(true);
    expect(is('request.weekday', 'notIn', [6, 7])).toBe(true);
    expect(is('request.date', 'eq', '2026-11-23')).toBe(true);
    expect(is('request.date', 'after', '2026-11-23')).toBe(false);
    expect(is('request.date', 'after', '2026-11-23', 'Europe/Berlin')).toBe(true);
    expect(is('request.date', 'before', '2026-11-24')).toBe(true);
    expect(is('request.date', 'before', '2026-11-23')).toBe(false);
    expect(is('request.date', 'in', ['2026-11-23', '2026-12-24'])).toBe(true);
    expect(is('request.date', 'exists', true)).toBe(true);
  });

  it('asks device, browser, page and placement', () => {
    expect(is('request.device', 'eq', 'mobile')).toBe(true);
    expect(is('request.device', 'neq', 'mobile')).toBe(false);
    expect(is('request.browser', 'in', ['firefox', 'safari'])).toBe(true);
    expect(is('request.browser', 'notIn', ['firefox'])).toBe(false);
    expect(is('request.url', 'contains', 'balls')).toBe(true);
    expect(is('request.url', 'startsWith', 'http://')).toBe(false);
    expect(is('request.placement', 'eq', 'hero')).toBe(true);
  });

  it('compares context as numbers where both sides are numbers, else as strings', () => {
    expect(is('context.cart_items', 'gte', 3)).toBe(true);
    expect(is('context.cart_items', 'gt', '2.5')).toBe(true);
    expect(is('context.cart_items', 'lt', 10)).toBe(true);
    expect(is('context.price', 'eq', 10)).toBe(true);
    expect(is('context.price', 'eq', '10.00')).toBe(true);
    expect(is('context.price', 'neq', 10)).toBe(false);
    expect(is('context.price', 'in', ['nothing', 10])).toBe(true);
    expect(is('context.price', 'notIn', ['10'])).toBe(false);
    expect(is('context.page_type', 'eq', 'cart')).toBe(true);
    expect(is('context.page_type', 'startsWith', 'ca')).toBe(true);
    expect(is('context.odd', 'eq', 1000)).toBe(false);
    expect(is('context.size', 'gt', 3)).toBe(false);
    expect(is('context.size', 'lte', 3)).toBe(false);
    expect(is('context.empty', 'lt', 1)).toBe(false);
    expect(is('context.empty', 'exists', true)).toBe(true);
  });

  it('is false where the value is missing, whatever the op, and true in a not', () => {
    const ops: [Op, ComparisonValue][] = [
      ['eq', 'x'],
      ['neq', 'x'],
      ['in', ['x']],
      ['notIn', ['x']],
      ['contains', 'x'],
      ['startsWith', 'x'],
      ['exists', true],
    ];
    for (const field of ['request.referrer', 'request.country', 'context.absent', 'context.constructor', 'context.__proto__']) {
      for (const [op, value] of ops) {
        const comparison: Criteria = { field, op, value };
        expect([field, op, evaluateRequest(comparison, request, 'UTC')]).toEqual([field, op, false]);
        expect(evaluateRequest({ not: comparison }, request, 'UTC')).toBe(true);
      }
      expect(is(field, 'exists', false)).toBe(true);
    }
    for (const op of ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const) expect(is('context.absent', op, 0)).toBe(false);
  });

  it('knows all, any and not, also of nothing', () => {
    const yes: Criteria = { field: 'request.device', op: 'eq', value: 'mobile' };
    const no: Criteria = { not: yes };
    const holds = (criteria: Criteria) => evaluateRequest(criteria, request, 'UTC');
    expect(holds({ all: [] })).toBe(true);
    expect(holds({ any: [] })).toBe(false);
    expect(holds({ all: [yes, no] })).toBe(false);
    expect(holds({ any: [no, yes] })).toBe(true);
    expect(holds({ not: { any: [no, { all: [yes, no] }] } })).toBe(true);
  });

  it('says why it does not hold', () => {
    const condition = compileCondition(
      {
        all: [
          { field: 'request.device', op: 'eq', value: 'mobile' },
          {
            any: [
              { field: 'context.cart_items', op: 'gt', value: 5 },
              { field: 'request.country', op: 'eq', value: 'DE' },
            ],
          },
        ],
      },
      'UTC',
    );
    expect(condition.whyNot(request)).toBe('none of: context.cart_items gt 5: it was "3"; request.country eq "DE": it was missing');
    expect(condition.whyNot({ ...request, country: 'DE' })).toBeUndefined();
  });

  it('refuses at load what no check lets through', () => {
    const wrong: unknown[] = [
      { field: 'orders.count', op: 'eq', value: 1 },
      { field: 'request.hour', op: 'contains', value: 1 },
      { field: 'request.hour', op: 'eq', value: 'noon' },
      { field: 'request.date', op: 'before', value: 'tomorrow' },
      { field: 'request.device', op: 'gt', value: 'a' },
      { field: 'request.device', op: 'in', value: 'mobile' },
      { field: 'request.device', op: 'eq', value: 'mobile', within: '6h' },
      { field: 'context.a', op: 'newerThan', value: '6h' },
      { segment: 'staff' },
      { customers: ['a'] },
    ];
    for (const criteria of wrong) expect(() => compileCondition(criteria as Criteria, 'UTC')).toThrow(ConditionUnknown);
  });

  it('compiles all that the check lets through', () => {
    const values: ComparisonValue[] = [
      3,
      -1.5,
      '3',
      '2026-11-23',
      'mobile',
      '',
      true,
      false,
      [],
      [1, '2'],
      ['2026-11-23'],
      ['a', 'b'],
      [7],
    ];
    const ops = new Set(Object.values(opsOf).flatMap((set) => [...set]));
    let taken = 0;
    for (const field of [...Object.keys(requestFields), 'context.n', 'context.ü']) {
      for (const op of ops) {
        for (const value of values) {
          const parsed = parseCriteria({ field, op, value }, 'request');
          if ('invalid' in parsed) continue;
          taken += 1;
          const condition = compileCondition(parsed.criteria, 'Europe/Berlin');
          expect(condition.holds(request)).toBe(condition.whyNot(request) === undefined);
        }
      }
    }
    expect(taken).toBeGreaterThan(200);
  });
});
