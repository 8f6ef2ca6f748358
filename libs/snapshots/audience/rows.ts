import { setWidth } from './membership-table.js';

/** The answer of `Analytics.audience` (libs/analytics/analytics.ts) as the formats need it. */
export interface RowsOfCustomers {
  readonly segmentIds: readonly string[];
  readonly words: number;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** The stream of rows is cut short, out of order, or speaks of segments that there are not. The build is to be repeated. */
export class AudienceRowsInvalid extends Error {
  readonly code = 'AUDIENCE_ROWS_INVALID';
}

/**
 * Whole rows of the stream, many at once: `words` holds `count` rows of `rowWords` 32-bit words each (hash low, hash high, then the set).
 * The view is used again for the next rows. Chunks may be cut anywhere, so they are copied behind what was left over: an aligned
 * copy costs far less than reading 64-bit numbers from odd places.
 */
export async function* wholeRows(rows: RowsOfCustomers): AsyncIterable<{ words: Uint32Array; count: number; rowWords: number }> {
  if (rows.words * 2 < setWidth(rows.segmentIds.length)) {
    throw new AudienceRowsInvalid(`${rows.words} words cannot say ${rows.segmentIds.length} segments`);
  }
  const rowBytes = 8 + rows.words * 8;
  let buffer = new Uint8Array(rowBytes * 1024);
  let filled = 0;
  for await (const chunk of rows.chunks) {
    if (filled + chunk.length > buffer.length) {
      const larger = new Uint8Array(Math.ceil((filled + chunk.length) / rowBytes) * rowBytes * 2);
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
    buffer.set(chunk, filled);
    filled += chunk.length;
    const count = Math.floor(filled / rowBytes);
    if (count === 0) continue;
    yield { words: new Uint32Array(buffer.buffer, 0, (count * rowBytes) / 4), count, rowWords: rowBytes / 4 };
    buffer.copyWithin(0, count * rowBytes, filled);
    filled -= count * rowBytes;
  }
  if (filled > 0) throw new AudienceRowsInvalid(`the stream of customers ends within a row (${filled} of ${rowBytes} bytes)`);
}

/** Throws when the row says a segment beyond those asked for. */
export function checkBeyondSegments(words: Uint32Array, setAt: number, setWords: number, segments: number): void {
  for (let word = segments >>> 5; word < setWords; word += 1) {
    const mine = word === segments >>> 5 ? (1 << (segments & 31)) - 1 : 0;
    if ((words[setAt + word]! & ~mine) !== 0) throw new AudienceRowsInvalid('a customer is in a segment that was not asked for');
  }
}

/** A small answer as objects: for customers judged one by one. */
export async function readRows(rows: RowsOfCustomers): Promise<{ hash: bigint; set: Uint32Array }[]> {
  const width = setWidth(rows.segmentIds.length);
  const read: { hash: bigint; set: Uint32Array }[] = [];
  for await (const { words, count, rowWords } of wholeRows(rows)) {
    for (let row = 0; row < count; row += 1) {
      const at = row * rowWords;
      checkBeyondSegments(words, at + 2, rowWords - 2, rows.segmentIds.length);
      read.push({ hash: (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!), set: words.slice(at + 2, at + 2 + width) });
    }
  }
  return read;
}
