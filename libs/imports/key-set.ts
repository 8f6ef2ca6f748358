/**
 * A set of 128-bit keys in flat memory: 16 bytes a key at a load of at most a half, where a Set of strings takes some 120.
 * An import remembers the keys of all its messages, so this is what bounds the rows of a file.
 */
export class KeySet {
  private words: Uint32Array;
  private mask: number;
  private count = 0;

  constructor(capacity = 1024) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.words = new Uint32Array(slots * 4);
    this.mask = slots - 1;
  }

  get size(): number {
    return this.count;
  }

  /** Of a key in hex, its first 128 bits count. True when it was not there yet. */
  add(hex: string): boolean {
    // The key 0 marks an empty slot; a digest's first word is made odd, which costs one bit.
    const a = (Number.parseInt(hex.slice(0, 8), 16) | 1) >>> 0;
    const b = Number.parseInt(hex.slice(8, 16), 16);
    const c = Number.parseInt(hex.slice(16, 24), 16);
    const d = Number.parseInt(hex.slice(24, 32), 16);
    if (!insert(this.words, this.mask, a, b, c, d)) return false;
    this.count++;
    if (this.count * 2 > this.mask) this.grow();
    return true;
  }

  private grow(): void {
    const old = this.words;
    this.words = new Uint32Array(old.length * 2);
    this.mask = this.mask * 2 + 1;
    for (let at = 0; at < old.length; at += 4) {
      const a = old[at] ?? 0;
      if (a !== 0) insert(this.words, this.mask, a, old[at + 1] ?? 0, old[at + 2] ?? 0, old[at + 3] ?? 0);
    }
  }
}

function insert(words: Uint32Array, mask: number, a: number, b: number, c: number, d: number): boolean {
  for (let slot = b & mask; ; slot = (slot + 1) & mask) {
    const at = slot * 4;
    if (words[at] === 0) {
      words[at] = a;
      words[at + 1] = b;
      words[at + 2] = c;
      words[at + 3] = d;
      return true;
    }
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return false;
  }
}
