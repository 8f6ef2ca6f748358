import { crc32 } from 'node:zlib';

/**
 * What one `put` wrote, whole or not at all: magic | payload length u32 | crc32 of the payload u32 | payload, big-endian.
 *
 * `VTF2`: sequence of the first fact u48 | time of the put u48 (ms since 1970) | number of facts u32 | length of the form's name u8 | the name | the facts
 * in that form.
 * `VTF1`, of former versions: sequence u48 | time u48 | the facts in the form `json`.
 */
export interface Frame {
  readonly firstSequence: number;
  readonly putAtMs: number;
  /** Facts in it. */
  readonly count: number;
  /** How the facts stand in `content`. */
  readonly form: string;
  readonly content: Buffer;
  /** Of the whole frame. */
  readonly bytes: number;
}

export function lastSequenceOf(frame: Frame): number {
  return frame.firstSequence + frame.count - 1;
}

/** The form of facts that stand as a JSON array. */
export const jsonForm = 'json';

const magic = Buffer.from('VTF1');
const packedMagic = Buffer.from('VTF2');
export const frameHeadBytes = 12;
const payloadHeadBytes = 12;
const packedHeadBytes = 17;

/** Bytes of a frame beside its facts. */
export function frameOverhead(form: string): number {
  return frameHeadBytes + packedHeadBytes + form.length;
}

export type FrameHead = Pick<Frame, 'firstSequence' | 'putAtMs' | 'count' | 'form'>;

/** Writes a frame into `bytes` at `at`; where it ends. The facts are copied. */
export function encodeFrame(bytes: Buffer, at: number, { firstSequence, putAtMs, count, form }: FrameHead, facts: Uint8Array): number {
  const payload = at + frameHeadBytes;
  const begin = at + frameOverhead(form);
  const end = begin + facts.length;
  bytes.set(packedMagic, at);
  bytes.writeUInt32BE(end - payload, at + 4);
  bytes.writeUIntBE(firstSequence, payload, 6);
  bytes.writeUIntBE(putAtMs, payload + 6, 6);
  bytes.writeUInt32BE(count, payload + 12);
  bytes.writeUInt8(form.length, payload + 16);
  bytes.write(form, payload + packedHeadBytes, 'latin1');
  bytes.set(facts, begin);
  bytes.writeUInt32BE(crc32(bytes.subarray(payload, end)), at + 8);
  return end;
}

/** Sequence of the first fact of the frame whose head stands there, whole or not; undefined where none does. */
export function sequenceAt(bytes: Buffer, at: number): number | undefined {
  if (frameBytes(bytes, at) === undefined || at + frameHeadBytes + 6 > bytes.length) return undefined;
  return bytes.readUIntBE(at + frameHeadBytes, 6);
}

/** How many bytes the frame that begins here says it has; undefined where none begins. Needs `frameHeadBytes` bytes. */
export function frameBytes(bytes: Buffer, at: number): number | undefined {
  if (at + frameHeadBytes > bytes.length || !(isMagic(magic, bytes, at) || isMagic(packedMagic, bytes, at))) return undefined;
  return frameHeadBytes + bytes.readUInt32BE(at + 4);
}

/** Crosses the checksums of all frames in `bytes` with the salt of the segment that they go to. */
export function saltFrames(bytes: Buffer, salt: number): void {
  for (let at = 0; at < bytes.length; at += frameBytes(bytes, at) as number)
    bytes.writeUInt32BE((bytes.readUInt32BE(at + 8) ^ salt) >>> 0, at + 8);
}

/** The salt with which the frame at `at` would be whole; undefined where none begins. */
export function saltOf(bytes: Buffer, at: number): number | undefined {
  const length = frameBytes(bytes, at);
  if (length === undefined || at + length > bytes.length) return undefined;
  return (crc32(bytes.subarray(at + frameHeadBytes, at + length)) ^ bytes.readUInt32BE(at + 8)) >>> 0;
}

/** The frame that begins at `at` in a segment with this salt; undefined when there is none whole and unharmed. */
export function decodeFrame(bytes: Buffer, at: number, salt: number): Frame | undefined {
  const length = frameBytes(bytes, at);
  if (length === undefined || length < frameHeadBytes + payloadHeadBytes || at + length > bytes.length) return undefined;
  const payload = bytes.subarray(at + frameHeadBytes, at + length);
  if ((crc32(payload) ^ salt) >>> 0 !== bytes.readUInt32BE(at + 8)) return undefined;
  const head = { firstSequence: payload.readUIntBE(0, 6), putAtMs: payload.readUIntBE(6, 6), bytes: length };
  if (isMagic(packedMagic, bytes, at)) return { ...head, ...packedOf(payload) };
  const content = payload.subarray(payloadHeadBytes);
  // Written from an array of facts; the checksum says that it is still what was written.
  const facts = JSON.parse(content.toString()) as readonly unknown[];
  return { ...head, count: facts.length, form: jsonForm, content };
}

function isMagic(expected: Buffer, bytes: Buffer, at: number): boolean {
  return bytes.compare(expected, 0, 4, at, at + 4) === 0;
}

function packedOf(payload: Buffer): Pick<Frame, 'count' | 'form' | 'content'> {
  const begin = packedHeadBytes + payload.readUInt8(16);
  return {
    count: payload.readUInt32BE(12),
    form: payload.toString('latin1', packedHeadBytes, begin),
    content: payload.subarray(begin),
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
export function scanFrames(bytes: Buffer, start: number, salt: number, afterSequence: number): Scan {
  const gaps: { from: number; to: number }[] = [];
  let [at, facts, counted, lastSequence] = [start, 0, 0, 0];
  while (at < bytes.length) {
    const frame = decodeFrame(bytes, at, salt);
    if (frame) {
      lastSequence = lastSequenceOf(frame);
      if (lastSequence > afterSequence) {
        facts += frame.count;
        counted += frame.bytes;
      }
      at += frame.bytes;
      continue;
    }
    const next = nextFrame(bytes, at + 1, salt);
    if (next === undefined) break;
    gaps.push({ from: at, to: next });
    at = next;
  }
  return { end: at, gaps, facts, bytes: counted, lastSequence };
}

function nextFrame(bytes: Buffer, from: number, salt: number): number | undefined {
  // The three characters that both kinds begin with.
  for (let at = bytes.indexOf('VTF', from); at >= 0; at = bytes.indexOf('VTF', at + 1)) if (decodeFrame(bytes, at, salt)) return at;
  return undefined;
}
