import { parseRfc3339 } from '../facts/instant.js';
import { parseDefinitionId, parseOpaqueId } from '../ids.js';
import { jsonBytes } from '../json.js';
import type { Comparison, ComparisonValue, Criteria, Op } from './criteria.js';
import { type FieldType, fieldType, opsOf } from './fields.js';
import { parseWindow } from './windows.js';

/** Criteria within criteria, at most. */
export const criteriaDepthMax = 32;
/** Nodes of one tree, at most. */
export const criteriaNodesMax = 1000;
/** Values after `in` or `notIn`, at most. */
export const criteriaValuesMax = 1000;
/** Ids in one tree's lists of customers, at most: with it, criteria fit into one event. */
export const criteriaCustomersMax = 5000;
/** A text to compare with, in characters. */
export const criteriaTextLengthMax = 2048;
/** All of a tree as JSON, in bytes: it must fit into one event. */
export const criteriaBytesMax = 600_000;

export interface CriteriaInvalid {
  /** Path within the criteria, such as `['all', '0', 'op']`. */
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Checks criteria of unknown origin: of customers (segments, filters) or of requests (a rule's `when`). What comes back is written in one
 * form (keys in a fixed order, nothing inherited), so that equal criteria are equal JSON. Nothing given is evaluated or looked up by name.
 */
export function parseCriteria(
  value: unknown,
  kind: 'customer' | 'request',
): { readonly criteria: Criteria } | { readonly invalid: CriteriaInvalid } {
  const check = new CriteriaCheck(kind);
  try {
    const criteria = check.node(value, []);
    if (jsonBytes(criteria) > criteriaBytesMax) refuse([], `criteria have at most ${criteriaBytesMax} bytes as JSON`);
    return { criteria };
  } catch (error) {
    if (error instanceof Refusal) return { invalid: { path: error.path, message: error.message } };
    throw error;
  }
}

/** Thrown within this file only: it carries the first fault out of the recursion. */
class Refusal extends Error {
  constructor(
    readonly path: readonly string[],
    message: string,
  ) {
    super(message);
  }
}

function refuse(path: readonly string[], message: string): never {
  throw new Refusal(path, message);
}

type Fields = Readonly<Record<string, unknown>>;
type Path = readonly string[];

const operators = {
  customer: ['all', 'any', 'not', 'segment', 'customers', 'field'],
  request: ['all', 'any', 'not', 'field'],
} as const;

class CriteriaCheck {
  private nodes = 0;
  private customers = 0;

  constructor(private readonly kind: 'customer' | 'request') {}

  node(value: unknown, path: Path, depth = 1): Criteria {
    if (depth > criteriaDepthMax) refuse(path, `criteria go at most ${criteriaDepthMax} deep`);
    this.nodes += 1;
    if (this.nodes > criteriaNodesMax) refuse(path, `criteria have at most ${criteriaNodesMax} parts`);
    const node = plainObject(value, path);
    const known = operators[this.kind];
    const [operator, ...others] = known.filter((name) => Object.hasOwn(node, name));
    if (operator === undefined) return refuse(path, `expected one of ${known.join(', ')}`);
    if (operator !== 'field' || others.length > 0) {
      const extra = Object.keys(node).find((key) => key !== operator);
      if (extra !== undefined) refuse([...path, extra], `${extra} cannot stand beside ${operator}`);
    }
    switch (operator) {
      case 'all':
        return { all: this.parts(node.all, [...path, 'all'], depth) };
      case 'any':
        return { any: this.parts(node.any, [...path, 'any'], depth) };
      case 'not':
        return { not: this.node(node.not, [...path, 'not'], depth + 1) };
      case 'segment':
        return { segment: parseDefinitionId(node.segment) ?? refuse([...path, 'segment'], 'expected the id of a segment') };
      case 'customers':
        return { customers: this.customerList(node.customers, [...path, 'customers']) };
      case 'field':
        return comparison(node, path, this.kind);
    }
  }

  private parts(value: unknown, path: Path, depth: number): readonly Criteria[] {
    return list(value, path, criteriaNodesMax).map((part, index) => this.node(part, [...path, String(index)], depth + 1));
  }

  private customerList(value: unknown, path: Path): readonly string[] {
    const ids = list(value, path, criteriaCustomersMax);
    this.customers += ids.length;
    if (this.customers > criteriaCustomersMax) refuse(path, `criteria list at most ${criteriaCustomersMax} customers`);
    return ids.map((id, index) => parseOpaqueId(id) ?? refuse([...path, String(index)], 'expected the id of a customer'));
  }
}

const comparisonKeys = new Set(['field', 'op', 'value', 'within']);

function comparison(node: Fields, path: Path, kind: 'customer' | 'request'): Comparison {
  for (const key of Object.keys(node)) if (!comparisonKeys.has(key)) refuse([...path, key], `${key} is no part of a comparison`);
  const { field } = node;
  if (typeof field !== 'string') return refuse([...path, 'field'], 'expected the name of a field');
  const type = fieldType(field, kind);
  if (type === undefined) return refuse([...path, 'field'], `there is no such field of a ${kind}`);
  const op = [...opsOf[type]].find((one) => one === node.op);
  if (op === undefined) return refuse([...path, 'op'], `${field} takes ${[...opsOf[type]].join(', ')}`);
  if (!Object.hasOwn(node, 'value')) refuse([...path, 'value'], 'expected a value');
  const value = comparisonValue(node.value, type, op, [...path, 'value']);
  if (!Object.hasOwn(node, 'within')) return { field, op, value };
  if (kind === 'request') refuse([...path, 'within'], 'a request has no window');
  if (parseWindow(node.within) === undefined) refuse([...path, 'within'], windowExpected);
  return { field, op, value, within: node.within as string };
}

const windowExpected = 'expected a window such as "30d" or "6h", at most ten years';

function comparisonValue(value: unknown, type: FieldType, op: Op, path: Path): ComparisonValue {
  switch (op) {
    case 'exists':
      return typeof value === 'boolean' ? value : refuse(path, 'expected true or false');
    case 'in':
    case 'notIn':
      return list(value, path, criteriaValuesMax).map((one, index) => scalar(one, type, [...path, String(index)]));
    case 'newerThan':
    case 'olderThan':
      return parseWindow(value) === undefined ? refuse(path, windowExpected) : (value as string);
    case 'contains':
    case 'startsWith':
      return text(value, path);
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      if (type === 'context' && !isDecimal(value)) refuse(path, 'expected a number');
      return scalar(value, type, path);
    default:
      if (type === 'boolean') return typeof value === 'boolean' ? value : refuse(path, 'expected true or false');
      return scalar(value, type, path);
  }
}

function scalar(value: unknown, type: FieldType, path: Path): string | number {
  switch (type) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER
        ? value
        : refuse(path, 'expected a number up to 2^53 - 1');
    case 'money':
      return isMoney(value) ? value : refuse(path, 'expected an amount: at most 14 digits before the point and 4 after it');
    case 'time':
      return typeof value === 'string' && parseRfc3339(value) !== undefined ? value : refuse(path, 'expected a time (RFC 3339)');
    case 'date':
      return typeof value === 'string' && parseRfc3339(`${value}T00:00:00Z`) !== undefined
        ? value
        : refuse(path, 'expected a day: yyyy-mm-dd');
    case 'context':
      return typeof value === 'number' && Number.isFinite(value) ? value : text(value, path);
    case 'text':
    case 'boolean':
      return text(value, path);
  }
}

function text(value: unknown, path: Path): string {
  // A lone surrogate is no text: it has no UTF-8, and would come back from the log as something else.
  if (typeof value !== 'string' || /\p{Cs}/u.test(value)) return refuse(path, 'expected a text');
  return value.length <= criteriaTextLengthMax ? value : refuse(path, `a text has at most ${criteriaTextLengthMax} characters`);
}

/** A number, or a text in plain decimals: what money is compared with exactly, without a float between. */
function isMoney(value: unknown): value is string | number {
  const digits = typeof value === 'number' ? String(value) : value;
  return typeof digits === 'string' && /^-?\d{1,14}(\.\d{1,4})?$/.test(digits);
}

function isDecimal(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function plainObject(value: unknown, path: Path): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, 'expected an object');
  return value as Fields;
}

function list(value: unknown, path: Path, max: number): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(path, 'expected a list');
  if (value.length > max) refuse(path, `a list has at most ${max} entries`);
  // A list with holes reads them as undefined, which no entry may be.
  return Array.from(value);
}
