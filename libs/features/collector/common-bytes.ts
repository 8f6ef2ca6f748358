/** The bytes of one body, and what can be said of them at a place: the words of common-batch.ts. Nothing here makes an object. */

export const bodyBytesMax = 64 * 1024;

/** The body, a zero behind it (which ends every loop), room for what is written. One body at a time: nothing here waits. */
export const bytes = new Uint8Array(bodyBytesMax + 1024);
const view = new DataView(bytes.buffer);

const quote = 0x22;
const zero = 0x30;
const nine = 0x39;

/** 1: what a text of properties cannot hold, or what has to be looked at: control characters, `"`, `\`, `@`, `%`, all but ASCII. */
const stopsText = new Uint8Array(256);
/** 1: what an id or a name cannot hold here: all but printable ASCII, `"`, `\`. */
const stopsId = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const isEnd = byte < 0x20 || byte === quote || byte === 0x5c;
  stopsText[byte] = isEnd || byte === 0x40 || byte === 0x25 || byte > 0x7f ? 1 : 0;
  stopsId[byte] = isEnd || byte > 0x7e ? 1 : 0;
}

/** Behind white space. */
export function space(at: number): number {
  let p = at;
  for (let byte = bytes[p]!; byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09); byte = bytes[p]!) p += 1;
  return p;
}

/** Where a text of properties that begins at `at` ends (its closing quote); -1 when it is no UTF-8, or holds an escape, or what may be an e-mail address. */
export function textEnd(at: number): number {
  let p = at;
  for (;;) {
    while (stopsText[bytes[p]!] === 0) p += 1;
    const byte = bytes[p]!;
    if (byte === quote) return p;
    if (byte > 0x7f) {
      p = sequenceEnd(p);
      if (p < 0) return -1;
      continue;
    }
    // `%40` is an `@` in an address of a page.
    if (byte !== 0x25 || (bytes[p + 1] === 0x34 && bytes[p + 2] === 0x30)) return -1;
    p += 1;
  }
}

/** Behind the UTF-8 of one character of two to four bytes (Unicode 15, table 3-7); -1 when it is none. */
function sequenceEnd(at: number): number {
  const first = bytes[at]!;
  const second = bytes[at + 1]!;
  if (first < 0xc2 || first > 0xf4 || !isContinuation(second)) return -1;
  if (first < 0xe0) return at + 2;
  if (!isContinuation(bytes[at + 2]!)) return -1;
  if (first < 0xf0) return (first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) ? -1 : at + 3;
  if (!isContinuation(bytes[at + 3]!)) return -1;
  return (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f) ? -1 : at + 4;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** As `textEnd`, of 1 to 64 bytes of printable ASCII. */
export function idEnd(at: number): number {
  let p = at;
  while (stopsId[bytes[p]!] === 0) p += 1;
  return bytes[p] === quote && p > at && p - at <= 64 ? p : -1;
}

/** Whether these bytes stand there. */
export function stands(word: Uint8Array, at: number): boolean {
  for (let n = 0; n < word.length; n += 1) if (bytes[at + n] !== word[n]) return false;
  return true;
}

/** Whether the same `length` bytes stand at two places, four at a time. */
export function areSame(a: number, b: number, length: number): boolean {
  let n = 0;
  for (; n + 4 <= length; n += 4) if (view.getInt32(a + n, true) !== view.getInt32(b + n, true)) return false;
  for (; n < length; n += 1) if (bytes[a + n] !== bytes[b + n]) return false;
  return true;
}

/** Copies `length` bytes from `from` on, four at a time: up to three more are written, for which there must be room. */
export function copyTo(out: DataView, at: number, from: number, length: number): void {
  for (let n = 0; n < length; n += 4) out.setInt32(at + n, view.getInt32(from + n, true), true);
}

export function isDigit(at: number): boolean {
  const byte = bytes[at]!;
  return byte >= zero && byte <= nine;
}

/** Where the digits that begin at `at` end. */
export function digitsEnd(at: number): number {
  let p = at;
  while (isDigit(p)) p += 1;
  return p;
}

/**
 * Where an unsigned number without exponent ends that begins at `at`, with at most so many digits before the point, and so many after it; -1 otherwise.
 * Fifteen digits together: such a number is the same after it has been a double.
 */
export function numberEnd(at: number, integerMax: number, fractionMax: number): number {
  const point = digitsEnd(at);
  const integer = point - at;
  if (integer === 0 || integer > integerMax || (integer > 1 && bytes[at] === zero)) return -1;
  if (bytes[point] !== 0x2e) return point;
  const end = digitsEnd(point + 1);
  const fraction = end - point - 1;
  return fraction === 0 || fraction > fractionMax || integer + fraction > 15 ? -1 : end;
}

/** `2026-11-23T11:00:00.123Z` or without the milliseconds, of a time that exists, from 1900 to 2299: its bytes (24 or 20); 0 otherwise. */
export function timeBytes(at: number): 0 | 20 | 24 {
  const year = two(at) * 100 + two(at + 2);
  const month = two(at + 5);
  const day = two(at + 8);
  if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 10] !== 0x54) return 0;
  if (bytes[at + 13] !== 0x3a || bytes[at + 16] !== 0x3a) return 0;
  // A pair that is no number is NaN, and no comparison with it holds.
  if (!(year >= 1900 && year <= 2299 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return 0;
  if (!(two(at + 11) <= 23 && two(at + 14) <= 59 && two(at + 17) <= 59)) return 0;
  if (bytes[at + 19] === 0x5a) return 20;
  return bytes[at + 19] === 0x2e && isDigit(at + 20) && isDigit(at + 21) && isDigit(at + 22) && bytes[at + 23] === 0x5a ? 24 : 0;
}

function two(at: number): number {
  return isDigit(at) && isDigit(at + 1) ? (bytes[at]! - zero) * 10 + bytes[at + 1]! - zero : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
