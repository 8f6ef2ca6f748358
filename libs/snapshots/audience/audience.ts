import { SnapshotCorrupt } from '../errors.js';
import { checksumming } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import {
  type AudienceCounts,
  anchorShift,
  anchorsFor,
  audienceFormat,
  audienceHeaderBytes,
  audienceMagic,
  audienceOffsets,
  byId,
  directoryBitsFor,
  numbersView,
  offsetNames,
  requireLittleEndian,
  type Width,
  widthFor,
} from './format.js';
import { segmentsOf, setWidth } from './membership-table.js';

/** What a node asks of an audience, with or without increments on top. */
export interface AudienceLookup {
  readonly segmentIds: readonly string[];
  /** Memberships are numbered 0 … membershipCount - 1. */
  readonly membershipCount: number;
  /** Segment ids by membership number, in the order of `segmentIds`. Made when first asked for. */
  readonly memberships: readonly (readonly string[])[];
  /** The membership of the customer whose id has this xxHash64, -1 for a customer who is not in the audience. Allocates nothing. */
  membershipOf(hash: bigint, customerId: string): number;
  /** Customers per membership number. */
  sizes(): ArrayLike<number>;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
// A bigint is taken apart through these two views of the same eight bytes: shifting it would make new bigints per lookup.
const hash64 = new BigUint64Array(1);
const hash32 = new Uint32Array(hash64.buffer);

/**
 * One client's audience image, read in place: one buffer, no object per customer.
 * A customer who is not in it is taken for one who is with a probability below 10⁻⁹ per lookup (README.md).
 */
export class Audience implements AudienceLookup {
  readonly customers: number;
  readonly membershipCount: number;
  private listed: readonly (readonly string[])[] | undefined;

  /** Only `readAudience` makes one: the parts are trusted. */
  constructor(
    private readonly parts: {
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
    },
  ) {
    this.customers = parts.counts.customers;
    this.membershipCount = parts.counts.memberships;
  }

  /** As given to the builder's `image`. */
  get edition(): number {
    return this.parts.counts.edition;
  }

  get segmentIds(): readonly string[] {
    return this.parts.segmentIds;
  }

  get memberships(): readonly (readonly string[])[] {
    const width = setWidth(this.parts.counts.segments);
    this.listed ??= Array.from({ length: this.membershipCount }, (_, number) =>
      segmentsOf(this.segmentIds, this.parts.sets, number * width),
    );
    return this.listed;
  }

  membershipOf(hash: bigint, customerId: string): number {
    hash64[0] = hash;
    const low = hash32[0]!;
    const high = hash32[1]!;
    const { anchors, directory, remainders, numbers, counts } = this.parts;
    const bits = counts.directoryBits;
    const bucket = bits === 0 ? 0 : high >>> (32 - bits);
    const remainder = bits === 0 ? high : ((high << bits) | (low >>> (32 - bits))) >>> 0;
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
      const number = numbers[entry]!;
      return number === counts.memberships ? this.exception(low, high, customerId) : number;
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

/** Reads an image. The bytes belong to the audience from then on. @throws SnapshotCorrupt for anything but a whole image of a format known here. */
export function readAudience(image: Uint8Array): Audience {
  return atOnce(reading(image));
}

/** As `readAudience`, in slices of milliseconds: a node goes on answering while it verifies (some 100 ms for ten million customers). */
export function loadAudience(image: Uint8Array): Promise<Audience> {
  return inSlices(reading(image));
}

function* reading(image: Uint8Array): Interruptible<Audience> {
  requireLittleEndian();
  // Views of 32-bit numbers need an aligned begin; small buffers of Node's pool have none.
  const bytes = image.byteOffset % 8 === 0 ? image : new Uint8Array(image);
  checkHead(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const sum = yield* checksumming(bytes.subarray(0, bytes.length - 8));
  check(view.getBigUint64(bytes.length - 8, true) === sum, 'check sum');
  const counts = readCounts(view);
  const offsets = audienceOffsets(counts);
  for (const [index, name] of offsetNames.entries()) {
    check(view.getUint32(56 + index * 4, true) === offsets[name], `section ${name} is not where it must be`);
  }
  check(offsets.checksum + 8 === bytes.length, 'length');
  check(counts.numberBytes === widthFor(counts.memberships), 'width of numbers');
  const buckets = 2 ** counts.directoryBits;
  const words = (offset: number, count: number) => new Uint32Array(bytes.buffer, bytes.byteOffset + offset, count);
  const parts = {
    counts,
    segmentIds: readSegmentIds(bytes.subarray(offsets.segmentIds, offsets.segmentIds + counts.segmentIdsBytes), counts.segments),
    sets: words(offsets.sets, counts.memberships * setWidth(counts.segments)),
    sizes: words(offsets.sizes, counts.memberships),
    anchors: words(offsets.anchors, anchorsFor(counts.directoryBits)),
    directory: numbersView(bytes, offsets.directory, buckets + 1, counts.directoryBytes),
    remainders: words(offsets.remainders, counts.entries),
    numbers: numbersView(bytes, offsets.numbers, counts.entries, counts.numberBytes),
    exceptionHashes: words(offsets.byHash, counts.byHash * 2),
    exceptionNumbers: words(offsets.byHash + counts.byHash * 8, counts.byHash),
    ids: readIds(bytes.subarray(offsets.byId, offsets.byId + counts.byIdBytes), counts),
  };
  yield* checkingTable(parts);
  return new Audience(parts);
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new SnapshotCorrupt(`audience image: ${what}`);
}

/** What can be said before the check sum: that it is an audience, of a format known here, and all there. */
function checkHead(bytes: Uint8Array): void {
  check(bytes.length >= audienceHeaderBytes + 8, 'cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  check(Buffer.from(bytes.subarray(0, 8)).toString('latin1') === audienceMagic, 'this is something else');
  const format = view.getUint32(8, true);
  check(format <= audienceFormat, `format ${format} is newer than the ${audienceFormat} that is known here`);
  check(format === audienceFormat, `format ${format}`);
  check(view.getUint32(16, true) === bytes.length, `${bytes.length} bytes where ${view.getUint32(16, true)} are said`);
}

function readCounts(view: DataView): AudienceCounts {
  check(view.getUint32(12, true) === audienceHeaderBytes, 'header');
  const counts = {
    customers: view.getUint32(20, true),
    segments: view.getUint32(24, true),
    memberships: view.getUint32(28, true),
    entries: view.getUint32(32, true),
    numberBytes: readWidth(view.getUint8(36)),
    directoryBytes: readWidth(view.getUint8(37)),
    directoryBits: view.getUint8(38),
    byHash: view.getUint32(40, true),
    byId: view.getUint32(44, true),
    segmentIdsBytes: view.getUint32(48, true),
    byIdBytes: view.getUint32(52, true),
    edition: Number(view.getBigUint64(96, true)),
  };
  check(counts.directoryBits === directoryBitsFor(counts.customers), 'bits of the directory');
  check(counts.entries <= counts.customers && counts.byHash <= counts.customers && counts.byId <= counts.customers, 'counts');
  return counts;
}

function readWidth(value: number): Width {
  check(value === 1 || value === 2 || value === 4, 'width');
  return value;
}

function readSegmentIds(bytes: Uint8Array, count: number): string[] {
  let ids: unknown;
  try {
    ids = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new SnapshotCorrupt('audience image: segment ids', { cause });
  }
  check(Array.isArray(ids) && ids.length === count && ids.every((id) => typeof id === 'string'), 'segment ids');
  return ids;
}

function readIds(bytes: Uint8Array, counts: AudienceCounts): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ids = new Map<string, number>();
  let at = 0;
  while (at < bytes.length) {
    check(at + 5 <= bytes.length && at + 5 + view.getUint8(at + 4) <= bytes.length, 'ids');
    const number = view.getUint32(at, true);
    check(number < counts.memberships, 'ids');
    const end = at + 5 + view.getUint8(at + 4);
    ids.set(utf8.decode(bytes.subarray(at + 5, end)), number);
    at = end;
  }
  check(ids.size === counts.byId, 'ids');
  return ids;
}

const bucketsAtOnce = 65_536;

/** The directory rises, remainders rise within their bucket, and every number is one of a membership: so no lookup can leave the buffer. */
function* checkingTable(parts: {
  counts: AudienceCounts;
  sizes: Uint32Array;
  anchors: Uint32Array;
  directory: ArrayLike<number>;
  remainders: Uint32Array;
  numbers: ArrayLike<number>;
  exceptionNumbers: Uint32Array;
}): Interruptible<void> {
  const { counts, anchors, directory, remainders, numbers } = parts;
  const buckets = 2 ** counts.directoryBits;
  let marks = 0;
  let begin = anchors[0]! + directory[0]!;
  check(begin === 0, 'directory');
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const end = anchors[(bucket + 1) >>> anchorShift]! + directory[bucket + 1]!;
    check(end >= begin && end <= counts.entries, 'directory');
    for (let entry = begin; entry < end; entry += 1) {
      check(entry === begin || remainders[entry]! > remainders[entry - 1]!, 'order');
      check(numbers[entry]! <= counts.memberships, 'membership');
      if (numbers[entry] === counts.memberships) marks += 1;
    }
    begin = end;
    if (bucket % bucketsAtOnce === 0) yield;
  }
  check(begin === counts.entries, 'directory');
  check(
    parts.exceptionNumbers.every((number) => number === byId || number < counts.memberships),
    'exceptions',
  );
  const apart = parts.exceptionNumbers.reduce((sum, number) => sum + (number === byId ? 0 : 1), 0) + counts.byId;
  check(counts.entries - marks + apart === counts.customers, 'count of customers');
  let sum = 0;
  for (const size of parts.sizes) sum += size;
  check(sum === counts.customers, 'sizes');
}
