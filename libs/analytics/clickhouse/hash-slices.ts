/** Part of all customers by their hash, both ends included. */
export interface HashRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** Equal ranges of the hash, which is even, in its order; one undefined: all. */
export function hashSlices(count: number): readonly (HashRange | undefined)[] {
  if (count <= 1) return [undefined];
  const size = (1n << 64n) / BigInt(count);
  return Array.from({ length: count }, (_, index) => ({
    from: BigInt(index) * size,
    to: index === count - 1 ? (1n << 64n) - 1n : BigInt(index + 1) * size - 1n,
  }));
}
