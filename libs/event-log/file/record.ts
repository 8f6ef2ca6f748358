import { crc32 } from 'node:zlib';
import type { EventRecord, StoredEvents } from './event-record.js';
import { LogCorrupted } from './log-corrupted.js';
import { uuidText } from './uuid.js';

/**
 * One event as its bytes in the store, as logs were written until blocks (block.ts) came; big-endian:
 * format u8 = 1 | crc32 u32 of all that follows | position u48 | stream u32 | kind u32 | recordedAt u48 (ms since 1970) | revision u48 |
 * id 16 bytes | data length u32 | data as JSON | metadata as JSON.
 */
export const recordFormat = 1;

const crcAt = 1;
const positionAt = 5;
const streamAt = 11;
const kindAt = 15;
const recordedAt = 19;
const revisionAt = 25;
const idAt = 31;
const dataLengthAt = 47;
const dataAt = 51;

/** @throws LogCorrupted when the bytes are not what was written at this position. */
export function decodeRecord(bytes: Buffer, position: number): StoredEvents {
  if (bytes.length < dataAt || bytes.readUInt32BE(crcAt) !== crc32(bytes.subarray(positionAt)))
    throw new LogCorrupted(`event at position ${position} does not have its checksum`);
  if (bytes.readUIntBE(positionAt, 6) !== position) throw new LogCorrupted(`event at position ${position} belongs elsewhere`);
  const dataEnd = dataAt + bytes.readUInt32BE(dataLengthAt);
  const record: EventRecord = {
    position,
    streamId: bytes.readUInt32BE(streamAt),
    kindId: bytes.readUInt32BE(kindAt),
    recordedAtMs: bytes.readUIntBE(recordedAt, 6),
    revision: bytes.readUIntBE(revisionAt, 6),
    id: uuidText(bytes, idAt),
    data: bytes.subarray(dataAt, dataEnd),
    metadata: bytes.subarray(dataEnd),
  };
  const { streamId, revision } = record;
  return { streamId, firstPosition: position, lastPosition: position, firstRevision: revision, lastRevision: revision, at: () => record };
}
