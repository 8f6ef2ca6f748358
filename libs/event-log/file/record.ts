import { crc32 } from 'node:zlib';
import { LogCorrupted } from './log-corrupted.js';

/**
 * One event as its bytes in the store, big-endian:
 * format u8 = 1 | crc32 u32 of all that follows | position u48 | stream u32 | kind u32 | recordedAt u48 (ms since 1970) | revision u48 |
 * id 16 bytes | data length u32 | data as JSON | metadata as JSON.
 * LMDB has no checksums: the crc finds flipped bits, and the position in it a record that stands at another's place.
 */
export interface EventRecord {
  readonly position: number;
  readonly streamId: number;
  readonly kindId: number;
  readonly recordedAtMs: number;
  readonly revision: number;
  /** A UUID in lower case. */
  readonly id: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

const format = 1;
const crcAt = 1;
const positionAt = 5;
const streamAt = 11;
const kindAt = 15;
const recordedAt = 19;
const revisionAt = 25;
const idAt = 31;
const dataLengthAt = 47;
const dataAt = 51;

export function encodeRecord(record: EventRecord): Buffer {
  const bytes = Buffer.allocUnsafe(dataAt + record.data.length + record.metadata.length);
  bytes[0] = format;
  bytes.writeUIntBE(record.position, positionAt, 6);
  bytes.writeUInt32BE(record.streamId, streamAt);
  bytes.writeUInt32BE(record.kindId, kindAt);
  bytes.writeUIntBE(record.recordedAtMs, recordedAt, 6);
  bytes.writeUIntBE(record.revision, revisionAt, 6);
  uuidBytes(record.id).copy(bytes, idAt);
  bytes.writeUInt32BE(record.data.length, dataLengthAt);
  record.data.copy(bytes, dataAt);
  record.metadata.copy(bytes, dataAt + record.data.length);
  bytes.writeUInt32BE(crc32(bytes.subarray(positionAt)), crcAt);
  return bytes;
}

/** @throws LogCorrupted when the bytes are not what was written at this position. */
export function decodeRecord(bytes: Buffer, position: number): EventRecord {
  if (bytes.length >= dataAt && bytes[0] !== format)
    throw new LogCorrupted(`event at position ${position} has the unknown format ${bytes[0]}`);
  if (bytes.length < dataAt || bytes.readUInt32BE(crcAt) !== crc32(bytes.subarray(positionAt)))
    throw new LogCorrupted(`event at position ${position} does not have its checksum`);
  if (bytes.readUIntBE(positionAt, 6) !== position) throw new LogCorrupted(`event at position ${position} belongs elsewhere`);
  const dataEnd = dataAt + bytes.readUInt32BE(dataLengthAt);
  return {
    position,
    streamId: bytes.readUInt32BE(streamAt),
    kindId: bytes.readUInt32BE(kindAt),
    recordedAtMs: bytes.readUIntBE(recordedAt, 6),
    revision: bytes.readUIntBE(revisionAt, 6),
    id: uuidText(bytes.subarray(idAt, idAt + 16)),
    data: bytes.subarray(dataAt, dataEnd),
    metadata: bytes.subarray(dataEnd),
  };
}

/** The id alone. @throws LogCorrupted */
export function recordId(bytes: Buffer, position: number): string {
  return decodeRecord(bytes, position).id;
}

export function uuidBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
