import { type Comparison, type Criteria, inDependencyOrder, parseRfc3339 } from '#libs/domain';
import type { CustomerQuery } from './customer-query.js';
import type { Parameters } from './parameters.js';
import { windowStart } from './window-start.js';

/** What a comparison needs beside the criteria. */
export interface Judging {
  readonly query: CustomerQuery;
  readonly parameters: Parameters;
  readonly asOf: Date;
  readonly timeZone: string;
}

/**
 * Criteria as conditions in SQL. Each distinct comparison is computed once and has a name, and so has each segment: segments that refer to others
 * are computed after those, layer upon layer, so that the statement grows with the number of segments and not with the ways through them.
 */
export class Conditions {
  private readonly comparisons = new Map<string, string>();
  private readonly layers: string[][] = [];
  private readonly segmentColumns = new Map<string, { column: string; layer: number }>();

  constructor(private readonly judging: Judging) {}

  /** Makes a condition of each segment that is named here or referred to; those that do not exist hold nobody. */
  segments(segmentIds: Iterable<string>, criteria: Readonly<Record<string, Criteria>>): void {
    const criteriaOf = (id: string): Criteria | undefined => (Object.hasOwn(criteria, id) ? criteria[id] : undefined);
    for (const id of inDependencyOrder(segmentIds, criteriaOf)) {
      const own = criteriaOf(id);
      if (own === undefined || this.segmentColumns.has(id)) continue;
      const { sql, layer } = this.condition(own);
      const column = `s${this.segmentColumns.size}`;
      this.layers[layer] ??= [];
      this.layers[layer].push(`${sql} AS ${column}`);
      this.segmentColumns.set(id, { column, layer: layer + 1 });
    }
  }

  /** The column that says whether the criteria hold of a segment that `segments` made a condition of; `0` for one that does not exist. */
  segment(segmentId: string): string {
    return this.segmentColumns.get(segmentId)?.column ?? '0';
  }

  /** A condition over the columns of `sql()`. The segments that it refers to were made conditions of before. */
  of(criteria: Criteria): string {
    return this.condition(criteria).sql;
  }

  /** The customers of `source` with a column per comparison and segment. */
  sql(source: string): string {
    const comparisons = [...this.comparisons].map(([sql, column]) => `${sql} AS ${column}`);
    let statement = comparisons.length === 0 ? source : `SELECT *, ${comparisons.join(',\n  ')}\nFROM\n(\n${source}\n)`;
    for (const layer of this.layers) statement = `SELECT *, ${layer.join(',\n  ')}\nFROM\n(\n${statement}\n)`;
    return statement;
  }

  /** `layer`: how many layers of segments lie below. */
  private condition(criteria: Criteria): { sql: string; layer: number } {
    if ('all' in criteria) return this.joined(criteria.all, ' AND ', '1');
    if ('any' in criteria) return this.joined(criteria.any, ' OR ', '0');
    if ('not' in criteria) {
      const { sql, layer } = this.condition(criteria.not);
      return { sql: `NOT (${sql})`, layer };
    }
    if ('segment' in criteria) {
      const known = this.segmentColumns.get(criteria.segment);
      return known === undefined ? { sql: '0', layer: 0 } : { sql: known.column, layer: known.layer };
    }
    if ('customers' in criteria) {
      if (criteria.customers.length === 0) return { sql: '0', layer: 0 };
      return { sql: this.named(`customer_id IN ${this.judging.parameters.set(criteria.customers)}`), layer: 0 };
    }
    return { sql: this.named(comparisonSql(criteria, this.judging)), layer: 0 };
  }

  private joined(parts: readonly Criteria[], operator: string, empty: string): { sql: string; layer: number } {
    if (parts.length === 0) return { sql: empty, layer: 0 };
    const conditions = parts.map((part) => this.condition(part));
    return {
      sql: `(${conditions.map(({ sql }) => sql).join(operator)})`,
      layer: Math.max(...conditions.map(({ layer }) => layer)),
    };
  }

  private named(sql: string): string {
    const column = this.comparisons.get(sql) ?? `c${this.comparisons.size}`;
    this.comparisons.set(sql, column);
    return column;
  }
}

/** True or false, never NULL: a comparison with a missing value is false, whatever the op. */
function comparisonSql(comparison: Comparison, judging: Judging): string {
  const { parameters } = judging;
  const span = comparison.within === undefined ? {} : { from: parameters.time(startOf(comparison.within, judging)) };
  const { column, kind } = judging.query.field(comparison.field, span);
  const { op, value } = comparison;
  const isMissable = kind === 'time' || kind === 'text';
  if (op === 'exists') return isMissable ? `isNotNull(${column}) = ${value === true ? 1 : 0}` : value === true ? '1' : '0';
  const sql = ((): string => {
    switch (kind) {
      case 'count':
        return countSql(column, comparison, parameters);
      case 'money':
        return orderSql(column, comparison, 'Decimal(38, 4)', parameters);
      case 'time':
        return timeSql(column, comparison, judging);
      case 'text':
        return textSql(column, comparison, parameters);
      case 'boolean':
        return `${column} = ${value === true ? 1 : 0}`;
    }
  })();
  // Also what cannot be missing: IN with a computed list is Nullable for ClickHouse.
  return `ifNull(${sql}, 0)`;
}

const operators = { eq: '=', neq: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Money is compared as the digits that were given, never as a float. */
function orderSql(column: string, { op, value }: Comparison, type: 'Decimal(38, 4)' | 'Int64' | 'String', parameters: Parameters): string {
  if (op === 'in' || op === 'notIn') {
    const values = (value as readonly (string | number)[]).map(String);
    if (values.length === 0) return op === 'in' ? '0' : `isNotNull(${column})`;
    return `${column} ${op === 'in' ? 'IN' : 'NOT IN'} ${parameters.set(values, type)}`;
  }
  return `${column} ${operators[op as keyof typeof operators]} ${parameters.add(type, String(value))}`;
}

/** Counts are whole numbers: a comparison with a fraction, or with less than nothing, is one with whole numbers. */
function countSql(column: string, comparison: Comparison, parameters: Parameters): string {
  const { op, value } = comparison;
  const signed = `toInt64(${column})`;
  if (op === 'in' || op === 'notIn') {
    const values = (value as readonly number[]).filter(Number.isInteger);
    return orderSql(signed, { ...comparison, value: values }, 'Int64', parameters);
  }
  const given = value as number;
  if (Number.isInteger(given)) return orderSql(signed, comparison, 'Int64', parameters);
  const below = parameters.add('Int64', String(Math.floor(given)));
  switch (op) {
    case 'eq':
      return '0';
    case 'neq':
      return '1';
    case 'gt':
    case 'gte':
      return `${signed} > ${below}`;
    default:
      return `${signed} <= ${below}`;
  }
}

function timeSql(column: string, { op, value }: Comparison, judging: Judging): string {
  const { parameters } = judging;
  switch (op) {
    case 'before':
    case 'after': {
      const at = parseRfc3339(value as string);
      if (at === undefined) throw new Error(`${String(value)} is no time: criteria were not checked`);
      return `${column} ${op === 'before' ? '<' : '>'} ${parameters.time(at)}`;
    }
    default:
      return `${column} ${op === 'newerThan' ? '>=' : '<'} ${parameters.time(startOf(value as string, judging))}`;
  }
}

function textSql(column: string, comparison: Comparison, parameters: Parameters): string {
  switch (comparison.op) {
    case 'contains':
      return `position(${column}, ${parameters.text(comparison.value as string)}) > 0`;
    case 'startsWith':
      return `startsWith(${column}, ${parameters.text(comparison.value as string)})`;
    default:
      return orderSql(column, comparison, 'String', parameters);
  }
}

function startOf(window: string, { asOf, timeZone }: Judging): number {
  return windowStart(window, asOf, timeZone);
}
