import { type Criteria, customersListed } from '#libs/domain';
import { type AudienceRows, type ClientScope, type SegmentCriteria, StatesMoved } from '../analytics.js';
import type { ClickHouseConnection, Shard } from './client.js';
import { haveStatesMoved, planStates, type StatePlan } from './customer-states.js';
import { inHashOrder } from './hash-order.js';
import { hashSlices } from './hash-slices.js';
import { judge, judgingSettings, type Part } from './judgement.js';
import type { Parameters } from './parameters.js';

export interface AudienceQuery {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly segmentIds: readonly string[];
  readonly asOf: Date;
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Events that one statement gathers at most, roughly: it bounds the memory of a full build, at some 300 bytes a customer. */
const sliceRowsMax = 25_000_000;
const bitsPerWord = 64;

/**
 * Of a large client most customers are told of by their states, which lie in the order of the hash. What these cannot tell is gathered from the facts, in which
 * the hash is the first column within a client too: slice by slice of the hashes. Shards are asked at once; all rows are put together in that order.
 */
export async function audienceRows(
  connection: ClickHouseConnection,
  query: AudienceQuery,
  rowsMax: number = sliceRowsMax,
): Promise<AudienceRows> {
  const words = wordsOf(query.segmentIds);
  const plan: Planning =
    query.only === undefined ? async (shard) => (await planStates(connection, query.scope, query.asOf))(shard) : async () => undefined;
  const streams = await Promise.all((await connection.shards()).map((shard) => streamsOf(shard, query, plan, rowsMax)));
  return { segmentIds: query.segmentIds, words, chunks: inHashOrder(streams.flat(), rowBytesOf(query.segmentIds)) };
}

type Planning = (shard: Shard) => Promise<StatePlan | undefined>;

/** Each in the order of the hash. */
async function streamsOf(
  shard: Shard,
  query: AudienceQuery,
  plan: Planning,
  rowsMax: number,
): Promise<readonly AsyncGenerator<Uint8Array, void, undefined>[]> {
  const planned = await plan(shard);
  if (planned !== undefined && statesTell(shard, query, planned) === 'all') {
    return audienceStatements(shard, query, {}, planned).map((statement) => chunksOf(shard, statement, query.signal));
  }
  const slices = query.only === undefined ? await slicesOf(shard, query.scope.clientId, rowsMax) : [{ only: query.only }];
  return [chunksOfSlices(shard, query, slices, plan)];
}

/** Each slice is planned when it is asked: in the minutes until then refreshes make rows that an older plan does not know. */
async function* chunksOfSlices(
  shard: Shard,
  query: AudienceQuery,
  slices: readonly Part[],
  plan: Planning,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const slice of slices) {
    query.signal?.throwIfAborted();
    const planned = await plan(shard);
    const streams = audienceStatements(shard, query, slice, planned).map((statement) => chunksOf(shard, statement, query.signal));
    yield* inHashOrder(streams, rowBytesOf(query.segmentIds));
  }
}

async function* chunksOf(
  { connection }: Shard,
  { sql, parameters }: Statement,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* connection.stream(sql, parameters.all, judgingSettings, signal);
  } catch (error) {
    if (haveStatesMoved(error)) throw new StatesMoved("customers' states changed while they were read", { cause: error });
    throw error;
  }
}

interface Statement {
  readonly sql: string;
  readonly parameters: Parameters;
}

function statesTell(shard: Shard, { scope, segments, segmentIds, asOf }: AudienceQuery, plan: StatePlan) {
  const { query, conditions } = judge(shard, scope, asOf, {}, plan);
  conditions.segments(segmentIds, segments);
  return query.statesTell;
}

/** With a plan there may be two: of those whom their states tell of, and of the others. */
function audienceStatements(
  shard: Shard,
  { scope, segments, segmentIds, asOf }: AudienceQuery,
  part: Part,
  plan?: StatePlan,
): readonly Statement[] {
  const { parameters, query, conditions, listed } = judge(shard, scope, asOf, part, plan);
  conditions.segments(segmentIds, segments);
  const listedOf = segmentIds.map((id) => [...customersListed(criteriaOf(segments, id), segments)]);
  const bits = segmentIds.map((id, index) => {
    const lists = listedOf[index] ?? [];
    const holdable = lists.length === 0 ? 'known > 0' : `(known > 0 OR customer_id IN ${parameters.set(lists)})`;
    return `bitShiftLeft(toUInt64(${conditions.segment(id)} AND ${holdable}), ${index % bitsPerWord})`;
  });
  const words = Array.from(
    { length: wordsOf(segmentIds) },
    (_, word) => bits.slice(word * bitsPerWord, (word + 1) * bitsPerWord).join(' + ') || 'toUInt64(0)',
  );
  const columns = ['customer_hash', ...words.map((word, index) => `${word} AS word${index}`)];
  return query.statements(listed(listedIn([...new Set(listedOf.flat())], part))).map((source) => ({
    sql: `SELECT ${columns.join(',\n  ')}
FROM
(
${conditions.sql(source)}
)
ORDER BY customer_hash
FORMAT RowBinary`,
    parameters,
  }));
}

function rowBytesOf(segmentIds: readonly string[]): number {
  return 8 + 8 * wordsOf(segmentIds);
}

/** One for no segments too: the row of a customer is never its hash alone. */
function wordsOf(segmentIds: readonly string[]): number {
  return Math.max(1, Math.ceil(segmentIds.length / bitsPerWord));
}

function criteriaOf(segments: SegmentCriteria, segmentId: string): Criteria {
  return (Object.hasOwn(segments, segmentId) ? segments[segmentId] : undefined) ?? { any: [] };
}

function listedIn(ids: readonly string[], { only }: Part): readonly string[] {
  if (only === undefined) return ids;
  const asked = new Set(only);
  return ids.filter((id) => asked.has(id));
}

async function slicesOf({ connection, part }: Shard, clientId: string, rowsMax: number): Promise<readonly Part[]> {
  const [counted] = await connection.query<{ rows: string }>(
    `SELECT count() AS rows FROM ${part('behaviour_facts')} WHERE client_id = {client:String}`,
    { client: clientId },
  );
  return hashSlices(Math.ceil(Number(counted?.rows ?? 0) / rowsMax)).map((hashes) => (hashes === undefined ? {} : { hashes }));
}
