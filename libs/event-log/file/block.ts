import { crc32 } from 'node:zlib';
import type { EventRecord, StoredEvents } from './event-record.js';
import { LogCorrupted } from './log-corrupted.js';
import { uuidText } from './uuid.js';

/**
 * Events of one append, as they follow one another, as their bytes in the store; big-endian:
 * format u8 = 2 | crc32 u32 of all that follows | position of the last u48 | stream u32 | recordedAt u48 (ms since 1970) | revision of the last u48 |
 * number of events u16 | for each: id 16 bytes, kind u32, where its data begins u32, its bytes u32, where its metadata begins u32, its bytes u32 |
 * the data and metadata as JSON, where these say, counted from the end of the last entry. Events with the same metadata share its bytes.
 * LMDB has no checksums: the crc finds flipped bits, and the position in it events that stand at others' place.
 */
export const blockFormat = 2;
/** A reader of one event reads and checks its block: 20 µs for so many bytes. */
export const blockBytesMax = 64 * 1024;
export const blockEventsMax = 1_000;

const crcAt = 1;
const positionAt = 5;
const streamAt = 11;
const recordedAt = 15;
const revisionAt = 21;
const countAt = 27;
const entriesAt = 29;
const entryBytes = 36;

/** Where the events' texts are in a block, besides their ids and kinds. */
export const blockEntryBytes = entryBytes;

/** What is known of a block when it is written. */
export interface BlockSeal {
  readonly lastPosition: number;
  readonly streamId: number;
  readonly recordedAtMs: number;
  readonly lastRevision: number;
  /** For each event. */
  kindOf(index: number): number;
}

/** A block without its seal. `entries`: `count` of them, whose kinds are not yet said. */
export function newBlock(entries: Buffer, count: number, content: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(entriesAt + count * entryBytes + content.length);
  bytes[0] = blockFormat;
  bytes.writeUInt16BE(count, countAt);
  entries.copy(bytes, entriesAt, 0, count * entryBytes);
  content.copy(bytes, entriesAt + count * entryBytes);
  return bytes;
}

/** Writes what an entry says of its texts; the id stands in its first 16 bytes. */
export function writeEntry(
  entries: Buffer,
  index: number,
  data: { readonly begin: number; readonly end: number },
  metadata: { readonly begin: number; readonly end: number },
): void {
  const at = index * entryBytes + 20;
  entries.writeUInt32BE(data.begin, at);
  entries.writeUInt32BE(data.end - data.begin, at + 4);
  entries.writeUInt32BE(metadata.begin, at + 8);
  entries.writeUInt32BE(metadata.end - metadata.begin, at + 12);
}

export function sealBlock(bytes: Buffer, count: number, { lastPosition, streamId, recordedAtMs, lastRevision, kindOf }: BlockSeal): void {
  bytes.writeUIntBE(lastPosition, positionAt, 6);
  bytes.writeUInt32BE(streamId, streamAt);
  bytes.writeUIntBE(recordedAtMs, recordedAt, 6);
  bytes.writeUIntBE(lastRevision, revisionAt, 6);
  for (let index = 0; index < count; index++) bytes.writeUInt32BE(kindOf(index), entriesAt + index * entryBytes + 16);
  bytes.writeUInt32BE(crc32(bytes.subarray(positionAt)), crcAt);
}

/** @throws LogCorrupted when the bytes are not what was written for events that end at this position. */
export function decodeBlock(bytes: Buffer, lastPosition: number): StoredEvents {
  if (bytes.length < entriesAt || bytes.readUInt32BE(crcAt) !== crc32(bytes.subarray(positionAt)))
    throw new LogCorrupted(`event at position ${lastPosition} does not have its checksum`);
  if (bytes.readUIntBE(positionAt, 6) !== lastPosition) throw new LogCorrupted(`event at position ${lastPosition} belongs elsewhere`);
  return new Block(bytes, lastPosition);
}

class Block implements StoredEvents {
  readonly streamId: number;
  readonly firstPosition: number;
  readonly firstRevision: number;
  readonly lastRevision: number;
  private readonly recordedAtMs: number;
  private readonly contentAt: number;

  constructor(
    private readonly bytes: Buffer,
    readonly lastPosition: number,
  ) {
    const count = bytes.readUInt16BE(countAt);
    this.streamId = bytes.readUInt32BE(streamAt);
    this.recordedAtMs = bytes.readUIntBE(recordedAt, 6);
    this.lastRevision = bytes.readUIntBE(revisionAt, 6);
    this.firstPosition = lastPosition - count + 1;
    this.firstRevision = this.lastRevision - count + 1;
    this.contentAt = entriesAt + count * entryBytes;
  }

  at(position: number): EventRecord {
    const { bytes, streamId, recordedAtMs } = this;
    const index = position - this.firstPosition;
    const at = entriesAt + index * entryBytes;
    return {
      position,
      streamId,
      kindId: bytes.readUInt32BE(at + 16),
      recordedAtMs,
      revision: this.firstRevision + index,
      id: uuidText(bytes, at),
      data: this.part(at + 20),
      metadata: this.part(at + 28),
    };
  }

  private part(at: number): Buffer {
    const begin = this.contentAt + this.bytes.readUInt32BE(at);
    return this.bytes.subarray(begin, begin + this.bytes.readUInt32BE(at + 4));
  }
}
