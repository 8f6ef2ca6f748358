import { SnapshotCorrupt, SnapshotTooLarge } from '../errors.js';
import type { Audience, AudienceLookup } from './audience.js';
import { byId } from './format.js';
import { decodeIncrement } from './increment.js';
import { MembershipTable, segmentsOf, setWidth } from './membership-table.js';

/** Customers that increments may change on top of one image: up to 64 bytes of memory for each. A full build comes before that. */
export const overlayCustomersMax = 1_000_000;

const hash64 = new BigUint64Array(1);
const hash32 = new Uint32Array(hash64.buffer);
/** The slot holds nobody. */
const free = 0xfffffffe;

/**
 * An audience image with increments on top, in one lookup. Applying an increment changes it in place, whole or not at all; membership
 * numbers that were given stay, sets seen for the first time get new ones.
 */
export class Overlay implements AudienceLookup {
  private readonly table: MembershipTable;
  private readonly counts: number[];
  private listed: (readonly string[])[] | undefined;
  // Open addressing; a slot is low word, high word, number, and one word unused. The multipliers are drawn per overlay, so that nobody can
  // choose ids that all fall on one slot.
  private readonly lowFactor = randomOdd();
  private readonly highFactor = randomOdd();
  private slots = emptySlots(1024);
  private used = 0;
  private readonly ids = new Map<string, number>();
  private applied = 0;

  constructor(
    readonly base: Audience,
    /** The image's version. */
    readonly baseVersion: string,
  ) {
    const width = setWidth(base.segmentIds.length);
    this.table = new MembershipTable(width);
    const sets = base.sets();
    // The image's sets are distinct, so each gets its own number again.
    for (let number = 0; number < base.membershipCount; number += 1) {
      if (this.table.intern(sets, number * width) !== number) throw new SnapshotCorrupt('audience image: a set stands in it twice');
    }
    this.counts = Array.from(base.sizes());
  }

  get segmentIds(): readonly string[] {
    return this.base.segmentIds;
  }

  get membershipCount(): number {
    return this.table.count;
  }

  /** Number of the newest increment applied; 0 for none. */
  get sequence(): number {
    return this.applied;
  }

  /** Customers that the increments changed. */
  get changed(): number {
    return this.used + this.ids.size;
  }

  /** As answers name it: `<image>`, or `<image>+<increment>`. */
  get version(): string {
    return this.applied === 0 ? this.baseVersion : `${this.baseVersion}+${this.applied}`;
  }

  get memberships(): readonly (readonly string[])[] {
    const width = setWidth(this.segmentIds.length);
    this.listed ??= [];
    for (let number = this.listed.length; number < this.table.count; number += 1) {
      this.listed.push(segmentsOf(this.segmentIds, this.table.words(), number * width));
    }
    return this.listed;
  }

  membershipOf(hash: bigint, customerId: string): number {
    hash64[0] = hash;
    const number = this.slots[this.slotOf(hash32[0]!, hash32[1]!) + 2]!;
    if (number === free) return this.base.membershipOf(hash, customerId);
    return number === byId ? (this.ids.get(customerId) ?? this.base.membershipById(customerId)) : number;
  }

  sizes(): ArrayLike<number> {
    return this.counts;
  }

  /** Whether the customer is in exactly this set now; who is not in the audience is in the empty one. */
  isIn(hash: bigint, customerId: string, set: Uint32Array): boolean {
    const number = this.membershipOf(hash, customerId);
    return number < 0 ? set.every((word) => word === 0) : this.table.equals(number, set, 0);
  }

  /** @throws SnapshotCorrupt when it is damaged or belongs elsewhere, SnapshotTooLarge past `overlayCustomersMax`; nothing is changed then. */
  apply(increment: Uint8Array): void {
    const { base, sequence, segments, changes } = decodeIncrement(increment);
    if (base !== this.baseVersion || segments !== this.segmentIds.length) {
      throw new SnapshotCorrupt(`the increment belongs to the audience ${base}, not to ${this.baseVersion}`);
    }
    if (sequence !== this.applied + 1)
      throw new SnapshotCorrupt(`increment ${sequence} comes after ${sequence - 1}, not after ${this.applied}`);
    if (this.changed + changes.length > overlayCustomersMax) {
      throw new SnapshotTooLarge(`increments change more than ${overlayCustomersMax} customers of the audience ${base}`);
    }
    for (const { hash, customerId, set } of changes) {
      const before = this.membershipOf(hash, customerId ?? '');
      const number = this.table.intern(set, 0);
      if (before >= 0) this.counts[before]! -= 1;
      this.counts[number] = (this.counts[number] ?? 0) + 1;
      if (customerId !== undefined) this.ids.set(customerId, number);
      this.put(hash, customerId === undefined ? number : byId);
    }
    this.applied = sequence;
  }

  /** Place of the customer's slot, or of the free one where it belongs. */
  private slotOf(low: number, high: number): number {
    const mask = this.slots.length / 4 - 1;
    let slot = (Math.imul(low, this.lowFactor) + Math.imul(high, this.highFactor)) >>> 8;
    for (;;) {
      const at = (slot & mask) * 4;
      if (this.slots[at + 2] === free || (this.slots[at] === low && this.slots[at + 1] === high)) return at;
      slot += 1;
    }
  }

  private put(hash: bigint, number: number): void {
    hash64[0] = hash;
    const low = hash32[0]!;
    const high = hash32[1]!;
    const at = this.slotOf(low, high);
    if (this.slots[at + 2] === free) {
      this.used += 1;
      this.slots[at] = low;
      this.slots[at + 1] = high;
    }
    this.slots[at + 2] = number;
    if (this.used * 8 > this.slots.length) this.grow();
  }

  private grow(): void {
    const old = this.slots;
    this.slots = emptySlots(old.length / 2);
    for (let from = 0; from < old.length; from += 4) {
      if (old[from + 2] === free) continue;
      const to = this.slotOf(old[from]!, old[from + 1]!);
      this.slots.set(old.subarray(from, from + 4), to);
    }
  }
}

function randomOdd(): number {
  return (Math.random() * 2 ** 32) | 1;
}

function emptySlots(count: number): Uint32Array {
  const slots = new Uint32Array(count * 4);
  for (let at = 2; at < slots.length; at += 4) slots[at] = free;
  return slots;
}

/** How many customers are in each segment of this audience. */
export function segmentSizes(audience: AudienceLookup): ReadonlyMap<string, number> {
  const sizes = new Map(audience.segmentIds.map((id) => [id, 0]));
  const perMembership = audience.sizes();
  audience.memberships.forEach((segments, number) => {
    for (const id of segments) sizes.set(id, sizes.get(id)! + (perMembership[number] ?? 0));
  });
  return sizes;
}
