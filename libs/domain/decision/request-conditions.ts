import type { Comparison, Criteria, Op } from '../criteria/criteria.js';
import { formatDay, localDay, localHour, localWeekday, parseDay, type ZoneOffset, zoneOffset } from './local-time.js';
import type { RequestFacts } from './playbook.js';

/** A rule's `when`, compiled at load. */
export interface RequestCondition {
  holds(request: RequestFacts): boolean;
  /** Why it does not hold; undefined when it does. Slow: for explanations. */
  whyNot(request: RequestFacts): string | undefined;
}

/** A condition that no check of this version lets through: the snapshot was made by a later version, or is wrong. */
export class ConditionUnknown extends Error {
  readonly code = 'CONDITION_UNKNOWN';
}

/**
 * Compiles criteria on `request.*` and `context.*` that were checked when the rule was set.
 * A comparison with a missing value is false, whatever the op (but `exists`), and a `not` around it true.
 * @throws ConditionUnknown for a field, op or value that the checks do not let through.
 */
export function compileCondition(criteria: Criteria, timeZone: string): RequestCondition {
  return compile(criteria, zoneOffset(timeZone));
}

/** One criteria tree on one request. */
export function evaluateRequest(criteria: Criteria, request: RequestFacts, timeZone: string): boolean {
  return compileCondition(criteria, timeZone).holds(request);
}

function compile(criteria: Criteria, zone: ZoneOffset): RequestCondition {
  if ('all' in criteria) return all(criteria.all.map((part) => compile(part, zone)));
  if ('any' in criteria) return any(criteria.any.map((part) => compile(part, zone)));
  if ('not' in criteria) return not(compile(criteria.not, zone), JSON.stringify(criteria.not));
  if ('field' in criteria) return comparison(criteria, zone);
  throw new ConditionUnknown(`a condition on a request cannot be ${JSON.stringify(criteria)}`);
}

function all(parts: readonly RequestCondition[]): RequestCondition {
  return {
    holds(request) {
      for (const part of parts) if (!part.holds(request)) return false;
      return true;
    },
    whyNot(request) {
      for (const part of parts) {
        const reason = part.whyNot(request);
        if (reason !== undefined) return reason;
      }
      return undefined;
    },
  };
}

function any(parts: readonly RequestCondition[]): RequestCondition {
  const holds = (request: RequestFacts) => {
    for (const part of parts) if (part.holds(request)) return true;
    return false;
  };
  return {
    holds,
    whyNot(request) {
      if (holds(request)) return undefined;
      return parts.length === 0 ? 'any of nothing never holds' : `none of: ${parts.map((part) => part.whyNot(request)).join('; ')}`;
    },
  };
}

function not(part: RequestCondition, text: string): RequestCondition {
  return {
    holds: (request) => !part.holds(request),
    whyNot: (request) => (part.holds(request) ? `not ${text}: it holds` : undefined),
  };
}

/** What a field of a request is: null is missing. */
type Read<T> = (request: RequestFacts) => T | null;
type Test<T> = (value: T) => boolean;

function comparison(criteria: Comparison, zone: ZoneOffset): RequestCondition {
  const { field, op, value } = criteria;
  if (criteria.within !== undefined) throw unknown(criteria);
  const condition = <T>(read: Read<T>, compileTest: (criteria: Comparison) => Test<T>, show: (value: T) => string): RequestCondition => {
    const wanted = op === 'exists' ? value === true : undefined;
    const test = wanted === undefined ? compileTest(criteria) : undefined;
    const holds = (request: RequestFacts) => {
      const found = read(request);
      if (test === undefined) return (found !== null) === wanted;
      return found !== null && test(found);
    };
    return {
      holds,
      whyNot(request) {
        if (holds(request)) return undefined;
        const found = read(request);
        return `${field} ${op} ${JSON.stringify(value)}: it was ${found === null ? 'missing' : show(found)}`;
      },
    };
  };
  const text = (read: Read<string>) => condition(read, stringTest, JSON.stringify);

  switch (field) {
    case 'request.hour':
      return condition((request) => localHour(request.time, zone), numberTest, String);
    case 'request.weekday':
      return condition((request) => localWeekday(request.time, zone), numberTest, String);
    case 'request.date':
      return condition((request) => localDay(request.time, zone), dayTest, formatDay);
    case 'request.country':
      return text((request) => request.country);
    case 'request.device':
      return text((request) => request.device);
    case 'request.browser':
      return text((request) => request.browser);
    case 'request.url':
      return text((request) => request.url);
    case 'request.referrer':
      return text((request) => request.referrer);
    case 'request.placement':
      return text((request) => request.placementId);
  }
  if (!field.startsWith('context.')) throw unknown(criteria);
  const name = field.slice('context.'.length);
  // A name such as `constructor` is a condition on the context, not on Object.prototype.
  return condition(({ context }) => (Object.hasOwn(context, name) ? (context[name] ?? null) : null), contextTest, JSON.stringify);
}

function unknown({ field, op, value }: Comparison): ConditionUnknown {
  return new ConditionUnknown(`${field} cannot be compared with ${op} ${JSON.stringify(value)}`);
}

function numberTest(criteria: Comparison): Test<number> {
  const { op, value } = criteria;
  if (op === 'in' || op === 'notIn') {
    const set = new Set(list(criteria).map((one) => decimal(one) ?? fail(criteria)));
    return op === 'in' ? (found) => set.has(found) : (found) => !set.has(found);
  }
  return numberComparison(op, decimal(value) ?? fail(criteria)) ?? fail(criteria);
}

function numberComparison(op: Op, wanted: number): Test<number> | undefined {
  switch (op) {
    case 'eq':
      return (found) => found === wanted;
    case 'neq':
      return (found) => found !== wanted;
    case 'gt':
      return (found) => found > wanted;
    case 'gte':
      return (found) => found >= wanted;
    case 'lt':
      return (found) => found < wanted;
    case 'lte':
      return (found) => found <= wanted;
  }
  return undefined;
}

function dayTest(criteria: Comparison): Test<number> {
  const { op, value } = criteria;
  const day = (one: unknown) => (typeof one === 'string' ? parseDay(one) : undefined) ?? fail(criteria);
  switch (op) {
    case 'in':
    case 'notIn': {
      const days = new Set(list(criteria).map(day));
      return op === 'in' ? (found) => days.has(found) : (found) => !days.has(found);
    }
    case 'before':
      return numberComparison('lt', day(value)) ?? fail(criteria);
    case 'after':
      return numberComparison('gt', day(value)) ?? fail(criteria);
    default:
      return numberComparison(op, day(value)) ?? fail(criteria);
  }
}

function stringTest(criteria: Comparison): Test<string> {
  const { op, value } = criteria;
  if (op === 'in' || op === 'notIn') {
    const set = new Set(list(criteria).map(String));
    return op === 'in' ? (found) => set.has(found) : (found) => !set.has(found);
  }
  if (typeof value !== 'string') return fail(criteria);
  switch (op) {
    case 'eq':
      return (found) => found === value;
    case 'neq':
      return (found) => found !== value;
    case 'contains':
      return (found) => found.includes(value);
    case 'startsWith':
      return (found) => found.startsWith(value);
    default:
      return fail(criteria);
  }
}

/** Strings, compared as numbers where both sides are numbers; what is no number is neither greater nor smaller than one. */
function contextTest(criteria: Comparison): Test<string> {
  const { op, value } = criteria;
  switch (op) {
    case 'in':
    case 'notIn': {
      const tests = list(criteria).map(contextEquals);
      const isIn = (found: string) => tests.some((test) => test(found));
      return op === 'in' ? isIn : (found) => !isIn(found);
    }
    case 'contains':
    case 'startsWith':
      return stringTest({ ...criteria, value: text(criteria) });
    case 'eq':
      return contextEquals(text(criteria));
    case 'neq': {
      const equal = contextEquals(text(criteria));
      return (found) => !equal(found);
    }
  }
  const test = numberComparison(op, decimal(value) ?? fail(criteria)) ?? fail(criteria);
  return (found) => {
    const number = decimal(found);
    return number !== undefined && test(number);
  };
}

function contextEquals(wanted: string | number): Test<string> {
  const number = decimal(wanted);
  const same = String(wanted);
  return number === undefined ? (found) => found === same : (found) => found === same || decimal(found) === number;
}

function list(criteria: Comparison): readonly (string | number)[] {
  return Array.isArray(criteria.value) ? criteria.value : fail(criteria);
}

function text(criteria: Comparison): string {
  return typeof criteria.value === 'object' ? fail(criteria) : String(criteria.value);
}

const decimalForm = /^-?\d+(\.\d+)?$/;

function decimal(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && decimalForm.test(value) ? Number(value) : undefined;
}

function fail(criteria: Comparison): never {
  throw unknown(criteria);
}
