import { blockFormat, decodeBlock } from './block.js';
import type { StoredEvents } from './event-record.js';
import { LogCorrupted } from './log-corrupted.js';
import { decodeRecord, recordFormat } from './record.js';

/** @throws LogCorrupted when the bytes are not what was written for events that end at this position. */
export function decodeStored(bytes: Buffer, lastPosition: number): StoredEvents {
  switch (bytes[0]) {
    case recordFormat:
      return decodeRecord(bytes, lastPosition);
    case blockFormat:
      return decodeBlock(bytes, lastPosition);
    default:
      throw new LogCorrupted(`event at position ${lastPosition} has the unknown format ${bytes[0]}`);
  }
}
