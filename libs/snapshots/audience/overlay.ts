import { SnapshotCorrupt, SnapshotTooLarge } from '../errors.js';
import { hashId, idHash } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import type { Audience, AudienceLookup } from './audience.js';
import { readingIncrement } from './increment.js';
import { MembershipTable, segmentsOf, setWidth } from './membership-table.js';
import { absent, byIdHere, OverlaySlots } from './overlay-slots.js';

/** Customers that increments may change on top of one image: up to 80 bytes of memory for each. A full build comes before that. */
export const overlayCustomersMax = 1_000_000;

const setsAtOnce = 256;
/** Of a customer who is known by the id: an object, a text, an entry. */
const namedBytes = 250;

const hash64 = new BigUint64Array(1);
const hash32 = new Int32Array(hash64.buffer);

/** What an increment says of a customer who is known by the id, and what was before it. */
interface Named {
  readonly number: number;
  readonly before: number;
  readonly since: number;
}

/**
 * An audience image with increments on top, in one lookup. An increment counts whole or not at all, from one moment on, however many slices it took to
 * take it in; membership numbers that were given stay, sets seen for the first time get new ones.
 */
export class Overlay implements AudienceLookup {
  readonly segmentIds: readonly string[];
  private counts: number[] | undefined;
  private readonly listed: (readonly string[])[] = [];
  private readonly slots = new OverlaySlots();
  private readonly ids = new Map<string, Named>();
  private applied = 0;
  private applying = false;

  constructor(
    readonly base: Audience,
    /** The image's version. */
    readonly baseVersion: string,
    private readonly table = atOnce(memberships(base)),
  ) {
    this.segmentIds = base.segmentIds;
  }

  /** As the constructor, and with all memberships listed, in slices of milliseconds: an audience may have tens of thousands. */
  static async inSlices(base: Audience, baseVersion: string): Promise<Overlay> {
    const overlay = new Overlay(base, baseVersion, await inSlices(memberships(base), 1));
    await inSlices(overlay.listing(), 1);
    return overlay;
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
    return this.slots.used + this.ids.size;
  }

  /** As answers name it: `<image>`, or `<image>+<increment>`. */
  get version(): string {
    return this.applied === 0 ? this.baseVersion : `${this.baseVersion}+${this.applied}`;
  }

  get memberships(): readonly (readonly string[])[] {
    return atOnce(this.listing());
  }

  get asksForIds(): boolean {
    return this.ids.size > 0 || this.base.asksForIds;
  }

  membershipOfId(customerId: string): number {
    hashId(customerId);
    return this.membershipOfHash(idHash[0]!, idHash[1]!, customerId);
  }

  membershipOf(hash: bigint, customerId: string): number {
    hash64[0] = hash;
    return this.membershipOfHash(hash32[0]!, hash32[1]!, customerId);
  }

  membershipOfHash(low: number, high: number, customerId: string): number {
    const number = this.slots.used === 0 ? absent : this.slots.numberOf(low, high, this.applied);
    if (number === absent) return this.base.membershipOfHash(low, high, customerId);
    if (number !== byIdHere) return number;
    const named = this.ids.get(customerId);
    const its = named === undefined ? absent : this.numberOf(named);
    return its === absent ? this.base.membershipById(customerId) : its;
  }

  sizes(): ArrayLike<number> {
    this.counts ??= this.counted();
    return this.counts;
  }

  /** Whether the customer is in exactly this set now; who is not in the audience is in the empty one, and so is one of whom nothing is known (undefined). */
  says(hash: bigint, customerId: string, set: Uint32Array | undefined): boolean {
    const number = this.membershipOf(hash, customerId);
    if (number < 0) return set === undefined || set.every((word) => word === 0);
    return this.table.equals(number, set ?? new Uint32Array(setWidth(this.segmentIds.length)), 0);
  }

  /** Bytes of memory beside the image, roughly: what increments brought. */
  get addedBytes(): number {
    return this.slots.bytes + this.ids.size * namedBytes;
  }

  /** @throws SnapshotCorrupt when it is damaged or belongs elsewhere, SnapshotTooLarge past `overlayCustomersMax`; nothing is changed then. */
  apply(increment: Uint8Array): void {
    atOnce(this.taking(increment));
  }

  /**
   * As `apply`, in slices of milliseconds: the increment counts when the promise resolves, and lookups in between answer as before it. No other increment
   * may be applied meanwhile.
   */
  applyInSlices(increment: Uint8Array, sliceMs = 1): Promise<void> {
    return inSlices(this.taking(increment), sliceMs);
  }

  private *listing(): Interruptible<readonly (readonly string[])[]> {
    const width = setWidth(this.segmentIds.length);
    while (this.listed.length < this.table.count) {
      this.listed.push(segmentsOf(this.segmentIds, this.table.words(), this.listed.length * width));
      if (this.listed.length % setsAtOnce === 0) yield;
    }
    return this.listed;
  }

  private *taking(increment: Uint8Array): Interruptible<void> {
    if (this.applying) throw new Error('an increment is being applied');
    this.applying = true;
    try {
      yield* this.merging(increment);
    } finally {
      this.applying = false;
    }
  }

  private *merging(increment: Uint8Array): Interruptible<void> {
    const { base, sequence, segments, count, sets, hashes, numbers, ids } = yield* readingIncrement(increment);
    if (base !== this.baseVersion || segments !== this.segmentIds.length) {
      throw new SnapshotCorrupt(`the increment belongs to the audience ${base}, not to ${this.baseVersion}`);
    }
    if (sequence !== this.applied + 1)
      throw new SnapshotCorrupt(`increment ${sequence} comes after ${sequence - 1}, not after ${this.applied}`);
    if (this.changed + count > overlayCustomersMax) {
      throw new SnapshotTooLarge(`increments change more than ${overlayCustomersMax} customers of the audience ${base}`);
    }
    const width = setWidth(segments);
    const setCount = width === 0 ? Math.min(1, count) : sets.length / width;
    // From here on nothing fails.
    const numberOf = Array.from({ length: setCount }, (_, set) => this.table.intern(sets, set * width));
    yield* this.slots.reserving(count);
    for (let index = 0; index < count; index += 1) {
      const low = hashes[index * 2]!;
      const high = hashes[index * 2 + 1]!;
      const number = numberOf[numbers[index]!]!;
      const customerId = ids.get(index);
      if (customerId !== undefined) this.name(customerId, { number, before: absent, since: sequence });
      this.slots.put(low, high, customerId === undefined ? number : byIdHere, sequence);
      if (index % 1024 === 0) yield;
    }
    this.counts = undefined;
    this.applied = sequence;
  }

  private numberOf({ number, before, since }: Named): number {
    return since <= this.applied ? number : before;
  }

  private name(customerId: string, now: Named): void {
    const known = this.ids.get(customerId);
    this.ids.set(customerId, known === undefined ? now : { ...now, before: known.number });
  }

  /** From the image's counts and every change: only who asks for sizes pays for them, and a node never does. */
  private counted(): number[] {
    const counts = Array.from({ length: this.table.count }, (_, number) => this.base.sizes()[number] ?? 0);
    const moved = (before: number, now: number) => {
      if (before >= 0) counts[before]! -= 1;
      if (now >= 0) counts[now]! += 1;
    };
    // Whom the image knows by the hash alone is one of those whom increments name, and is counted with them.
    this.slots.each(this.applied, (low, high, number) => moved(this.base.membershipOfHash(low, high, ''), number));
    for (const [customerId, named] of this.ids) {
      const number = this.numberOf(named);
      if (number !== absent) moved(this.base.membershipById(customerId), number);
    }
    return counts;
  }
}

/** The image's sets are distinct, so each gets its own number again. */
function* memberships(base: Audience): Interruptible<MembershipTable> {
  const width = setWidth(base.segmentIds.length);
  const table = new MembershipTable(width);
  const sets = base.sets();
  for (let number = 0; number < base.membershipCount; number += 1) {
    if (table.intern(sets, number * width) !== number) throw new SnapshotCorrupt('audience image: a set stands in it twice');
    if (number % setsAtOnce === 0) yield;
  }
  return table;
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
