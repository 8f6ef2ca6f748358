import { SnapshotTooLarge } from '../errors.js';
import { checksumming } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import { amended, type TakenCustomers } from './amended.js';
import { CustomerRows, chunkMask, chunkShift } from './customer-rows.js';
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
import type { Change } from './increment.js';
import { MembershipTable, setWidth } from './membership-table.js';
import { AudienceRowsInvalid, checkBeyondSegments, type RowsOfCustomers, wholeRows } from './rows.js';

export interface AudienceImage {
  readonly bytes: Uint8Array;
  readonly customers: number;
  readonly memberships: number;
}

const utf8 = new TextEncoder();

/**
 * Makes the image of an audience from the rows that ClickHouse streams, touching bytes only: 12 bytes of memory per customer beside the image.
 * Take all rows; when `collidingHashes` is not empty, say with `keepApart` who the customers of those hashes are; then ask for the image.
 */
export class AudienceBuilder {
  private readonly width: number;
  private taken: TakenCustomers;
  private lastHigh = 0;
  private lastLow = 0;

  constructor(readonly segmentIds: readonly string[]) {
    requireLittleEndian();
    this.width = setWidth(segmentIds.length);
    this.taken = { rows: new CustomerRows(), table: new MembershipTable(this.width), colliding: new Map(), apart: new Map() };
  }

  /** @throws AudienceRowsInvalid when the stream is cut, out of order or of another shape. */
  async take(rows: RowsOfCustomers): Promise<void> {
    for await (const { words, count, rowWords } of wholeRows(rows)) {
      for (let row = 0, at = 0; row < count; row += 1, at += rowWords) {
        checkBeyondSegments(words, at + 2, rowWords - 2, this.segmentIds.length);
        this.add(words[at]!, words[at + 1]!, this.taken.table.intern(words, at + 2));
      }
    }
  }

  /** Hashes that more than one of the taken customers has. */
  get collidingHashes(): readonly bigint[] {
    return [...this.taken.colliding.keys()];
  }

  /** Who one of the customers of a colliding hash is, and which set that customer has. */
  keepApart(customerId: string, hash: bigint, set: Uint32Array): void {
    if (!this.taken.colliding.has(hash)) throw new RangeError(`no two customers have the hash ${hash}`);
    this.taken.apart.set(customerId, { hash, number: this.taken.table.intern(set, 0) });
  }

  /** Whether the customer is in exactly this set; undefined: whether the customer is nobody whom the audience holds. */
  says(hash: bigint, customerId: string, set: Uint32Array | undefined): boolean {
    const { rows, table, colliding, apart } = this.taken;
    const number = colliding.has(hash) ? (apart.get(customerId)?.number ?? -1) : rows.numberOf(hash);
    if (number < 0 || set === undefined) return number < 0 && set === undefined;
    return table.equals(number, set, 0);
  }

  /**
   * Customers judged again since the rows were taken: what is said here replaces what the rows said, as the changes of an increment do. The image is the
   * same as if the rows had said so. In slices of milliseconds.
   */
  async amendInSlices(changes: readonly Change[]): Promise<void> {
    if (changes.length > 0) this.taken = await inSlices(amended(this.taken, this.width, changes));
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
    const { rows: taken, table, colliding, apart } = this.taken;
    const knownOf = new Map<bigint, number>();
    for (const { hash } of apart.values()) knownOf.set(hash, (knownOf.get(hash) ?? 0) + 1);
    for (const [hash, rows] of colliding) {
      const known = knownOf.get(hash) ?? 0;
      if (known < rows) throw new RangeError(`${rows} customers have the hash ${hash}, and ${known} were kept apart`);
    }
    // A customer whose hash collides is counted as kept apart: that may be one more than the rows had when one came in between.
    const customers = [...colliding.values()].reduce((sum, rows) => sum - rows, taken.count) + apart.size;
    const directoryBits = directoryBitsFor(customers);
    const plan = yield* this.plan(directoryBits);
    const names = utf8.encode(JSON.stringify(this.segmentIds));
    const ids = this.idsSection();
    const counts: AudienceCounts = {
      customers,
      segments: this.segmentIds.length,
      memberships: table.count,
      entries: plan.entries,
      numberBytes: widthFor(table.count),
      directoryBytes: plan.directoryBytes,
      directoryBits,
      byHash: plan.byHash,
      byId: apart.size,
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
    new Uint32Array(bytes.buffer, offsets.sets, table.count * this.width).set(table.words());
    bytes.set(ids, offsets.byId);
    yield* this.writeTable(bytes, counts, offsets);
    const sum = yield* checksumming(bytes.subarray(0, offsets.checksum));
    new DataView(bytes.buffer).setBigUint64(offsets.checksum, sum, true);
    return { bytes, customers, memberships: table.count };
  }

  private add(low: number, high: number, number: number): void {
    const { rows, colliding } = this.taken;
    if (rows.count > 0) {
      if (high < this.lastHigh || (high === this.lastHigh && low < this.lastLow)) {
        throw new AudienceRowsInvalid('customers are not in the order of their hashes');
      }
      if (high === this.lastHigh && low === this.lastLow) {
        const hash = (BigInt(high) << 32n) | BigInt(low);
        colliding.set(hash, (colliding.get(hash) ?? 1) + 1);
      }
    }
    rows.push(low, high, number);
    this.lastLow = low;
    this.lastHigh = high;
  }

  /**
   * Calls with each distinct prefix in order: the customers `from` … `to` (exclusive) share it. A prefix is the bucket and the 32 bits after it.
   */
  private *prefixes(
    directoryBits: number,
    each: (bucket: number, remainder: number, from: number, to: number) => void,
  ): Interruptible<void> {
    const rest = 32 - directoryBits;
    const { chunks, count } = this.taken.rows;
    let from = 0;
    let bucket = 0;
    let remainder = 0;
    for (let at = 0; at < count; at += 1) {
      const chunk = chunks[at >>> chunkShift]!;
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
    if (count > 0) each(bucket, remainder, from, count);
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

  private distinctHashes(from: number, to: number): number {
    const { rows } = this.taken;
    let distinct = 1;
    for (let at = from + 1; at < to; at += 1) if (rows.hashAt(at) !== rows.hashAt(at - 1)) distinct += 1;
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
    const { rows, colliding } = this.taken;
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
        const number = rows.numberAt(from);
        numbers[entry++] = number;
        sizes[number]! += 1;
        return;
      }
      numbers[entry++] = counts.memberships;
      for (let at = from; at < to; at += 1) {
        const hash = rows.hashAt(at);
        if (at > from && hash === rows.hashAt(at - 1)) continue;
        hashes[exception * 2] = Number(hash & 0xffffffffn);
        hashes[exception * 2 + 1] = Number(hash >> 32n);
        const number = colliding.has(hash) ? byId : rows.numberAt(at);
        exceptions[exception++] = number;
        if (number !== byId) sizes[number]! += 1;
      }
    });
    beginBucketsTo(buckets);
    for (const { number } of this.taken.apart.values()) sizes[number]! += 1;
  }

  /** Per customer told apart by id: u32 number, u8 length, the id. In the order of hash, then id. */
  private idsSection(): Uint8Array {
    const encoded = [...this.taken.apart].map(([customerId, one]) => ({ ...one, id: utf8.encode(customerId) }));
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
