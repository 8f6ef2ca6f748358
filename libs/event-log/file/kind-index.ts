/**
 * What stands in the index of a kind at [kind, position of the last]: `true` for one event, their number for events that follow one another without a gap,
 * else how far before the last each of them is, the farthest first, as u16 big-endian.
 */
export type KindEntry = true | number | Buffer;

/** `indexes`: of the events of one kind within their block, rising. */
export function kindEntry(indexes: readonly number[]): KindEntry {
  const last = indexes.at(-1) as number;
  if (indexes.length === 1) return true;
  if (last - (indexes[0] as number) === indexes.length - 1) return indexes.length;
  const distances = Buffer.allocUnsafe(indexes.length * 2);
  for (const [at, index] of indexes.entries()) distances.writeUInt16BE(last - index, at * 2);
  return distances;
}

/** The positions that it stands for, rising. */
export function* positionsOf(entry: KindEntry, last: number): Generator<number> {
  if (entry === true) yield last;
  else if (typeof entry === 'number') for (let position = last - entry + 1; position <= last; position++) yield position;
  else for (let at = 0; at < entry.length; at += 2) yield last - entry.readUInt16BE(at);
}
