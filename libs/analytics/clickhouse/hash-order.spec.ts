import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inHashOrder } from './hash-order.js';

const rowBytes = 16;

function rowsOf(hashes: readonly bigint[], mark: number): Buffer {
  const bytes = Buffer.alloc(hashes.length * rowBytes);
  for (const [index, hash] of hashes.entries()) {
    bytes.writeBigUInt64LE(hash, index * rowBytes);
    bytes.writeBigUInt64LE(BigInt(mark), index * rowBytes + 8);
  }
  return bytes;
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<bigint[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  return Array.from({ length: bytes.length / rowBytes }, (_, row) => bytes.readBigUInt64LE(row * rowBytes));
}

describe('rows of several streams in the order of their hash', () => {
  it('are all rows, in order, however the streams are cut', async () => {
    const hashes = fc.uniqueArray(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hashes, fc.integer({ min: 1, max: 50 })), { minLength: 1, maxLength: 4 }), async (streams) => {
        const rising = streams.map(([its, size]) => ({ its: its.toSorted((a, b) => (a < b ? -1 : 1)), size }));
        const merged = await read(
          inHashOrder(
            rising.map(({ its, size }, index) => cut(rowsOf(its, index), size)),
            rowBytes,
          ),
        );
        expect(merged).toEqual(rising.flatMap(({ its }) => its).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
      }),
    );
  });

  it('are more than are written at a time', async () => {
    const [even, odd] = [0n, 1n].map((rest) => Array.from({ length: 10_000 }, (_, n) => BigInt(n) * 2n + rest)) as [bigint[], bigint[]];
    expect(await read(inHashOrder([cut(rowsOf(even, 0), 1_000), cut(rowsOf(odd, 1), 7_777)], rowBytes))).toEqual(
      Array.from({ length: 20_000 }, (_, n) => BigInt(n)),
    );
  });

  it('end all streams when one fails, is cut short, or nobody reads on', async () => {
    let ended = 0;
    async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        for (let n = 0n; ; n += 1n) yield rowsOf([n], 0);
      } finally {
        ended += 1;
      }
    }
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield rowsOf([5n], 1);
      throw new Error('gone');
    }
    await expect(read(inHashOrder([endless(), failing()], rowBytes))).rejects.toThrow('gone');
    await expect(read(inHashOrder([endless(), cut(rowsOf([7n], 1).subarray(0, 9), 4)], rowBytes))).rejects.toThrow('in the middle');
    for await (const _ of inHashOrder([endless(), endless()], rowBytes)) break;
    expect(ended).toBe(4);
  });
});
