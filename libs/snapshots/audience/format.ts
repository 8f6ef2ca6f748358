/** The audience image, byte by byte: README.md of this folder's library. Numbers are little-endian, sections begin at multiples of 8. */
import { setWidth } from './membership-table.js';

export const audienceMagic = 'vitr-aud';
export const audienceFormat = 1;
export const audienceHeaderBytes = 104;
/** One image: about 380 million customers. Offsets are 32-bit. */
export const audienceBytesMax = 2 ** 31;
/** Number of an exception that is told apart by its id. */
export const byId = 0xffffffff;
/** Buckets per anchor of the directory: 2^4. */
export const anchorShift = 4;

export type Width = 1 | 2 | 4;

export interface AudienceCounts {
  readonly customers: number;
  readonly segments: number;
  readonly memberships: number;
  /** Entries of the table: customers that stand alone with their prefix, and one mark per prefix that several share. */
  readonly entries: number;
  readonly numberBytes: Width;
  readonly directoryBytes: Width;
  readonly directoryBits: number;
  readonly byHash: number;
  readonly byId: number;
  readonly segmentIdsBytes: number;
  readonly byIdBytes: number;
  /** Tells images of the same content apart where they must not have the same version; 0 otherwise. */
  readonly edition: number;
}

/** Begin of each section, and of the check sum at the end. */
export interface AudienceOffsets {
  readonly segmentIds: number;
  readonly sets: number;
  readonly sizes: number;
  readonly anchors: number;
  readonly directory: number;
  readonly remainders: number;
  readonly numbers: number;
  readonly byHash: number;
  readonly byId: number;
  readonly checksum: number;
}

export const offsetNames = [
  'segmentIds',
  'sets',
  'sizes',
  'anchors',
  'directory',
  'remainders',
  'numbers',
  'byHash',
  'byId',
  'checksum',
] as const;

/** Bits of the directory: 2 to 4 customers per bucket, so that an unknown customer meets at most 4 remainders of 32 bits: 4 / 2^32 < 10⁻⁹. */
export function directoryBitsFor(customers: number): number {
  return customers <= 4 ? 0 : Math.ceil(Math.log2(customers)) - 2;
}

/** The narrowest of u8, u16, u32 that holds 0 … most. */
export function widthFor(most: number): Width {
  return most <= 0xff ? 1 : most <= 0xffff ? 2 : 4;
}

export function anchorsFor(directoryBits: number): number {
  return ((2 ** directoryBits) >>> anchorShift) + 1;
}

export function audienceOffsets(counts: AudienceCounts): AudienceOffsets {
  let at = audienceHeaderBytes;
  const section = (bytes: number) => {
    const begin = at;
    at = Math.ceil((at + bytes) / 8) * 8;
    return begin;
  };
  return {
    segmentIds: section(counts.segmentIdsBytes),
    sets: section(counts.memberships * setWidth(counts.segments) * 4),
    sizes: section(counts.memberships * 4),
    anchors: section(anchorsFor(counts.directoryBits) * 4),
    directory: section((2 ** counts.directoryBits + 1) * counts.directoryBytes),
    remainders: section(counts.entries * 4),
    numbers: section(counts.entries * counts.numberBytes),
    byHash: section(counts.byHash * 12),
    byId: section(counts.byIdBytes),
    checksum: at,
  };
}

/** Views need the host's order to be the format's. Every platform that Node and ClickHouse run on is little-endian. */
export function requireLittleEndian(): void {
  if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
    throw new Error('snapshots are read and written on little-endian machines only');
}

export function numbersView(bytes: Uint8Array, offset: number, count: number, width: Width): Uint8Array | Uint16Array | Uint32Array {
  const at = bytes.byteOffset + offset;
  if (width === 1) return new Uint8Array(bytes.buffer, at, count);
  return width === 2 ? new Uint16Array(bytes.buffer, at, count) : new Uint32Array(bytes.buffer, at, count);
}
