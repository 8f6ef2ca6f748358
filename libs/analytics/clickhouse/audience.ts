import { type Criteria, customersListed } from '#libs/domain';
import type { AudienceRows, ClientScope, SegmentCriteria } from '../analytics.js';
import type { ClickHouseConnection, Shard } from './client.js';
import { inHashOrder } from './hash-order.js';
import { judge, judgingSettings, type Part } from './judgement.js';

export interface AudienceQuery {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly segmentIds: readonly string[];
  readonly asOf: Date;
  readonly only?: readonly string[];
}

/** Events that one statement gathers at most, roughly: it bounds the memory of a full build, at some 300 bytes a customer. */
const sliceRowsMax = 25_000_000;
const bitsPerWord = 64;

/**
 * The hash is the first column of the facts' order within a client: so a large client is judged slice by slice of the hashes, each read once, and
 * the slices one after the other are in the order of the hash. Shards are asked at once, and their rows put together in that order.
 */
export async function audienceRows(
  connection: ClickHouseConnection,
  query: AudienceQuery,
  rowsMax: number = sliceRowsMax,
): Promise<AudienceRows> {
  const words = wordsOf(query.segmentIds);
  const parts = await Promise.all(
    (await connection.shards()).map(async (shard) => ({
      shard,
      slices: query.only === undefined ? await slicesOf(shard, query.scope.clientId, rowsMax) : [{ only: query.only }],
    })),
  );
  const chunks = parts.map(({ shard, slices }) => chunksOf(shard, query, slices));
  return { segmentIds: query.segmentIds, words, chunks: inHashOrder(chunks, 8 + 8 * words) };
}

async function* chunksOf(shard: Shard, query: AudienceQuery, slices: readonly Part[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const slice of slices) {
    const { sql, parameters } = audienceSql(shard, query, slice);
    yield* shard.connection.stream(sql, parameters.all, judgingSettings);
  }
}

function audienceSql(shard: Shard, { scope, segments, segmentIds, asOf }: AudienceQuery, part: Part) {
  const { parameters, query, conditions, listed } = judge(shard, scope, asOf, part);
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
  const source = query.sql(listed(listedIn([...new Set(listedOf.flat())], part)));
  const sql = `SELECT ${['customer_hash', ...words.map((word, index) => `${word} AS word${index}`)].join(',\n  ')}
FROM
(
${conditions.sql(source)}
)
ORDER BY customer_hash
FORMAT RowBinary`;
  return { sql, parameters };
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

/** Equal ranges of the hash, which is even. */
async function slicesOf({ connection, part }: Shard, clientId: string, rowsMax: number): Promise<readonly Part[]> {
  const [counted] = await connection.query<{ rows: string }>(
    `SELECT count() AS rows FROM ${part('behaviour_facts')} WHERE client_id = {client:String}`,
    { client: clientId },
  );
  const slices = Math.max(1, Math.ceil(Number(counted?.rows ?? 0) / rowsMax));
  if (slices === 1) return [{}];
  const size = (1n << 64n) / BigInt(slices);
  return Array.from({ length: slices }, (_, index) => ({
    hashes: { from: BigInt(index) * size, to: index === slices - 1 ? (1n << 64n) - 1n : BigInt(index + 1) * size - 1n },
  }));
}
