import { SnapshotCorrupt, SnapshotTooLarge } from '../errors.js';
import { checksumming } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import { numbersView, requireLittleEndian, type Width, widthFor } from './format.js';
import { MembershipTable, setWidth } from './membership-table.js';

/** The bytes of an increment, byte by byte: README.md of this library. */
const magic = 'vitr-inc';
const format = 2;
const headerBytes = 48;
/** One increment: about 450,000 customers, 9 bytes each while there are no more than 256 sets. More are a full build's. */
export const incrementBytesMax = 4 * 1024 * 1024;

/** A customer judged again: what is said here replaces what the image and earlier increments say. */
export interface Change {
  readonly hash: bigint;
  /** Given for every known customer of a hash that several have; absent otherwise. */
  readonly customerId?: string;
  /** The set in the base's `segmentIds`, `setWidth` words; all zero removes the customer from all segments. */
  readonly set: Uint32Array;
}

/** Which image an increment applies to, and as the how-manieth. */
export interface IncrementPlace {
  /** Version of the image: 16 hex digits. */
  readonly base: string;
  readonly sequence: number;
  /** How many segments the base has. */
  readonly segments: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws SnapshotTooLarge past `incrementBytesMax`. */
export function encodeIncrement(place: IncrementPlace, changes: readonly Change[]): Uint8Array {
  return atOnce(encoding(place, changes));
}

/** As `encodeIncrement`, in slices of milliseconds. Changes in the order of their hashes are written without being sorted. */
export function encodeIncrementInSlices(place: IncrementPlace, changes: readonly Change[]): Promise<Uint8Array> {
  return inSlices(encoding(place, changes), 2);
}

function* encoding(place: IncrementPlace, changes: readonly Change[]): Interruptible<Uint8Array> {
  requireLittleEndian();
  const sorted = yield* inOrder(changes);
  const width = setWidth(place.segments);
  const table = new MembershipTable(width);
  const numbers = new Uint32Array(sorted.length);
  const named: { readonly id: Uint8Array; readonly index: number }[] = [];
  for (const [index, { set, customerId }] of sorted.entries()) {
    numbers[index] = table.intern(set, 0);
    if (customerId !== undefined) named.push({ id: encoder.encode(customerId), index });
    if (index % changesAtOnce === 0) yield;
  }
  const numberBytes = widthFor(Math.max(0, table.count - 1));
  const at = sections(
    { sets: table.count, width, count: sorted.length, numberBytes },
    named.reduce((sum, { id }) => sum + 5 + id.length, 0),
  );
  if (at.checksum + 8 > incrementBytesMax) {
    throw new SnapshotTooLarge(`an increment of ${sorted.length} customers takes ${at.checksum + 8} bytes, more than ${incrementBytesMax}`);
  }
  const bytes = new Uint8Array(at.checksum + 8);
  const view = new DataView(bytes.buffer);
  encoder.encodeInto(magic, bytes);
  view.setUint32(8, format, true);
  view.setUint32(12, headerBytes, true);
  view.setUint32(16, bytes.length, true);
  view.setUint32(20, place.sequence, true);
  bytes.set(Buffer.from(place.base, 'hex'), 24);
  view.setUint32(32, place.segments, true);
  view.setUint32(36, table.count, true);
  view.setUint32(40, sorted.length, true);
  view.setUint32(44, named.length, true);
  new Uint32Array(bytes.buffer, at.sets, table.count * width).set(table.words());
  numbersView(bytes, at.numbers, sorted.length, numberBytes).set(numbers);
  for (const [index, { hash }] of sorted.entries()) {
    view.setBigUint64(at.hashes + index * 8, hash, true);
    if (index % changesAtOnce === 0) yield;
  }
  let idAt = at.ids;
  for (const { id, index } of named) {
    view.setUint32(idAt, index, true);
    view.setUint8(idAt + 4, id.length);
    bytes.set(id, idAt + 5);
    idAt += 5 + id.length;
  }
  view.setBigUint64(at.checksum, yield* checksumming(bytes.subarray(0, at.checksum)), true);
  return bytes;
}

const changesAtOnce = 4_096;

/** By hash, then by the bytes of the id. Those that are so already are looked at only. */
export function* inOrder(changes: readonly Change[]): Interruptible<readonly Change[]> {
  for (let index = 1; index < changes.length; index += 1) {
    if (byHashAndId(changes[index - 1]!, changes[index]!) > 0) return [...changes].sort(byHashAndId);
    if (index % changesAtOnce === 0) yield;
  }
  return changes;
}

function byHashAndId(a: Change, b: Change): number {
  if (a.hash !== b.hash) return a.hash < b.hash ? -1 : 1;
  return Buffer.compare(encoder.encode(a.customerId ?? ''), encoder.encode(b.customerId ?? ''));
}

/** An increment as it was read: no object per customer. */
export interface IncrementImage extends IncrementPlace {
  readonly count: number;
  /** The distinct sets, `setWidth` words each. */
  readonly sets: Uint32Array;
  /** Low and high half of each changed customer's hash, in the order of hashes. */
  readonly hashes: Int32Array;
  /** Which of the sets each has now. */
  readonly numbers: Uint8Array | Uint16Array | Uint32Array;
  /** Customers who are named, by their place among the changes. */
  readonly ids: ReadonlyMap<number, string>;
}

/** @throws SnapshotCorrupt for anything but a whole increment of a format known here. */
export function decodeIncrement(increment: Uint8Array): IncrementPlace & { readonly changes: readonly Change[] } {
  const { base, sequence, segments, count, sets, hashes, numbers, ids } = atOnce(readingIncrement(increment));
  const width = setWidth(segments);
  const changes = Array.from({ length: count }, (_, index): Change => {
    const hash = (BigInt(hashes[index * 2 + 1]! >>> 0) << 32n) | BigInt(hashes[index * 2]! >>> 0);
    const customerId = ids.get(index);
    const set = sets.subarray(numbers[index]! * width, (numbers[index]! + 1) * width);
    return customerId === undefined ? { hash, set } : { hash, customerId, set };
  });
  return { base, sequence, segments, changes };
}

/** As `decodeIncrement`, interruptible. */
export function* readingIncrement(increment: Uint8Array): Interruptible<IncrementImage> {
  requireLittleEndian();
  const bytes = new Uint8Array(increment);
  check(bytes.length >= headerBytes + 8, 'cut short');
  const view = new DataView(bytes.buffer);
  check(Buffer.from(bytes.subarray(0, 8)).toString('latin1') === magic, 'this is something else');
  const itsFormat = view.getUint32(8, true);
  check(itsFormat <= format, `format ${itsFormat} is newer than the ${format} that is known here`);
  check(itsFormat >= 1, `format ${itsFormat}`);
  check(view.getUint32(16, true) === bytes.length, `${bytes.length} bytes where ${view.getUint32(16, true)} are said`);
  check(view.getBigUint64(bytes.length - 8, true) === (yield* checksumming(bytes.subarray(0, bytes.length - 8))), 'check sum');
  check(view.getUint32(12, true) === headerBytes, 'header');
  const segments = view.getUint32(32, true);
  const sets = view.getUint32(36, true);
  const count = view.getUint32(40, true);
  const width = setWidth(segments);
  // In format 1 a number took four bytes, however few sets there were.
  const numberBytes = itsFormat === 1 ? 4 : widthFor(Math.max(0, sets - 1));
  const at = sections({ sets, width, count, numberBytes }, 0);
  check(at.ids + 8 <= bytes.length, 'length');
  const ids = readIds(bytes, view, at.ids, view.getUint32(44, true), count);
  check(Math.ceil(ids.end / 8) * 8 + 8 === bytes.length, 'length');
  const hashes = new Int32Array(bytes.buffer, at.hashes, count * 2);
  const numbers = numbersView(bytes, at.numbers, count, numberBytes);
  for (let index = 0; index < count; index += 1) {
    check(numbers[index]! < sets, 'set');
    if (index > 0) {
      const order = compare(hashes, index - 1, index);
      check(order < 0 || (order === 0 && ids.byIndex.has(index) && ids.byIndex.has(index - 1)), 'order');
    }
    if (index % changesAtOnce === 0) yield;
  }
  return {
    base: Buffer.from(bytes.subarray(24, 32)).toString('hex'),
    sequence: view.getUint32(20, true),
    segments,
    count,
    sets: new Uint32Array(bytes.buffer, at.sets, sets * width),
    hashes,
    numbers,
    ids: ids.byIndex,
  };
}

function compare(hashes: Int32Array, a: number, b: number): number {
  return (hashes[a * 2 + 1]! >>> 0) - (hashes[b * 2 + 1]! >>> 0) || (hashes[a * 2]! >>> 0) - (hashes[b * 2]! >>> 0);
}

function sections(
  { sets, width, count, numberBytes }: { sets: number; width: number; count: number; numberBytes: Width },
  idsBytes: number,
) {
  const hashes = headerBytes + sets * width * 4;
  const numbers = hashes + count * 8;
  const ids = numbers + Math.ceil((count * numberBytes) / 4) * 4;
  return { sets: headerBytes, hashes, numbers, ids, checksum: Math.ceil((ids + idsBytes) / 8) * 8 };
}

/** Per named customer: u32 index of the change, u8 length, the id. */
function readIds(bytes: Uint8Array, view: DataView, begin: number, named: number, count: number) {
  const byIndex = new Map<number, string>();
  let at = begin;
  for (let one = 0; one < named; one += 1) {
    check(at + 5 <= bytes.length && at + 5 + view.getUint8(at + 4) <= bytes.length, 'ids');
    const index = view.getUint32(at, true);
    check(index < count && !byIndex.has(index), 'ids');
    const end = at + 5 + view.getUint8(at + 4);
    byIndex.set(index, decoder.decode(bytes.subarray(at + 5, end)));
    at = end;
  }
  return { byIndex, end: at };
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new SnapshotCorrupt(`audience increment: ${what}`);
}
