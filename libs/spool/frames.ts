import { crc32 } from 'node:zlib';
import type { SpooledFact } from './facts.js';

/**
 * What one `put` wrote, whole or not at all: `VTF1` | payload length u32 | crc32 of the payload u32 | payload, big-endian.
 * Payload: sequence of the first fact u48 | time of the put u48 (ms since 1970) | the facts as a JSON array.
 */
export interface Frame {
  readonly firstSequence: number;
  readonly putAtMs: number;
  readonly facts: readonly SpooledFact[];
  /** Of the whole frame. */
  readonly bytes: number;
}

export function lastSequenceOf(frame: Frame): number {
  return frame.firstSequence + frame.facts.length - 1;
}

const magic = Buffer.from('VTF1');
export const frameHeadBytes = 12;
const payloadHeadBytes = 12;

/** Bytes of a frame beside its facts. */
export const frameOverheadBytes = frameHeadBytes + payloadHeadBytes;

/** Writes a frame into `bytes` at `at`; where it ends. `factsJson` is copied. */
export function encodeFrame(
  bytes: Buffer,
  at: number,
  { firstSequence, putAtMs }: Omit<Frame, 'facts' | 'bytes'>,
  factsJson: Uint8Array,
): number {
  const payload = at + frameHeadBytes;
  const end = payload + payloadHeadBytes + factsJson.length;
  bytes.set(magic, at);
  bytes.writeUInt32BE(end - payload, at + 4);
  bytes.writeUIntBE(firstSequence, payload, 6);
  bytes.writeUIntBE(putAtMs, payload + 6, 6);
  bytes.set(factsJson, payload + payloadHeadBytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(payload, end)), at + 8);
  return end;
}

/** How many bytes the frame that begins here says it has; undefined where none begins. Needs `frameHeadBytes` bytes. */
export function frameBytes(bytes: Buffer, at: number): number | undefined {
  if (at + frameHeadBytes > bytes.length || bytes.compare(magic, 0, 4, at, at + 4) !== 0) return undefined;
  return frameHeadBytes + bytes.readUInt32BE(at + 4);
}

/** The frame that begins at `at`; undefined when there is none whole and unharmed. */
export function decodeFrame(bytes: Buffer, at: number): Frame | undefined {
  const length = frameBytes(bytes, at);
  if (length === undefined || length < frameHeadBytes + payloadHeadBytes || at + length > bytes.length) return undefined;
  const payload = bytes.subarray(at + frameHeadBytes, at + length);
  if (crc32(payload) !== bytes.readUInt32BE(at + 8)) return undefined;
  return {
    firstSequence: payload.readUIntBE(0, 6),
    putAtMs: payload.readUIntBE(6, 6),
    // Written by encodeFrame from such facts; the checksum says that it is still what was written.
    facts: JSON.parse(payload.toString('utf8', payloadHeadBytes)) as readonly SpooledFact[],
    bytes: length,
  };
}

export interface Scan {
  /** Where the readable frames end: what follows is torn. */
  readonly end: number;
  /** Damaged stretches with readable frames after them. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** Facts, and bytes of their frames, that come after the sequence asked for. */
  readonly facts: number;
  readonly bytes: number;
  /** Of the newest readable fact; 0 when there is none. */
  readonly lastSequence: number;
}

/** Looks through a segment's bytes from `start` for its frames, and goes on behind a damaged one when others follow. */
export function scanFrames(bytes: Buffer, start: number, afterSequence: number): Scan {
  const gaps: { from: number; to: number }[] = [];
  let [at, facts, counted, lastSequence] = [start, 0, 0, 0];
  while (at < bytes.length) {
    const frame = decodeFrame(bytes, at);
    if (frame) {
      lastSequence = lastSequenceOf(frame);
      if (lastSequence > afterSequence) {
        facts += frame.facts.length;
        counted += frame.bytes;
      }
      at += frame.bytes;
      continue;
    }
    const next = nextFrame(bytes, at + 1);
    if (next === undefined) break;
    gaps.push({ from: at, to: next });
    at = next;
  }
  return { end: at, gaps, facts, bytes: counted, lastSequence };
}

function nextFrame(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(magic, from); at >= 0; at = bytes.indexOf(magic, at + 1)) if (decodeFrame(bytes, at)) return at;
  return undefined;
}
