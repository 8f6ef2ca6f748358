import { SnapshotTooLarge } from '../errors.js';
import { checksumming } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import {
  type AudienceCounts,
  type AudienceOffsets,
  anchorShift,
  anchorsFor,
  audienceBytesMax,
  audienceFormat,
  audienceHeaderBytes,
  audienceMagic,
  audienceOffsets,
  byId,
  directoryBitsFor,
  numbersView,
  offsetNames,
  requireLittleEndian,
  widthFor,
} from './format.js';
import { MembershipTable, setWidth } from './membership-table.js';
import { AudienceRowsInvalid, checkBeyondSegments, type RowsOfCustomers, wholeRows } from './rows.js';

export interface AudienceImage {
  readonly bytes: Uint8Array;
  readonly customers: number;
  readonly memberships: number;
}

interface Apart {
  readonly hash: bigint;
  readonly customerId: string;
  readonly number: number;
}

const chunkShift = 16;
const chunkMask = (1 << chunkShift) - 1;
const utf8 = new TextEncoder();

/**
 * Makes the image of an audience from the rows that ClickHouse streams, touching bytes only: 12 bytes of memory per customer beside the image.
 * Take all rows; when `collidingHashes` is not empty, say with `keepApart` who the customers of those hashes are; then ask for the image.
 */
export class AudienceBuilder {
  private readonly table: MembershipTable;
  private readonly width: number;
  // Low word, high word and membership number of each customer in the order of hashes, in chunks: how many there will be is known at the end only.
  private readonly chunks: Uint32Array[] = [];
  private count = 0;
  private lastHigh = 0;
  private lastLow = 0;
  private readonly colliding = new Map<bigint, number>();
  private readonly apart: Apart[] = [];

  constructor(readonly segmentIds: readonly string[]) {
    requireLittleEndian();
    this.width = setWidth(segmentIds.length);
    this.table = new MembershipTable(this.width);
  }

  /** @throws AudienceRowsInvalid when the stream is cut, out of order or of another shape. */
  async take(rows: RowsOfCustomers): Promise<void> {
    for await (const { words, count, rowWords } of wholeRows(rows)) {
      for (let row = 0, at = 0; row < count; row += 1, at += rowWords) {
        checkBeyondSegments(words, at + 2, rowWords - 2, this.segmentIds.length);
        this.add(words[at]!, words[at + 1]!, this.table.intern(words, at + 2));
      }
    }
  }

  /** Hashes that more than one of the taken customers has. */
  get collidingHashes(): readonly bigint[] {
    return [...this.colliding.keys()];
  }

  /** Who one of the customers of a colliding hash is, and which set that customer has. */
  keepApart(customerId: string, hash: bigint, set: Uint32Array): void {
    if (!this.colliding.has(hash)) throw new RangeError(`no two customers have the hash ${hash}`);
    this.apart.push({ hash, customerId, number: this.table.intern(set, 0) });
  }

  /**
   * The same content and edition give the same bytes. An image whose version has increments already gets another edition, so that nobody
   * takes those for increments on this one. @throws SnapshotTooLarge past `audienceBytesMax`; a RangeError while customers of a colliding
   * hash are not kept apart.
   */
  image(edition = 0): AudienceImage {
    return atOnce(this.making(edition));
  }

  /** As `image`, in slices of milliseconds: the process goes on with its other work (an image of ten million customers takes 0.7 s). */
  imageInSlices(edition = 0): Promise<AudienceImage> {
    return inSlices(this.making(edition));
  }

  private *making(edition: number): Interruptible<AudienceImage> {
    for (const [hash, rows] of this.colliding) {
      const known = this.apart.filter((one) => one.hash === hash).length;
      if (known < rows) throw new RangeError(`${rows} customers have the hash ${hash}, and ${known} were kept apart`);
    }
    // A customer whose hash collides is counted as kept apart: that may be one more than the rows had when one came in between.
    const customers = [...this.colliding.values()].reduce((sum, rows) => sum - rows, this.count) + this.apart.length;
    const directoryBits = directoryBitsFor(customers);
    const plan = yield* this.plan(directoryBits);
    const names = utf8.encode(JSON.stringify(this.segmentIds));
    const ids = this.idsSection();
    const counts: AudienceCounts = {
      customers,
      segments: this.segmentIds.length,
      memberships: this.table.count,
      entries: plan.entries,
      numberBytes: widthFor(this.table.count),
      directoryBytes: plan.directoryBytes,
      directoryBits,
      byHash: plan.byHash,
      byId: this.apart.length,
      segmentIdsBytes: names.length,
      byIdBytes: ids.length,
      edition,
    };
    const offsets = audienceOffsets(counts);
    const total = offsets.checksum + 8;
    if (total > audienceBytesMax)
      throw new SnapshotTooLarge(`an audience of ${customers} customers takes ${total} bytes, more than ${audienceBytesMax}`);
    const bytes = new Uint8Array(total);
    writeHeader(bytes, counts, offsets);
    bytes.set(names, offsets.segmentIds);
    new Uint32Array(bytes.buffer, offsets.sets, this.table.count * this.width).set(this.table.words());
    bytes.set(ids, offsets.byId);
    yield* this.writeTable(bytes, counts, offsets);
    const sum = yield* checksumming(bytes.subarray(0, offsets.checksum));
    new DataView(bytes.buffer).setBigUint64(offsets.checksum, sum, true);
    return { bytes, customers, memberships: this.table.count };
  }

  private add(low: number, high: number, number: number): void {
    if (this.count > 0) {
      if (high < this.lastHigh || (high === this.lastHigh && low < this.lastLow)) {
        throw new AudienceRowsInvalid('customers are not in the order of their hashes');
      }
      if (high === this.lastHigh && low === this.lastLow) {
        const hash = (BigInt(high) << 32n) | BigInt(low);
        this.colliding.set(hash, (this.colliding.get(hash) ?? 1) + 1);
      }
    }
    const place = (this.count & chunkMask) * 3;
    if (place === 0) this.chunks.push(new Uint32Array(3 << chunkShift));
    const chunk = this.chunks[this.count >>> chunkShift]!;
    chunk[place] = low;
    chunk[place + 1] = high;
    chunk[place + 2] = number;
    this.lastLow = low;
    this.lastHigh = high;
    this.count += 1;
  }

  /**
   * Calls with each distinct prefix in order: the customers `from` … `to` (exclusive) share it. A prefix is the bucket and the 32 bits after it.
   */
  private *prefixes(
    directoryBits: number,
    each: (bucket: number, remainder: number, from: number, to: number) => void,
  ): Interruptible<void> {
    const rest = 32 - directoryBits;
    let from = 0;
    let bucket = 0;
    let remainder = 0;
    for (let at = 0; at < this.count; at += 1) {
      const chunk = this.chunks[at >>> chunkShift]!;
      const place = (at & chunkMask) * 3;
      const low = chunk[place]!;
      const high = chunk[place + 1]!;
      const itsBucket = directoryBits === 0 ? 0 : high >>> rest;
      const its = directoryBits === 0 ? high : ((high << directoryBits) | (low >>> rest)) >>> 0;
      if (place === 0) yield;
      if (at > 0 && itsBucket === bucket && its === remainder) continue;
      if (at > 0) each(bucket, remainder, from, at);
      from = at;
      bucket = itsBucket;
      remainder = its;
    }
    if (this.count > 0) each(bucket, remainder, from, this.count);
  }

  /** A first pass for the sizes of the sections. */
  private *plan(directoryBits: number): Interruptible<Pick<AudienceCounts, 'entries' | 'byHash' | 'directoryBytes'>> {
    let entries = 0;
    let byHash = 0;
    let anchor = -1;
    let anchorAt = 0;
    let widest = 0;
    yield* this.prefixes(directoryBits, (bucket, _, from, to) => {
      if (bucket >>> anchorShift !== anchor) {
        anchor = bucket >>> anchorShift;
        anchorAt = entries;
      }
      entries += 1;
      // The begin of the bucket after the last of a group is counted from that group's anchor at most.
      widest = Math.max(widest, entries - anchorAt);
      if (to - from > 1) byHash += this.distinctHashes(from, to);
    });
    return { entries, byHash, directoryBytes: widthFor(widest) };
  }

  private hashAt(at: number): bigint {
    const chunk = this.chunks[at >>> chunkShift]!;
    const place = (at & chunkMask) * 3;
    return (BigInt(chunk[place + 1]!) << 32n) | BigInt(chunk[place]!);
  }

  private numberAt(at: number): number {
    return this.chunks[at >>> chunkShift]![(at & chunkMask) * 3 + 2]!;
  }

  private distinctHashes(from: number, to: number): number {
    let distinct = 1;
    for (let at = from + 1; at < to; at += 1) if (this.hashAt(at) !== this.hashAt(at - 1)) distinct += 1;
    return distinct;
  }

  private *writeTable(bytes: Uint8Array, counts: AudienceCounts, offsets: AudienceOffsets): Interruptible<void> {
    const buckets = 2 ** counts.directoryBits;
    const sizes = new Uint32Array(bytes.buffer, offsets.sizes, counts.memberships);
    const anchors = new Uint32Array(bytes.buffer, offsets.anchors, anchorsFor(counts.directoryBits));
    const directory = numbersView(bytes, offsets.directory, buckets + 1, counts.directoryBytes);
    const remainders = new Uint32Array(bytes.buffer, offsets.remainders, counts.entries);
    const numbers = numbersView(bytes, offsets.numbers, counts.entries, counts.numberBytes);
    const hashes = new Uint32Array(bytes.buffer, offsets.byHash, counts.byHash * 2);
    const exceptions = new Uint32Array(bytes.buffer, offsets.byHash + counts.byHash * 8, counts.byHash);
    let entry = 0;
    let exception = 0;
    let next = 0;
    const beginBucketsTo = (last: number) => {
      for (; next <= last; next += 1) {
        if ((next & ((1 << anchorShift) - 1)) === 0) anchors[next >>> anchorShift] = entry;
        directory[next] = entry - anchors[next >>> anchorShift]!;
      }
    };
    yield* this.prefixes(counts.directoryBits, (bucket, remainder, from, to) => {
      beginBucketsTo(bucket);
      remainders[entry] = remainder;
      if (to - from === 1) {
        const number = this.numberAt(from);
        numbers[entry++] = number;
        sizes[number]! += 1;
        return;
      }
      numbers[entry++] = counts.memberships;
      for (let at = from; at < to; at += 1) {
        const hash = this.hashAt(at);
        if (at > from && hash === this.hashAt(at - 1)) continue;
        hashes[exception * 2] = Number(hash & 0xffffffffn);
        hashes[exception * 2 + 1] = Number(hash >> 32n);
        const number = this.colliding.has(hash) ? byId : this.numberAt(at);
        exceptions[exception++] = number;
        if (number !== byId) sizes[number]! += 1;
      }
    });
    beginBucketsTo(buckets);
    for (const { number } of this.apart) sizes[number]! += 1;
  }

  /** Per customer told apart by id: u32 number, u8 length, the id. In the order of hash, then id. */
  private idsSection(): Uint8Array {
    const encoded = this.apart.map((one) => ({ ...one, id: utf8.encode(one.customerId) }));
    encoded.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : Buffer.compare(a.id, b.id)));
    const parts = encoded.map(({ number, id }) => {
      const head = Buffer.alloc(5);
      head.writeUInt32LE(number, 0);
      head.writeUInt8(id.length, 4);
      return Buffer.concat([head, id]);
    });
    return Buffer.concat(parts);
  }
}

function writeHeader(bytes: Uint8Array, counts: AudienceCounts, offsets: AudienceOffsets): void {
  const view = new DataView(bytes.buffer);
  utf8.encodeInto(audienceMagic, bytes);
  view.setUint32(8, audienceFormat, true);
  view.setUint32(12, audienceHeaderBytes, true);
  view.setUint32(16, bytes.length, true);
  view.setUint32(20, counts.customers, true);
  view.setUint32(24, counts.segments, true);
  view.setUint32(28, counts.memberships, true);
  view.setUint32(32, counts.entries, true);
  view.setUint8(36, counts.numberBytes);
  view.setUint8(37, counts.directoryBytes);
  view.setUint8(38, counts.directoryBits);
  view.setUint32(40, counts.byHash, true);
  view.setUint32(44, counts.byId, true);
  view.setUint32(48, counts.segmentIdsBytes, true);
  view.setUint32(52, counts.byIdBytes, true);
  view.setBigUint64(96, BigInt(counts.edition), true);
  offsetNames.forEach((name, index) => {
    view.setUint32(56 + index * 4, offsets[name], true);
  });
}
