import { readPageAddress } from '#libs/projections';
import type { ClientScope } from '../analytics.js';
import type { QuerySettings, Shard } from './client.js';
import { Conditions } from './criteria-conditions.js';
import { type Choice, CustomerQuery } from './customer-query.js';
import { Parameters } from './parameters.js';
import type { Frame } from './partials.js';

/** One statement that judges those customers of a client who lie on a shard, as of a time. */
export interface Judgement {
  readonly parameters: Parameters;
  readonly query: CustomerQuery;
  readonly conditions: Conditions;
  /** Those of these ids that this statement is to judge, even when nothing is known of them: an array (SQL); undefined when there are none. */
  listed(ids: readonly string[]): string | undefined;
}

/** Part of the customers of a client; absent: all. */
export interface Part {
  /** By their ids. */
  readonly only?: readonly string[];
  /** By their hash, both ends included. */
  readonly hashes?: { readonly from: bigint; readonly to: bigint };
}

export function judge(shard: Shard, scope: ClientScope, asOf: Date, part: Part = {}): Judgement {
  const parameters = new Parameters();
  const hosts = scope.origins.map((origin) => readPageAddress(origin).host).filter((host) => host !== '');
  const frame: Frame = {
    asOf: parameters.time(asOf.getTime()),
    localDay: `toInt32(toDate32(toTimeZone(f.time, ${parameters.text(scope.timeZone)})))`,
    isOwnReferrer: `has(${parameters.texts(hosts)}, toString(f.referrer_host))`,
  };
  const query = new CustomerQuery(frame, choiceOf(scope.clientId, part, parameters), parameters, undefined, (table) => shard.part(table));
  return {
    parameters,
    query,
    conditions: new Conditions({ query, parameters, asOf, timeZone: scope.timeZone }),
    listed(ids) {
      if (ids.length === 0) return undefined;
      const array = parameters.texts(ids);
      const conditions = [
        shard.holds(parameters.text(scope.clientId), 'id'),
        part.hashes === undefined ? undefined : `xxHash64(id) BETWEEN ${hashBounds(part.hashes, parameters).join(' AND ')}`,
      ].filter((condition) => condition !== undefined);
      return conditions.length === 0 ? array : `arrayFilter(id -> ${conditions.join(' AND ')}, ${array})`;
    },
  };
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
      conditions.push(`${alias}.customer_hash BETWEEN ${hashBounds(hashes, parameters).join(' AND ')}`);
    }
    return conditions;
  };
}

function hashBounds({ from, to }: { readonly from: bigint; readonly to: bigint }, parameters: Parameters): readonly string[] {
  return [from, to].map((bound) => parameters.add('UInt64', String(bound)));
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
