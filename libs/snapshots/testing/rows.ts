import { segmentSet } from '../audience/membership-table.js';
import type { RowsOfCustomers } from '../audience/rows.js';
import type { CustomerHash } from '../hash.js';
import { customerHash } from '../hash.js';

/** Who is in which segments. */
export type Members = ReadonlyMap<string, readonly string[]>;

/** The stream that ClickHouse would give for these members, cut into chunks of `chunkBytes`. */
export function rowsOf(
  segmentIds: readonly string[],
  members: Members,
  options: { hash?: CustomerHash; chunkBytes?: number } = {},
): RowsOfCustomers {
  const hash = options.hash ?? customerHash;
  const words = Math.max(1, Math.ceil(segmentIds.length / 64));
  const rows = [...members].map(([id, chosen]) => ({ hash: hash(id), set: segmentSet(segmentIds, chosen) }));
  rows.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  const bytes = Buffer.alloc(rows.length * (8 + words * 8));
  rows.forEach((row, index) => {
    const at = index * (8 + words * 8);
    bytes.writeBigUInt64LE(row.hash, at);
    row.set.forEach((word, place) => {
      bytes.writeUInt32LE(word, at + 8 + place * 4);
    });
  });
  return { segmentIds, words, chunks: cut(bytes, options.chunkBytes ?? 1000) };
}

async function* cut(bytes: Uint8Array, chunkBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
