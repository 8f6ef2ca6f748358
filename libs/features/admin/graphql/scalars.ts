/** The scalars of the admin's schema: how values stand in JSON, and what is refused. */
import { GraphQLError, GraphQLScalarType, valueFromASTUntyped } from 'graphql';
import type { JsonLike } from '#libs/domain';
import { type Position, parsePosition } from '#libs/event-log';

/** The deepest JSON that is taken; what lies deeper is refused (`JSON`) or cut, so that the criteria's own check refuses it (`Criteria`). */
export const jsonDepthMax = 64;

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** Undefined for a text that is no RFC 3339 time, also for days that no month has. */
export function parseTime(text: unknown): Date | undefined {
  if (typeof text !== 'string' || !rfc3339.test(text)) return undefined;
  const time = new Date(text.toUpperCase());
  if (Number.isNaN(time.getTime())) return undefined;
  // `Date` rolls the 31st of a shorter month over into the next: the day must come back as it was written.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return day.toISOString().slice(0, 10) === text.slice(0, 10) ? time : undefined;
}

export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'RFC 3339, UTC.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => (value instanceof Date ? value : new Date(String(value))).toISOString(),
  parseValue: (value) => {
    const time = parseTime(value);
    if (time === undefined) throw badInput('a DateTime is a text of RFC 3339, such as 2026-11-23T08:00:00.000Z');
    return time;
  },
});

export const DecimalScalar = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'A decimal number as a string, such as `12.5000`.',
  serialize: (value) => String(value),
  parseValue: (value) => {
    if (typeof value !== 'string' || !/^-?\d{1,14}(\.\d{1,4})?$/.test(value)) throw badInput('a Decimal is a text such as "12.5000"');
    return value;
  },
});

export const SafeIntScalar = new GraphQLScalarType<number, number>({
  name: 'SafeInt',
  description: 'An integer up to 2^53 - 1.',
  serialize: (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new TypeError(`no SafeInt: ${String(value)}`);
    return number;
  },
  parseValue: (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw badInput('a SafeInt is an integer up to 2^53 - 1');
    return value;
  },
});

export const PositionScalar = new GraphQLScalarType<Position, string>({
  name: 'Position',
  description: 'A place in the event log, opaque; comparable only by the system.',
  serialize: (value) => String(value),
  parseValue: (value) => {
    const position = typeof value === 'string' ? parsePosition(value) : undefined;
    if (position === undefined) throw badInput('a Position is what an earlier answer said');
    return position;
  },
});

function takeJson(value: unknown): JsonLike {
  if (deeperThan(value, jsonDepthMax)) throw badInput(`JSON deeper than ${jsonDepthMax} levels`);
  return cutAt(value, jsonDepthMax);
}

export const JsonScalar = new GraphQLScalarType<JsonLike, unknown>({
  name: 'JSON',
  serialize: (value) => value,
  parseValue: takeJson,
  parseLiteral: (node, variables) => takeJson(valueFromASTUntyped(node, variables)),
});

// Of any shape here: the criteria's own check says CRITERIA_INVALID with the path, which a scalar's error cannot.
function takeCriteria(value: unknown): JsonLike {
  return cutAt(value, jsonDepthMax);
}

export const CriteriaScalar = new GraphQLScalarType<JsonLike, unknown>({
  name: 'Criteria',
  description: 'The criteria tree, as JSON: `all`, `any`, `not`, `segment`, `customers`, or a comparison of `field`, `op` and `value`.',
  serialize: (value) => value,
  parseValue: takeCriteria,
  parseLiteral: (node, variables) => takeCriteria(valueFromASTUntyped(node, variables)),
});

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => deeperThan(inner, levels - 1));
}

/** A copy of plain objects and arrays, with null in the place of what lies deeper. */
function cutAt(value: unknown, levels: number): JsonLike {
  if (typeof value !== 'object' || value === null) return value as JsonLike;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((inner) => cutAt(inner, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cutAt(inner, levels - 1)]));
}
