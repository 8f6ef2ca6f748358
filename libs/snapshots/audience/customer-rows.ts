export const chunkShift = 16;
export const chunkMask = (1 << chunkShift) - 1;

/**
 * Low word, high word and membership number of customers in the order of hashes, 12 bytes each: in chunks, since how many there will be is known at the
 * end only.
 */
export class CustomerRows {
  readonly chunks: Uint32Array[] = [];
  count = 0;

  push(low: number, high: number, number: number): void {
    const place = (this.count & chunkMask) * 3;
    if (place === 0) this.chunks.push(new Uint32Array(3 << chunkShift));
    const chunk = this.chunks[this.count >>> chunkShift]!;
    chunk[place] = low;
    chunk[place + 1] = high;
    chunk[place + 2] = number;
    this.count += 1;
  }

  hashAt(at: number): bigint {
    const chunk = this.chunks[at >>> chunkShift]!;
    const place = (at & chunkMask) * 3;
    return (BigInt(chunk[place + 1]!) << 32n) | BigInt(chunk[place]!);
  }

  numberAt(at: number): number {
    return this.chunks[at >>> chunkShift]![(at & chunkMask) * 3 + 2]!;
  }

  /** Whether the row there comes before the hash, is of it, or comes behind it: below, at or above zero. */
  compare(at: number, low: number, high: number): number {
    const chunk = this.chunks[at >>> chunkShift]!;
    const place = (at & chunkMask) * 3;
    return chunk[place + 1]! - high || chunk[place]! - low;
  }

  /** The number of the first of this hash; -1 when there is none. */
  numberOf(hash: bigint): number {
    const [low, high] = halves(hash);
    let from = 0;
    let to = this.count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.compare(middle, low, high) < 0) from = middle + 1;
      else to = middle;
    }
    return from < this.count && this.compare(from, low, high) === 0 ? this.numberAt(from) : -1;
  }
}

/** Low and high 32 bits. */
export function halves(hash: bigint): readonly [low: number, high: number] {
  return [Number(hash & 0xffffffffn), Number(hash >> 32n)];
}
