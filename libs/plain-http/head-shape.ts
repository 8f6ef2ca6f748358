import type { ReadBytes } from './read-bytes.js';

/** The value of a header that differs from visitor to visitor, or from page to page. */
export const values = { none: 0, skipped: 1, cookie: 2, referer: 3, contentLength: 4, etag: 5 } as const;
export type ValueKind = (typeof values)[keyof typeof values];

const kinds: Readonly<Record<string, ValueKind>> = {
  cookie: values.cookie,
  referer: values.referer,
  'content-length': values.contentLength,
  'if-none-match': values.etag,
  ...Object.fromEntries(
    `cf-connecting-ip cf-ray client-ip downlink forwarded rtt traceparent tracestate true-client-ip x-amzn-trace-id x-b3-spanid
    x-b3-traceid x-client-ip x-correlation-id x-forwarded-for x-forwarded-port x-real-ip x-request-id x-request-start`
      .split(/\s+/)
      .map((name) => [name, values.skipped] as const),
  ),
};

/** What a header's value is to a shape; `values.none` for those that many requests share. `name` in lower case. */
function kindOf(name: string): ValueKind {
  return (Object.hasOwn(kinds, name) ? kinds[name] : undefined) ?? values.none;
}

/** Bytes between two such values, or up to the end of the block. */
export interface Piece {
  readonly length: number;
  readonly bytes: Buffer;
  /** Eight bytes each, as numbers: no NaN and no zero among them, since text is not, so that equal numbers are equal bytes. */
  readonly words: Float64Array;
  /** The last eight bytes, which overlap the words; 0 where there are fewer. */
  readonly last: number;
  /** What follows; `values.none` behind the last piece. */
  readonly value: ValueKind;
}

/** Each byte of the text is a character of ASCII, none of them 0. */
export function piece(text: string, value: ValueKind): Piece {
  const bytes = Buffer.from(text, 'latin1');
  const words = Float64Array.from({ length: bytes.length >>> 3 }, (_, index) => bytes.readDoubleLE(index * 8));
  return { length: bytes.length, bytes, words, last: bytes.length < 8 ? 0 : bytes.readDoubleLE(bytes.length - 8), value };
}

/** Where the values stand of the block that was matched last. What is absent begins and ends at 0. */
export class HeadValues {
  cookieBegin = 0;
  cookieEnd = 0;
  refererBegin = 0;
  refererEnd = 0;
  /** `If-None-Match`. */
  etagBegin = 0;
  etagEnd = 0;
  /** -1: absent, or written as nobody writes it. */
  contentLength = -1;

  clear(): void {
    this.cookieBegin = this.cookieEnd = this.refererBegin = this.refererEnd = this.etagBegin = this.etagEnd = 0;
    this.contentLength = -1;
  }

  /** Takes the value of that kind that begins there: visible characters and blanks. The index behind it, blanks at its end included. */
  take({ bytes, view, end: readEnd }: ReadBytes, kind: ValueKind, begin: number): number {
    let behind = begin;
    for (; behind <= readEnd - 4; behind += 4) if (!areVisible(view.getInt32(behind, true))) break;
    while (bytes[behind]! >= 0x20 && bytes[behind]! <= 0x7e) behind++;
    if (kind === values.skipped) return behind;
    let end = behind;
    while (end > begin && bytes[end - 1] === 0x20) end--;
    if (kind === values.cookie) {
      this.cookieBegin = begin;
      this.cookieEnd = end;
    } else if (kind === values.referer) {
      this.refererBegin = begin;
      this.refererEnd = end;
    } else if (kind === values.etag) {
      this.etagBegin = begin;
      this.etagEnd = end;
    } else this.contentLength = lengthAt(bytes, begin, end);
    return behind;
  }
}

/** Whether each of the four bytes is a visible character or a blank: from 0x20 to 0x7e. Each of the three has its highest bit where one is not. */
function areVisible(four: number): boolean {
  return ((four | (four - 0x2020_2020) | (four + 0x0101_0101)) & 0x8080_8080) === 0;
}

/** One to five digits, the first of them no zero. */
function lengthAt(bytes: Uint8Array, begin: number, end: number): number {
  if (end === begin || end - begin > 5 || bytes[begin] === 0x30) return -1;
  let length = 0;
  for (let at = begin; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

const blockBytesMax = 8_192;

/** The pieces of the block from `from` to `behind`, which `readHeaders` has read. `keeps`: a header whose value belongs to the shape all the same. */
export function shapeOf(bytes: Buffer, from: number, behind: number, keeps: string | undefined): Piece[] {
  const pieces: Piece[] = [];
  let begin = from;
  for (let line = from; line < behind - 2; ) {
    const colon = bytes.indexOf(0x3a, line);
    const name = bytes.toString('latin1', line, colon).toLowerCase();
    const kind = name === keeps ? values.none : kindOf(name);
    const end = bytes.indexOf(0x0d, colon);
    if (kind !== values.none) {
      let value = colon + 1;
      while (bytes[value] === 0x20) value++;
      pieces.push(piece(bytes.toString('latin1', begin, value), kind));
      begin = end;
    }
    line = end + 2;
  }
  pieces.push(piece(bytes.toString('latin1', begin, behind), values.none));
  return pieces;
}

/** The index behind the block that begins at `from`, when it is of this shape, with its values in `found`; else -1. */
export function behindShape(input: ReadBytes, from: number, pieces: readonly Piece[], found: HeadValues): number {
  const { bytes } = input;
  let at = from;
  found.clear();
  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index]!;
    if (!isAtPiece(input, at, piece)) return -1;
    at += piece.length;
    if (piece.value === values.none) return at - from > blockBytesMax ? -1 : at;
    // More blanks before a value than this shape has: read anew.
    if (bytes[at] === 0x20) return -1;
    at = found.take(input, piece.value, at);
  }
  return -1;
}

function isAtPiece({ bytes, view, end }: ReadBytes, from: number, { length, bytes: expected, words, last }: Piece): boolean {
  if (end - from < length) return false;
  if (length < 8) {
    for (let index = 0; index < length; index++) if (bytes[from + index] !== expected[index]) return false;
    return true;
  }
  // The last ones first: there one shape mostly differs from another that begins alike.
  if (view.getFloat64(from + length - 8, true) !== last) return false;
  let at = from;
  for (let index = 0; index < words.length; index++, at += 8) if (view.getFloat64(at, true) !== words[index]) return false;
  return true;
}

const sampledBytes = 320;
const sampledEvery = 16;

/**
 * A number that blocks of one shape mostly have in common and others mostly do not: of a sample of their letters. Digits count for nothing, since
 * lengths and addresses are made of them.
 */
export function sampleOf({ view, end }: ReadBytes, from: number): number {
  let hash = 0;
  const last = Math.min(end, from + sampledBytes) - 4;
  for (let at = from; at <= last; at += sampledEvery) {
    const word = view.getInt32(at, true);
    hash = (Math.imul(hash, 31) + (word & Math.imul((word >>> 6) & 0x0101_0101, 0xff))) | 0;
  }
  return hash;
}
