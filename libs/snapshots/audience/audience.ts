import { hashId, idHash } from '../hash.js';
import { type AudienceCounts, anchorShift, byId } from './format.js';
import { segmentsOf, setWidth } from './membership-table.js';

/** What a node asks of an audience, with or without increments on top. */
export interface AudienceLookup {
  readonly segmentIds: readonly string[];
  /** Memberships are numbered 0 … membershipCount - 1. */
  readonly membershipCount: number;
  /** Segment ids by membership number, in the order of `segmentIds`. Made when first asked for. */
  readonly memberships: readonly (readonly string[])[];
  /** The customer's membership, -1 for a customer who is not in the audience. Allocates nothing. */
  membershipOfId(customerId: string): number;
  /** Whether customers are told apart by their ids, because their hashes are the same; else `membershipOfHash` does not look at the id. */
  readonly asksForIds: boolean;
  /** The same for one whose hash is known: its low and high 32 bits, as `idHash` holds them. */
  membershipOfHash(low: number, high: number, customerId: string): number;
  /** The same by the hash as one number. */
  membershipOf(hash: bigint, customerId: string): number;
  /** Customers per membership number. */
  sizes(): ArrayLike<number>;
}

// A bigint is taken apart through these two views of the same eight bytes: shifting it would make new bigints per lookup.
const hash64 = new BigUint64Array(1);
const hash32 = new Int32Array(hash64.buffer);

/** Sections of an image, as views of its bytes. */
export interface AudienceParts {
  readonly counts: AudienceCounts;
  readonly segmentIds: readonly string[];
  readonly sets: Uint32Array;
  readonly sizes: Uint32Array;
  readonly anchors: Uint32Array;
  readonly directory: Uint8Array | Uint16Array | Uint32Array;
  readonly remainders: Uint32Array;
  readonly numbers: Uint8Array | Uint16Array | Uint32Array;
  readonly exceptionHashes: Uint32Array;
  readonly exceptionNumbers: Uint32Array;
  readonly ids: ReadonlyMap<string, number>;
}

/**
 * One client's audience image, read in place: one buffer, no object per customer.
 * A customer who is not in it is taken for one who is with a probability below 10⁻⁹ per lookup (README.md).
 */
export class Audience implements AudienceLookup {
  readonly customers: number;
  readonly membershipCount: number;
  readonly segmentIds: readonly string[];
  /** As given to the builder's `image`. */
  readonly edition: number;
  private listed: readonly (readonly string[])[] | undefined;
  // Fields of the object itself, not of `parts`: one step less on the way of every query.
  private readonly directoryBits: number;
  private anchors: Uint32Array;
  private directory: Uint8Array | Uint16Array | Uint32Array;
  private remainders: Uint32Array;
  private numbers: Uint8Array | Uint16Array | Uint32Array;

  /** Only `readAudience` and its like make one: the parts are trusted. */
  constructor(private parts: AudienceParts) {
    const { counts } = parts;
    this.customers = counts.customers;
    this.membershipCount = counts.memberships;
    this.segmentIds = parts.segmentIds;
    this.edition = counts.edition;
    this.directoryBits = counts.directoryBits;
    this.anchors = parts.anchors;
    this.directory = parts.directory;
    this.remainders = parts.remainders;
    this.numbers = parts.numbers;
  }

  /** Its buffer is about to hold another image: from here on it knows nobody, whoever still has it. */
  retire(): void {
    const nothing = new Uint32Array();
    const none = { anchors: nothing, directory: nothing, remainders: nothing, numbers: nothing };
    Object.assign(this, none);
    const counts = { ...this.parts.counts, memberships: 0 };
    const rest = { sets: nothing, sizes: nothing, exceptionHashes: nothing, exceptionNumbers: nothing, ids: new Map<string, number>() };
    this.parts = { ...this.parts, ...none, ...rest, counts };
  }

  get memberships(): readonly (readonly string[])[] {
    const width = setWidth(this.parts.counts.segments);
    this.listed ??= Array.from({ length: this.membershipCount }, (_, number) =>
      segmentsOf(this.segmentIds, this.parts.sets, number * width),
    );
    return this.listed;
  }

  get asksForIds(): boolean {
    return this.parts.ids.size > 0;
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
    const { anchors, directory, remainders, directoryBits: bits } = this;
    const bucket = bits === 0 ? 0 : high >>> (32 - bits);
    const remainder = bits === 0 ? high >>> 0 : ((high << bits) | (low >>> (32 - bits))) >>> 0;
    let entry = anchors[bucket >>> anchorShift]! + directory[bucket]!;
    let end = anchors[(bucket + 1) >>> anchorShift]! + directory[bucket + 1]!;
    // Buckets hold 2 to 4; only ids made for it (xxHash64 is no secret) fill one so that halving is worth it.
    while (end - entry > 16) {
      const middle = (entry + end) >>> 1;
      if (remainders[middle]! <= remainder) entry = middle;
      else end = middle;
    }
    for (; entry < end; entry += 1) {
      const there = remainders[entry]!;
      if (there < remainder) continue;
      if (there > remainder) return -1;
      const number = this.numbers[entry]!;
      return number === this.membershipCount ? this.exception(low >>> 0, high >>> 0, customerId) : number;
    }
    return -1;
  }

  sizes(): ArrayLike<number> {
    return this.parts.sizes;
  }

  /** Of a customer who is told apart by the id; -1 for every other. */
  membershipById(customerId: string): number {
    return this.parts.ids.get(customerId) ?? -1;
  }

  /** The sets by number, as `setWidth` words each: for the overlay. */
  sets(): Uint32Array {
    return this.parts.sets;
  }

  private exception(low: number, high: number, customerId: string): number {
    const hashes = this.parts.exceptionHashes;
    let from = 0;
    let to = this.parts.exceptionNumbers.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const itsHigh = hashes[middle * 2 + 1]!;
      if (itsHigh < high || (itsHigh === high && hashes[middle * 2]! < low)) from = middle + 1;
      else to = middle;
    }
    if (hashes[from * 2] !== low || hashes[from * 2 + 1] !== high) return -1;
    const number = this.parts.exceptionNumbers[from]!;
    return number === byId ? (this.parts.ids.get(customerId) ?? -1) : number;
  }
}
