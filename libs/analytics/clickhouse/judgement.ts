import type { Position } from '#libs/event-log';
import type { ClientScope } from '../analytics.js';
import type { QuerySettings, Shard } from './client.js';
import { Conditions } from './criteria-conditions.js';
import { type Choice, CustomerQuery, type StatesRead } from './customer-query.js';
import { originHosts, type StatePlan, touchedSince } from './customer-states.js';
import type { HashRange } from './hash-slices.js';
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
  readonly hashes?: HashRange;
  /** By the events recorded after and up to a position: whom they touched, and who has the hash of one of these. */
  readonly touched?: { readonly after: Position | null; readonly upTo: Position };
}

/** `plan`: the states of the customers may be read in place of their facts. */
export function judge(shard: Shard, scope: ClientScope, asOf: Date, part: Part = {}, plan?: StatePlan): Judgement {
  const parameters = new Parameters();
  const frame: Frame = {
    asOf: parameters.time(asOf.getTime()),
    localDay: `toInt32(toDate32(toTimeZone(f.time, ${parameters.text(scope.timeZone)})))`,
    isOwnReferrer: `has(${parameters.texts(originHosts(scope.origins))}, toString(f.referrer_host))`,
  };
  const query = new CustomerQuery(frame, choiceOf(shard, scope.clientId, part, parameters), parameters, {
    part: (table) => shard.part(table),
    ...(plan === undefined ? {} : { states: statesOf(shard, scope.clientId, plan, frame, parameters) }),
  });
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

function statesOf(
  shard: Shard,
  clientId: string,
  { basis, touched, late }: StatePlan,
  { asOf }: Frame,
  parameters: Parameters,
): StatesRead {
  const stale = [
    ...(touched.upTo > touched.after
      ? [`SELECT xxHash64(customer_id) FROM (${touchedSince(shard.part, parameters.text(clientId), touched, parameters)})`]
      : []),
    ...(late.length > 0 ? [`SELECT CAST(arrayJoin(${parameters.texts(late)}), 'UInt64')`] : []),
  ];
  return { basis: parameters.text(basis), asOf, stale: stale.length === 0 ? undefined : stale.join(' UNION ALL ') };
}

function choiceOf(shard: Shard, clientId: string, { only, hashes, touched }: Part, parameters: Parameters): Choice {
  const client = parameters.text(clientId);
  const whom =
    touched === undefined ? undefined : `(SELECT xxHash64(customer_id) FROM (${touchedSince(shard.part, client, touched, parameters)}))`;
  return (alias) => {
    const conditions = [`${alias}.client_id = ${client}`];
    if (only !== undefined) {
      // The hashes find the ranges of the primary key; the ids tell customers of one hash apart.
      conditions.push(`${alias}.customer_hash IN ${parameters.hashes(only)}`, `${alias}.customer_id IN ${parameters.set(only)}`);
    }
    if (hashes !== undefined) {
      conditions.push(`${alias}.customer_hash BETWEEN ${hashBounds(hashes, parameters).join(' AND ')}`);
    }
    if (whom !== undefined) conditions.push(`${alias}.customer_hash IN ${whom}`);
    return conditions;
  };
}

function hashBounds({ from, to }: HashRange, parameters: Parameters): readonly string[] {
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
  join_algorithm: 'grace_hash',
  max_bytes_in_join: String(512 * 1024 * 1024),
};
