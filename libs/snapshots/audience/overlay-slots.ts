import type { Interruptible } from '../slices.js';

/** Nothing is said of the customer here: what is beneath counts. */
export const absent = -1;
/** Several customers have the hash, and are told apart by their ids. */
export const byIdHere = -2;

// A slot is low word, high word, number, the number before it, and since which increment the number counts: 0 for a slot that holds nobody.
const slotWords = 5;
const numberAt = 2;
const beforeAt = 3;
const sinceAt = 4;

/**
 * Hash → membership number, as of two moments: numbers of an increment that is still being taken in stand beside those before it, and all come to count
 * together. Open addressing, at most half full. The multipliers are drawn per table, so that nobody can choose ids that all fall on one slot.
 */
export class OverlaySlots {
  private readonly lowFactor = randomOdd();
  private readonly highFactor = randomOdd();
  private slots = new Int32Array(1024 * slotWords);
  private mask = 1023;
  private count = 0;

  /** Hashes that it holds. */
  get used(): number {
    return this.count;
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  /** As of this increment and before the next. */
  numberOf(low: number, high: number, sequence: number): number {
    const at = this.slotOf(this.slots, this.mask, low, high);
    const since = this.slots[at + sinceAt]!;
    if (since === 0) return absent;
    return since <= sequence ? this.slots[at + numberAt]! : this.slots[at + beforeAt]!;
  }

  /** Room for so many more: the next `put`s do not grow the table. */
  *reserving(more: number): Interruptible<void> {
    let size = this.mask + 1;
    while ((this.count + more) * 2 > size) size *= 2;
    if (size === this.mask + 1) return;
    const grown = new Int32Array(size * slotWords);
    for (let from = 0; from < this.slots.length; from += slotWords) {
      if (from % (slotWords * 4096) === 0) yield;
      if (this.slots[from + sinceAt] === 0) continue;
      const to = this.slotOf(grown, size - 1, this.slots[from]!, this.slots[from + 1]!);
      for (let word = 0; word < slotWords; word += 1) grown[to + word] = this.slots[from + word]!;
    }
    this.slots = grown;
    this.mask = size - 1;
  }

  /** From `sequence` on, the next after all that were put before. A hash is put once per sequence, or always the same. */
  put(low: number, high: number, number: number, sequence: number): void {
    const { slots } = this;
    const at = this.slotOf(slots, this.mask, low, high);
    const since = slots[at + sinceAt]!;
    if (since === 0) {
      this.count += 1;
      slots[at] = low;
      slots[at + 1] = high;
      slots[at + beforeAt] = absent;
    } else if (since < sequence) slots[at + beforeAt] = slots[at + numberAt]!;
    slots[at + numberAt] = number;
    slots[at + sinceAt] = sequence;
  }

  /** What it says as of this increment. */
  each(sequence: number, tell: (low: number, high: number, number: number) => void): void {
    const { slots } = this;
    for (let at = 0; at < slots.length; at += slotWords) {
      const since = slots[at + sinceAt]!;
      const number = since <= sequence ? slots[at + numberAt]! : slots[at + beforeAt]!;
      if (since !== 0 && number !== absent) tell(slots[at]!, slots[at + 1]!, number);
    }
  }

  /** Place of the hash, or of the free slot where it belongs. */
  private slotOf(slots: Int32Array, mask: number, low: number, high: number): number {
    let slot = (Math.imul(low, this.lowFactor) + Math.imul(high, this.highFactor)) >>> 8;
    for (;;) {
      const at = (slot & mask) * slotWords;
      if (slots[at + sinceAt] === 0 || (slots[at] === low && slots[at + 1] === high)) return at;
      slot += 1;
    }
  }
}

function randomOdd(): number {
  return (Math.random() * 2 ** 32) | 1;
}
