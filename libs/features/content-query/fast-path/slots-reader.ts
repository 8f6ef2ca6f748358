import { type ReadBytes, readBytes } from '#libs/plain-http';
import { contextEntriesMax, slotsMax, urlBytesMax } from '../limits.js';
import { isAt } from './asked.js';
import { classes, inIds, plain } from './bytes.js';

const [quote, backslash, colon, comma, blank, minus, zero, nine] = [0x22, 0x5c, 0x3a, 0x2c, 0x20, 0x2d, 0x30, 0x39];
const [openBrace, closeBrace, openBracket, closeBracket, equals, amp, percent] = [0x7b, 0x7d, 0x5b, 0x5d, 0x3d, 0x26, 0x25];
const [customer, session, url, referrer, context] = [0x63, 0x73, 0x75, 0x72, 0x78];
const [dot, slash, question, placement] = [0x2e, 0x2f, 0x3f, 0x70];
const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');
/** What stands for itself in a query and in JSON. */
const idKinds = inIds | plain;
const digitsMax = 15;
const idBytesMax = 64;
/** Room for `/q/<client>/<campaign>?p=<placement>` before the parameters that all slots share. */
const sharedAt = 256;
/** The least room that a step of writing finds: the longest of them, an escape. */
const stepBytes = 8;

const names = ['customerId', 'sessionId', 'page', 'referrer', 'context', 'slots'];
/** No two names are of one length. */
const nameByLength: readonly (Buffer | undefined)[] = [...Array(12).keys()].map((length) => {
  const name = names.find((one) => one.length === length);
  return name === undefined ? undefined : Buffer.from(name, 'latin1');
});
const [campaignId, placementId] = [Buffer.from('campaignId', 'latin1'), Buffer.from('placementId', 'latin1')];
const pathBegin = Buffer.from('/q/', 'latin1');

/**
 * Reads what a page's tag asks with `POST /q/{clientId}` – as `JSON.stringify` writes it, texts that need no escape – and says it again as the queries
 * `GET /q/{clientId}/{campaignId}` that ask the same, one for each slot. So both are recognised, decided and recorded by the same code.
 */
export class SlotsReader {
  /** The query that was written last. */
  readonly written: ReadBytes = readBytes(sharedAt + urlBytesMax + stepBytes);
  /** Slots of the body that was read last. */
  count = 0;
  private readonly bytes = this.written.bytes;
  private readonly slotBounds = new Int32Array(slotsMax * 4);
  private readonly nameBounds = new Int32Array(contextEntriesMax * 2);
  private at = 0;
  private end = 0;
  private entries = 0;

  /**
   * Reads the body. False: it takes more than this to understand it, and nothing is written. The page of a request that names none is the `Referer`'s,
   * from `refererBegin` to `refererEnd`.
   */
  read(input: ReadBytes, begin: number, end: number, refererBegin: number, refererEnd: number): boolean {
    const { bytes } = input;
    this.at = begin;
    this.end = sharedAt;
    this.count = 0;
    this.entries = 0;
    let seen = 0;
    if (bytes[this.at++] !== openBrace) return false;
    for (;;) {
      const name = this.name(bytes);
      const length = this.at - 2 - name;
      const expected = name < 0 ? undefined : nameByLength[length];
      if (expected === undefined || !isAt(bytes, name, name + length, expected) || (seen & (1 << length)) !== 0) return false;
      seen |= 1 << length;
      if (!this.value(input, length)) return false;
      const next = bytes[this.at++];
      if (next === closeBrace) break;
      if (next !== comma) return false;
    }
    if (this.at !== end || this.count === 0) return false;
    const namesPage = (seen & (1 << 'page'.length)) !== 0 && this.namedPage;
    if (!namesPage && refererEnd > refererBegin && this.address(bytes, url, refererBegin, refererEnd) < 0) return false;
    this.bytes[this.end] = blank;
    this.written.end = this.end + 1;
    return true;
  }

  private namedPage = false;

  /** Writes the query of a slot; where its path begins. */
  query(from: ReadBytes, clientBegin: number, clientEnd: number, slot: number): number {
    const { bytes, slotBounds } = this;
    const [campaignBegin, campaignEnd] = [slotBounds[slot * 4]!, slotBounds[slot * 4 + 1]!];
    const [placementBegin, placementEnd] = [slotBounds[slot * 4 + 2]!, slotBounds[slot * 4 + 3]!];
    let at = sharedAt;
    const put = from.bytes;
    for (let index = placementEnd; index > placementBegin; ) bytes[--at] = put[--index]!;
    bytes[--at] = equals;
    bytes[--at] = placement;
    bytes[--at] = question;
    for (let index = campaignEnd; index > campaignBegin; ) bytes[--at] = put[--index]!;
    bytes[--at] = slash;
    for (let index = clientEnd; index > clientBegin; ) bytes[--at] = put[--index]!;
    for (let index = pathBegin.length; index > 0; ) bytes[--at] = pathBegin[--index]!;
    return at;
  }

  /** Writes a query again, at 0, with the page that the `Referer` names as `u`, up to a blank. Where the page begins; -1: it takes more than this to understand that. */
  withPage(
    { bytes }: ReadBytes,
    targetBegin: number,
    targetEnd: number,
    routeEnd: number,
    refererBegin: number,
    refererEnd: number,
  ): number {
    if (targetEnd - targetBegin > urlBytesMax) return -1;
    this.end = bytes.copy(this.bytes, 0, targetBegin, targetEnd);
    // An empty parameter is one that nobody gave.
    if (targetEnd === routeEnd) this.end += this.bytes.write('?f=', this.end, 'latin1');
    const begin = this.end + '&u='.length;
    if (this.address(bytes, url, refererBegin, refererEnd) < 0) return -1;
    this.bytes[this.end] = blank;
    this.written.end = this.end + 1;
    return begin;
  }

  /** Where the name begins that ends before `":`; -1 when there is none. */
  private name(bytes: Uint8Array): number {
    let { at } = this;
    if (bytes[at++] !== quote) return -1;
    const begin = at;
    while (classes[bytes[at]!] === inIds) at++;
    if (bytes[at] !== quote || bytes[at + 1] !== colon) return -1;
    this.at = at + 2;
    return begin;
  }

  private value(input: ReadBytes, nameLength: number): boolean {
    const { bytes } = input;
    switch (nameLength) {
      case 'customerId'.length:
        return this.id(input, customer);
      case 'sessionId'.length:
        return this.id(input, session);
      case 'page'.length:
        return this.text(bytes, url);
      case 'referrer'.length:
        return this.text(bytes, referrer);
      case 'context'.length:
        return this.context(bytes);
      default:
        return this.list(bytes);
    }
  }

  private id({ bytes, view }: ReadBytes, letter: number): boolean {
    const begin = this.at + 1;
    if (bytes[this.at] !== quote) return false;
    let at = begin;
    // Four at a time; `view` ends a byte or more behind what was read.
    for (const last = view.byteLength - 4; at <= last; at += 4) {
      const four = view.getInt32(at, true);
      if (
        ((classes[four & 0xff]! | classes[(four >>> 8) & 0xff]! | classes[(four >>> 16) & 0xff]! | classes[four >>> 24]!) & ~idKinds) !==
        0
      )
        break;
    }
    while ((classes[bytes[at]!]! & idKinds) !== 0) at++;
    // A body goes on behind it with a quotation mark and a brace at least, and with a zero.
    if (bytes[at] !== quote || at === begin || at - begin > idBytesMax || at + 3 > view.byteLength) return false;
    this.at = at + 1;
    if (!this.open(letter, at - begin)) return false;
    // The last ones past the end, where there is room.
    const to = this.end;
    for (let from = begin; from < at; from += 4) this.written.view.setInt32(to + from - begin, view.getInt32(from, true), true);
    this.end = to + at - begin;
    return true;
  }

  private text(bytes: Uint8Array, letter: number): boolean {
    if (bytes[this.at] !== quote) return false;
    const begin = this.at + 1;
    if (letter === url) this.namedPage = bytes[begin] !== quote;
    if (bytes[begin] === quote) {
      this.at = begin + 1;
      return true;
    }
    const behind = this.address(bytes, letter, begin, -1);
    if (behind < 0) return false;
    this.at = behind + 1;
    return true;
  }

  /** Writes an address, up to `end` or a quotation mark, as a parameter. The index behind it; -1 when it holds anything but ASCII, or an escape. */
  private address(bytes: Uint8Array, letter: number, begin: number, end: number): number {
    if (!this.open(letter, 0)) return -1;
    const out = this.bytes;
    const last = sharedAt + urlBytesMax;
    let to = this.end;
    let at = begin;
    for (; at !== end; at++) {
      const byte = bytes[at]!;
      if ((classes[byte]! & (inIds | plain)) !== 0) out[to++] = byte;
      else if (byte === quote && end < 0) break;
      else if (byte < blank || byte > 0x7e || (byte === backslash && end < 0)) return -1;
      else {
        out[to] = percent;
        out[to + 1] = hexDigits[byte >>> 4]!;
        out[to + 2] = hexDigits[byte & 15]!;
        to += 3;
      }
      if (to > last) return -1;
    }
    this.end = to;
    return at;
  }

  private context(bytes: Uint8Array): boolean {
    if (bytes[this.at++] !== openBrace) return false;
    if (bytes[this.at] === closeBrace) {
      this.at += 1;
      return true;
    }
    for (;;) {
      const name = this.name(bytes);
      if (name < 0 || !this.entry(bytes, name, this.at - 2)) return false;
      const next = bytes[this.at++];
      if (next === closeBrace) return true;
      if (next !== comma) return false;
    }
  }

  /** `"name":"value"`, or a whole number. A name that comes twice means another value than in a query. */
  private entry(bytes: Uint8Array, nameBegin: number, nameEnd: number): boolean {
    const { nameBounds, entries } = this;
    if (entries === contextEntriesMax || nameEnd === nameBegin) return false;
    for (let earlier = 0; earlier < entries; earlier++) {
      const [begin, end] = [nameBounds[earlier * 2]!, nameBounds[earlier * 2 + 1]!];
      if (isAt(bytes, nameBegin, nameEnd, bytes.subarray(begin, end))) return false;
    }
    nameBounds[entries * 2] = nameBegin;
    nameBounds[entries * 2 + 1] = nameEnd;
    this.entries = entries + 1;
    const isText = bytes[this.at] === quote;
    const begin = isText ? this.at + 1 : this.at;
    let at = begin;
    if (isText) {
      while ((classes[bytes[at]!]! & (inIds | plain)) !== 0) at++;
      if (bytes[at] !== quote) return false;
      this.at = at + 1;
    } else {
      at = wholeNumber(bytes, begin);
      if (at < 0) return false;
      this.at = at;
    }
    const room = nameEnd - nameBegin + at - begin + stepBytes;
    if (this.end + room > sharedAt + urlBytesMax) return false;
    const out = this.bytes;
    out[this.end] = amp;
    out[this.end + 1] = context;
    out[this.end + 2] = dot;
    this.end += 3;
    this.copy(bytes, nameBegin, nameEnd);
    out[this.end++] = equals;
    return this.copy(bytes, begin, at);
  }

  private list(bytes: Uint8Array): boolean {
    if (bytes[this.at++] !== openBracket) return false;
    for (;;) {
      if (bytes[this.at++] !== openBrace || this.count === slotsMax || !this.slot(bytes)) return false;
      const next = bytes[this.at++];
      if (next === closeBracket) return true;
      if (next !== comma) return false;
    }
  }

  /** `"campaignId":"…"}`, or with `,"placementId":"…"` in between. */
  private slot(bytes: Uint8Array): boolean {
    const { slotBounds } = this;
    const index = this.count * 4;
    slotBounds[index + 2] = slotBounds[index + 3] = 0;
    if (!this.definition(bytes, campaignId, index)) return false;
    if (bytes[this.at] === comma) {
      this.at += 1;
      if (!this.definition(bytes, placementId, index + 2)) return false;
    }
    if (bytes[this.at++] !== closeBrace) return false;
    this.count += 1;
    return true;
  }

  private definition(bytes: Uint8Array, expected: Uint8Array, bound: number): boolean {
    const name = this.name(bytes);
    if (name < 0 || !isAt(bytes, name, this.at - 2, expected) || bytes[this.at] !== quote) return false;
    const begin = this.at + 1;
    let at = begin;
    while (classes[bytes[at]!] === inIds) at++;
    if (bytes[at] !== quote || at === begin || at - begin > idBytesMax) return false;
    this.slotBounds[bound] = begin;
    this.slotBounds[bound + 1] = at;
    this.at = at + 1;
    return true;
  }

  /** Begins a parameter of one letter, when there is room for it and its value. */
  private open(letter: number, length: number): boolean {
    if (this.end + length + stepBytes > sharedAt + urlBytesMax) return false;
    this.bytes[this.end] = amp;
    this.bytes[this.end + 1] = letter;
    this.bytes[this.end + 2] = equals;
    this.end += 3;
    return true;
  }

  private copy(bytes: Uint8Array, begin: number, end: number): true {
    let to = this.end;
    for (let from = begin; from < end; from++, to++) this.bytes[to] = bytes[from]!;
    this.end = to;
    return true;
  }
}

/** The index behind a whole number as JSON writes it back; -1 for any other. */
function wholeNumber(bytes: Uint8Array, begin: number): number {
  const first = bytes[begin] === minus ? begin + 1 : begin;
  let at = first;
  while (bytes[at]! >= zero && bytes[at]! <= nine) at++;
  const digits = at - first;
  if (digits === 0 || digits > digitsMax || (bytes[first] === zero && (digits > 1 || first > begin))) return -1;
  return at;
}
