import { SnapshotCorrupt } from '../errors.js';
import { checksumming } from '../hash.js';
import { atOnce, type Interruptible, inSlices } from '../slices.js';
import { Audience, type AudienceParts } from './audience.js';
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
import { setWidth } from './membership-table.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads an image. The bytes belong to the audience from then on. @throws SnapshotCorrupt for anything but a whole image of a format known here. */
export function readAudience(image: Uint8Array): Audience {
  return atOnce(reading(image));
}

/** As `readAudience`, in slices of milliseconds: a node goes on answering while it verifies (some 100 ms for ten million customers). */
export function loadAudience(image: Uint8Array): Promise<Audience> {
  return inSlices(reading(image));
}

/**
 * An image that `readAudience` took already, in this process or thread: nothing is looked at but the header, so that millions of customers cost
 * microseconds. Bytes that were not verified could lead a lookup anywhere.
 */
export function trustedAudience(image: Uint8Array): Audience {
  return new Audience(partsOf(image));
}

/** The verification alone, to be done where it disturbs nobody, in steps of some 100 µs. @throws SnapshotCorrupt. */
export function* verifyingAudience(image: Uint8Array): Interruptible<void> {
  yield* reading(image);
}

function* reading(image: Uint8Array): Interruptible<Audience> {
  // Views of 32-bit numbers need an aligned begin; small buffers of Node's pool have none.
  const bytes = image.byteOffset % 8 === 0 ? image : new Uint8Array(image);
  checkHead(bytes);
  const sum = yield* checksumming(bytes.subarray(0, bytes.length - 8));
  check(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(bytes.length - 8, true) === sum, 'check sum');
  const parts = partsOf(bytes);
  yield* checkingTable(parts);
  return new Audience(parts);
}

function partsOf(bytes: Uint8Array): AudienceParts {
  requireLittleEndian();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const counts = readCounts(view);
  const offsets = audienceOffsets(counts);
  for (const [index, name] of offsetNames.entries()) {
    check(view.getUint32(56 + index * 4, true) === offsets[name], `section ${name} is not where it must be`);
  }
  check(offsets.checksum + 8 === bytes.length, 'length');
  check(counts.numberBytes === widthFor(counts.memberships), 'width of numbers');
  const words = (offset: number, count: number) => new Uint32Array(bytes.buffer, bytes.byteOffset + offset, count);
  return {
    counts,
    segmentIds: readSegmentIds(bytes.subarray(offsets.segmentIds, offsets.segmentIds + counts.segmentIdsBytes), counts.segments),
    sets: words(offsets.sets, counts.memberships * setWidth(counts.segments)),
    sizes: words(offsets.sizes, counts.memberships),
    anchors: words(offsets.anchors, anchorsFor(counts.directoryBits)),
    directory: numbersView(bytes, offsets.directory, 2 ** counts.directoryBits + 1, counts.directoryBytes),
    remainders: words(offsets.remainders, counts.entries),
    numbers: numbersView(bytes, offsets.numbers, counts.entries, counts.numberBytes),
    exceptionHashes: words(offsets.byHash, counts.byHash * 2),
    exceptionNumbers: words(offsets.byHash + counts.byHash * 8, counts.byHash),
    ids: readIds(bytes.subarray(offsets.byId, offsets.byId + counts.byIdBytes), counts),
  };
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

const bucketsAtOnce = 8_192;

/** The directory rises, remainders rise within their bucket, and every number is one of a membership: so no lookup can leave the buffer. */
function* checkingTable(parts: AudienceParts): Interruptible<void> {
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
