/**
 * Gives every distinct set of segments a number, in the order of first appearance. A set is `width` 32-bit words, bit i of them
 * (little-endian across words) saying that segment i is in it. Open addressing over two typed arrays: a full build asks it once per customer.
 */
export class MembershipTable {
  private sets: Uint32Array;
  private slots: Int32Array;
  private size = 0;

  constructor(private readonly width: number) {
    this.sets = new Uint32Array(Math.max(1, width) * 64);
    this.slots = new Int32Array(128).fill(-1);
  }

  get count(): number {
    return this.size;
  }

  /** The number of the set that stands in `source` from `offset`; a new one when it was not seen before. */
  intern(source: Uint32Array, offset: number): number {
    const mask = this.slots.length - 1;
    let slot = this.mix(source, offset) & mask;
    for (;;) {
      const number = this.slots[slot]!;
      if (number < 0) break;
      if (this.equals(number, source, offset)) return number;
      slot = (slot + 1) & mask;
    }
    return this.add(source, offset, slot);
  }

  /** The words of the sets in order of number, `width` each. */
  words(): Uint32Array {
    return this.sets.subarray(0, this.size * this.width);
  }

  has(number: number, segment: number): boolean {
    return ((this.sets[number * this.width + (segment >>> 5)]! >>> (segment & 31)) & 1) === 1;
  }

  equals(number: number, source: Uint32Array, offset: number): boolean {
    const start = number * this.width;
    for (let word = 0; word < this.width; word += 1) if (this.sets[start + word] !== source[offset + word]) return false;
    return true;
  }

  private mix(source: Uint32Array, offset: number): number {
    let hash = 0x9e3779b9;
    for (let word = 0; word < this.width; word += 1) {
      hash = Math.imul(hash ^ source[offset + word]!, 0x85ebca6b);
      hash ^= hash >>> 15;
      hash = Math.imul(hash, 0xc2b2ae35);
      hash ^= hash >>> 13;
    }
    return hash;
  }

  private add(source: Uint32Array, offset: number, slot: number): number {
    const number = this.size;
    this.size += 1;
    if (this.size * this.width > this.sets.length) {
      const larger = new Uint32Array(this.sets.length * 2);
      larger.set(this.sets);
      this.sets = larger;
    }
    for (let word = 0; word < this.width; word += 1) this.sets[number * this.width + word] = source[offset + word]!;
    this.slots[slot] = number;
    if (this.size * 2 > this.slots.length) this.rehash();
    return number;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let number = 0; number < this.size; number += 1) {
      let slot = this.mix(this.sets, number * this.width) & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.slots = slots;
  }
}

/** 32-bit words of a set over so many segments: whole 64-bit words, as ClickHouse writes them. */
export function setWidth(segments: number): number {
  return Math.ceil(segments / 64) * 2;
}

/** The set as words, from ids. Ids that are not among `segmentIds` are an error: the set would silently lose them. */
export function segmentSet(segmentIds: readonly string[], chosen: Iterable<string>): Uint32Array {
  const set = new Uint32Array(setWidth(segmentIds.length));
  for (const id of chosen) {
    const index = segmentIds.indexOf(id);
    if (index < 0) throw new RangeError(`segment ${id} is not among the audience's segments`);
    set[index >>> 5]! |= 1 << (index & 31);
  }
  return set;
}

/** Segment ids of the set that stands in `words` from `offset`, in the order of `segmentIds`. */
export function segmentsOf(segmentIds: readonly string[], words: Uint32Array, offset: number): string[] {
  return segmentIds.filter((_, index) => ((words[offset + (index >>> 5)]! >>> (index & 31)) & 1) === 1);
}
