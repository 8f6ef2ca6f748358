import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { frameBytes, saltOf, sequenceAt } from './frames.js';

/**
 * How a segment's file begins, big-endian:
 * `VTS2` | epoch 16 bytes | salt u32 | bytes of the file when it was taken to be used again u48, 0 for a new one | first sequence of the segment before u48,
 * 0 when there was none | where that ends u48 | crc32 u32 of all that. Former versions: `VTS1` | epoch | crc32.
 */
export interface SegmentHead {
  /** 32 hex digits. */
  readonly epoch: string;
  /** What the checksums of its frames are crossed with, so that those of the file's former use do not hold. */
  readonly salt: number;
  /** Up to here the file may hold bytes of its former use. */
  readonly usedBytes: number;
  /** The segment before: frames behind its end were refused to whoever put them. Undefined when there was none, and in former versions. */
  readonly before: { readonly firstSequence: number; readonly end: number } | undefined;
  /** Of this head. */
  readonly bytes: number;
}

const magic = Buffer.from('VTS2');
const formerMagic = Buffer.from('VTS1');
const formerBytes = 24;
const headBytes = 46;
/** Of the heads of all versions. */
export const segmentHeadBytesMax = headBytes;

export function newSegmentHead(epoch: string, usedBytes: number, before: SegmentHead['before']): SegmentHead {
  return { epoch, salt: randomBytes(4).readUInt32BE(), usedBytes, before, bytes: headBytes };
}

export function encodeSegmentHead({ epoch, salt, usedBytes, before }: SegmentHead): Buffer {
  const bytes = Buffer.alloc(headBytes);
  magic.copy(bytes);
  bytes.write(epoch, 4, 'hex');
  bytes.writeUInt32BE(salt, 20);
  bytes.writeUIntBE(usedBytes, 24, 6);
  bytes.writeUIntBE(before?.firstSequence ?? 0, 30, 6);
  bytes.writeUIntBE(before?.end ?? 0, 36, 6);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 42)), 42);
  return bytes;
}

/** Undefined when none stands there whole. */
export function decodeSegmentHead(bytes: Buffer): SegmentHead | undefined {
  const isFormer = formerMagic.equals(bytes.subarray(0, 4));
  const length = isFormer ? formerBytes : headBytes;
  if (bytes.length < length || !(isFormer || magic.equals(bytes.subarray(0, 4)))) return undefined;
  if (bytes.readUInt32BE(length - 4) !== crc32(bytes.subarray(0, length - 4))) return undefined;
  const epoch = bytes.toString('hex', 4, 20);
  if (isFormer) return { epoch, salt: 0, usedBytes: 0, before: undefined, bytes: formerBytes };
  const [firstSequence, end] = [bytes.readUIntBE(30, 6), bytes.readUIntBE(36, 6)];
  const before = firstSequence === 0 ? undefined : { firstSequence, end };
  return { epoch, salt: bytes.readUInt32BE(20), usedBytes: bytes.readUIntBE(24, 6), before, bytes: headBytes };
}

/**
 * Where the frames begin below a head that cannot be read, and their salt: damage to a head is not to cost what stands behind it. Two frames that follow one
 * another and agree on a salt tell it; where there are no two, the first alone. Frames that are older than the segment are of the file's former use.
 */
export function guessedHead(bytes: Buffer, firstSequence: number): Pick<SegmentHead, 'bytes' | 'salt'> {
  if (formerMagic.equals(bytes.subarray(0, 4))) return { bytes: Math.min(formerBytes, bytes.length), salt: 0 };
  const begin = Math.min(headBytes, bytes.length);
  const ownSaltAt = (at: number) => ((sequenceAt(bytes, at) ?? -1) < firstSequence ? undefined : saltOf(bytes, at));
  for (let at = bytes.indexOf('VTF', begin); at >= 0; at = bytes.indexOf('VTF', at + 1)) {
    const salt = ownSaltAt(at);
    if (salt !== undefined && ownSaltAt(at + (frameBytes(bytes, at) ?? 0)) === salt) return { bytes: begin, salt };
  }
  return { bytes: begin, salt: ownSaltAt(headBytes) ?? 0 };
}
