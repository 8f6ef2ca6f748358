import { SnapshotCorrupt, SnapshotTooLarge } from '../errors.js';
import { checksum } from '../hash.js';
import { requireLittleEndian } from './format.js';
import { MembershipTable, setWidth } from './membership-table.js';

/** The bytes of an increment, byte by byte: README.md of this library. */
const magic = 'vitr-inc';
const format = 1;
const headerBytes = 48;
/** One increment: about 80,000 customers. More are a full build's. */
export const incrementBytesMax = 1024 * 1024;

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
  requireLittleEndian();
  const sorted = changes.map((change) => ({
    ...change,
    id: change.customerId === undefined ? undefined : encoder.encode(change.customerId),
  }));
  sorted.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : Buffer.compare(a.id ?? Buffer.alloc(0), b.id ?? Buffer.alloc(0))));
  const width = setWidth(place.segments);
  const table = new MembershipTable(width);
  const numbers = sorted.map(({ set }) => table.intern(set, 0));
  const named = sorted.flatMap(({ id }, index) => (id === undefined ? [] : [{ id, index }]));
  const at = sections(
    table.count * width * 4,
    sorted.length,
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
  sorted.forEach(({ hash }, index) => {
    view.setBigUint64(at.hashes + index * 8, hash, true);
    view.setUint32(at.numbers + index * 4, numbers[index]!, true);
  });
  let idAt = at.ids;
  for (const { id, index } of named) {
    view.setUint32(idAt, index, true);
    view.setUint8(idAt + 4, id.length);
    bytes.set(id, idAt + 5);
    idAt += 5 + id.length;
  }
  view.setBigUint64(at.checksum, checksum(bytes.subarray(0, at.checksum)), true);
  return bytes;
}

/** @throws SnapshotCorrupt for anything but a whole increment of a format known here. */
export function decodeIncrement(increment: Uint8Array): IncrementPlace & { readonly changes: readonly Change[] } {
  const bytes = new Uint8Array(increment);
  check(bytes.length >= headerBytes + 8, 'cut short');
  const view = new DataView(bytes.buffer);
  check(Buffer.from(bytes.subarray(0, 8)).toString('latin1') === magic, 'this is something else');
  check(view.getUint32(8, true) <= format, `format ${view.getUint32(8, true)} is newer than the ${format} that is known here`);
  check(view.getUint32(8, true) === format, `format ${view.getUint32(8, true)}`);
  check(view.getUint32(16, true) === bytes.length, `${bytes.length} bytes where ${view.getUint32(16, true)} are said`);
  check(view.getBigUint64(bytes.length - 8, true) === checksum(bytes.subarray(0, bytes.length - 8)), 'check sum');
  check(view.getUint32(12, true) === headerBytes, 'header');
  const segments = view.getUint32(32, true);
  const sets = view.getUint32(36, true);
  const count = view.getUint32(40, true);
  const width = setWidth(segments);
  const at = sections(sets * width * 4, count, 0);
  check(at.ids + 8 <= bytes.length, 'length');
  const ids = readIds(bytes, view, at.ids, view.getUint32(44, true), count);
  check(Math.ceil(ids.end / 8) * 8 + 8 === bytes.length, 'length');
  const changes = Array.from({ length: count }, (_, index): Change => {
    const hash = view.getBigUint64(at.hashes + index * 8, true);
    const number = view.getUint32(at.numbers + index * 4, true);
    const customerId = ids.byIndex.get(index);
    check(number < sets, 'set');
    if (index > 0) {
      const before = view.getBigUint64(at.hashes + index * 8 - 8, true);
      check(hash > before || (hash === before && customerId !== undefined && ids.byIndex.has(index - 1)), 'order');
    }
    const set = new Uint32Array(bytes.buffer, at.sets + number * width * 4, width);
    return customerId === undefined ? { hash, set } : { hash, customerId, set };
  });
  return { base: Buffer.from(bytes.subarray(24, 32)).toString('hex'), sequence: view.getUint32(20, true), segments, changes };
}

function sections(setsBytes: number, count: number, idsBytes: number) {
  const hashes = headerBytes + setsBytes;
  const numbers = hashes + count * 8;
  const ids = numbers + count * 4;
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
