import { describe, expect, it } from '@jest/globals';
import { parseValue } from 'graphql';
import { criteriaDepthMax, parseCriteria } from '#libs/domain';
import { CriteriaScalar, DateTimeScalar, DecimalScalar, JsonScalar, PositionScalar, SafeIntScalar } from './scalars.js';

describe('DateTime', () => {
  it.each([
    ['2026-11-23T08:00:00Z', '2026-11-23T08:00:00.000Z'],
    ['2026-11-23t08:00:00.123456z', '2026-11-23T08:00:00.123Z'],
    ['2026-11-23T00:30:00+01:00', '2026-11-22T23:30:00.000Z'],
    ['2024-02-29T23:59:59-00:00', '2024-02-29T23:59:59.000Z'],
  ])('takes %s and gives %s', (given, shown) => {
    expect(DateTimeScalar.serialize(DateTimeScalar.parseValue(given))).toBe(shown);
  });

  it.each(['2026-02-30T00:00:00Z', '2026-11-23', '2026-11-23T08:00:00', '2026-13-01T00:00:00Z', '2026-11-23 08:00:00Z', 1763884800000, ''])(
    'refuses %j',
    (given) => expect(() => DateTimeScalar.parseValue(given)).toThrow(/RFC 3339/),
  );
});

describe('the other scalars', () => {
  it('take what they say', () => {
    expect(DecimalScalar.parseValue('-12.5000')).toBe('-12.5000');
    expect(SafeIntScalar.parseValue(2 ** 53 - 1)).toBe(2 ** 53 - 1);
    expect(PositionScalar.parseValue('18446744073709551615')).toBe(18446744073709551615n);
    expect(PositionScalar.serialize(7n)).toBe('7');
  });

  it('refuse what they do not', () => {
    for (const bad of ['1e3', '1.', 'NaN', 12.5]) expect(() => DecimalScalar.parseValue(bad)).toThrow();
    for (const bad of [2 ** 53, 1.5, '1']) expect(() => SafeIntScalar.parseValue(bad)).toThrow();
    for (const bad of ['-1', '0x1', '', 1, '1'.repeat(21)]) expect(() => PositionScalar.parseValue(bad)).toThrow();
    expect(() => SafeIntScalar.serialize(2 ** 60)).toThrow();
  });

  it('give plain objects for literals, whatever their names', () => {
    const literal = parseValue('{ all: [{ field: "orders.count", op: "gte", value: 1 }], constructor: 1, __proto__: { x: 1 } }');
    const given = CriteriaScalar.parseLiteral(literal, {}) as Record<string, unknown>;
    expect(Object.keys(given)).toEqual(['all', 'constructor', '__proto__']);
    expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
  });

  it('refuse JSON that is too deep, and cut criteria only where the check refuses them anyway', () => {
    const nested = (levels: number): unknown => (levels === 0 ? { all: [] } : { all: [nested(levels - 1)] });
    expect(() => JsonScalar.parseValue(nested(100))).toThrow(/64/);
    const deepest = CriteriaScalar.parseValue(nested(criteriaDepthMax - 1));
    expect(deepest).toEqual(nested(criteriaDepthMax - 1));
    expect(parseCriteria(deepest, 'customer')).toHaveProperty('criteria');
    expect(parseCriteria(CriteriaScalar.parseValue(nested(criteriaDepthMax)), 'customer')).toHaveProperty('invalid');
    expect(parseCriteria(CriteriaScalar.parseValue(nested(5_000)), 'customer')).toHaveProperty('invalid');
  });
});
