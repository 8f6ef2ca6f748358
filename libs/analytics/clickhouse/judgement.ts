import { readPageAddress } from '#libs/projections';
import type { ClientScope } from '../analytics.js';
import type { QuerySettings } from './client.js';
import { Conditions } from './criteria-conditions.js';
import { type Choice, CustomerQuery } from './customer-query.js';
import { Parameters } from './parameters.js';
import type { Frame } from './partials.js';

/** One statement that judges customers of a client as of a time. */
export interface Judgement {
  readonly parameters: Parameters;
  readonly query: CustomerQuery;
  readonly conditions: Conditions;
}

/** Part of the customers of a client; absent: all. */
export interface Part {
  /** By their ids. */
  readonly only?: readonly string[];
  /** By their hash, both ends included. */
  readonly hashes?: { readonly from: bigint; readonly to: bigint };
}

export function judge(scope: ClientScope, asOf: Date, part: Part = {}): Judgement {
  const parameters = new Parameters();
  const hosts = scope.origins.map((origin) => readPageAddress(origin).host).filter((host) => host !== '');
  const frame: Frame = {
    asOf: parameters.time(asOf.getTime()),
    localDay: `toInt32(toDate32(toTimeZone(f.time, ${parameters.text(scope.timeZone)})))`,
    isOwnReferrer: `has(${parameters.texts(hosts)}, toString(f.referrer_host))`,
  };
  const query = new CustomerQuery(frame, choiceOf(scope.clientId, part, parameters), parameters);
  return { parameters, query, conditions: new Conditions({ query, parameters, asOf, timeZone: scope.timeZone }) };
}

function choiceOf(clientId: string, { only, hashes }: Part, parameters: Parameters): Choice {
  const client = parameters.text(clientId);
  return (alias) => {
    const conditions = [`${alias}.client_id = ${client}`];
    if (only !== undefined) {
      // The hashes find the ranges of the primary key; the ids tell customers of one hash apart.
      conditions.push(`${alias}.customer_hash IN ${parameters.hashes(only)}`, `${alias}.customer_id IN ${parameters.set(only)}`);
    }
    if (hashes !== undefined) {
      const [from, to] = [parameters.add('UInt64', String(hashes.from)), parameters.add('UInt64', String(hashes.to))];
      conditions.push(`${alias}.customer_hash BETWEEN ${from} AND ${to}`);
    }
    return conditions;
  };
}

/**
 * Statements of forty segments are long, and a client's customers many: so ClickHouse parses what it is given, and spills to the disk in place of
 * growing beyond a share of its memory.
 */
export const judgingSettings: QuerySettings = {
  max_query_size: String(256 * 1024 * 1024),
  max_ast_elements: '5000000',
  max_expanded_ast_elements: '5000000',
  max_ast_depth: '20000',
  max_parser_depth: '20000',
  max_subquery_depth: '2000',
  max_bytes_before_external_group_by: String(512 * 1024 * 1024),
  max_bytes_before_external_sort: String(512 * 1024 * 1024),
};
