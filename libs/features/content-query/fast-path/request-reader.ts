import { incomplete, type ReadBytes, unrecognised, word } from '#libs/plain-http';
import { bodyBytesMax, contextEntriesMax, contextValueLengthMax, pageUrlLengthMax, urlBytesMax } from '../limits.js';
import { at as atSign, classes, coded, ends, inIds, plain } from './bytes.js';
import type { Head, Heads } from './heads.js';

const method = word('GET ');
const postMethod = word('POST');
const queryPath = word(' /q/');
const protocol = word('HTTP');
const version = word('/1.1');
const opening = Buffer.from('GET /q/', 'latin1');
const batchOpening = Buffer.from('POST /q/', 'latin1');
/** ` HTTP/1.1` and its line's end, behind the blank. */
const versionBytes = 10;
const idLengthMax = 64;

const [amp, blank, slash, question, equals, dot, percent] = [0x26, 0x20, 0x2f, 0x3f, 0x3d, 0x2e, 0x25];
const [customer, placement, session, url, referrer, form, context] = [0x63, 0x70, 0x73, 0x75, 0x72, 0x66, 0x78];

/**
 * Reads content queries as pages send them, byte for byte, and nothing else: `GET /q/<client>/<campaign>?<parameters> HTTP/1.1` or
 * `POST /q/<client> HTTP/1.1` with a body that is there whole, and headers that mean nothing to a parser. Fields say where in the bytes its parts stand; they
 * hold until the next `read`. A part that is absent or empty begins and ends at 0.
 */
export class RequestReader {
  /** After `incomplete`: the bytes of the whole request; 0 where that is not known yet. */
  needs = 0;
  /** A request for slots: `POST /q/<client>`. */
  hasBody = false;
  clientBegin = 0;
  clientEnd = 0;
  bodyBegin = 0;
  bodyEnd = 0;
  /** The target of the request line, or of the query that was read last. */
  targetBegin = 0;
  targetEnd = 0;
  /** `<client>/<campaign>`, and a hash of its bytes. */
  routeBegin = 0;
  routeEnd = 0;
  routeHash = 0;
  customerBegin = 0;
  customerEnd = 0;
  sessionBegin = 0;
  sessionEnd = 0;
  placementBegin = 0;
  placementEnd = 0;
  urlBegin = 0;
  urlEnd = 0;
  referrerBegin = 0;
  referrerEnd = 0;
  /** `<name>=<value>` of the context: where each begins and ends. */
  entryCount = 0;
  readonly entryBounds = new Int32Array(contextEntriesMax * 2);
  /** The headers; of a complete request only. */
  head: Head | undefined;
  /**
   * Each part is there at most once, stands for itself or, in an address, for ASCII, and is within its limit: nothing has to be decoded, refused or
   * left out to answer. Else the request is answered by the way that every other one goes.
   */
  isPlain = false;
  /** The letters that are parameters of it, the empty ones too: bits by their number in the alphabet. */
  private seen = 0;

  constructor(private readonly heads: Heads) {}

  /**
   * The index behind the request that begins at `from`; or `incomplete`, `unrecognised`. `earlier`: the head of the request before. Of a request with a body
   * the parts are the target, the client, head and body; `readTarget` reads each of its queries.
   */
  read(input: ReadBytes, from: number, earlier: Head | undefined): number {
    const { view, end } = input;
    this.needs = 0;
    if (end - from < batchOpening.length) {
      const begins = (text: Buffer) =>
        text.compare(input.bytes, from, Math.min(end, from + text.length), 0, Math.min(end - from, text.length)) === 0;
      return begins(opening) || begins(batchOpening) ? incomplete : unrecognised;
    }
    const first = view.getInt32(from, true);
    if (first === method && view.getInt32(from + 3, true) === queryPath) return this.readQuery(input, from, earlier);
    if (first === postMethod && view.getInt32(from + 4, true) === queryPath) return this.readBatch(input, from, earlier);
    return unrecognised;
  }

  private readQuery(input: ReadBytes, from: number, earlier: Head | undefined): number {
    this.hasBody = false;
    const at = this.readTarget(input, from + 4);
    if (input.bytes[at] !== blank) return at >= input.end ? incomplete : unrecognised;
    const behind = this.readHead(input, at + 1, earlier);
    return behind > 0 && this.head?.body !== 'none' ? unrecognised : behind;
  }

  private readBatch(input: ReadBytes, from: number, earlier: Head | undefined): number {
    const { bytes, end } = input;
    this.hasBody = true;
    let at = from + batchOpening.length;
    this.clientBegin = at;
    while (classes[bytes[at]!] === inIds) at++;
    this.clientEnd = at;
    this.targetBegin = from + 5;
    this.targetEnd = at;
    if (bytes[at] !== blank) return at >= end ? incomplete : unrecognised;
    const behind = this.readHead(input, at + 1, earlier);
    if (behind < 0) return behind;
    const { contentLength } = this.heads.values;
    if (this.head?.body !== 'json' || contentLength < 0 || contentLength > bodyBytesMax) return unrecognised;
    this.bodyBegin = behind;
    this.bodyEnd = behind + contentLength;
    if (this.bodyEnd === end) return end;
    // Node's parser sees what follows before the body is answered, and if that is no request answers that alone.
    if (this.bodyEnd < end) return unrecognised;
    this.needs = this.bodyEnd - from;
    return incomplete;
  }

  /** Behind the target's blank: the version, and the headers. */
  private readHead(input: ReadBytes, from: number, earlier: Head | undefined): number {
    const { bytes, view, end } = input;
    if (from + versionBytes > end) return incomplete;
    if (view.getInt32(from, true) !== protocol || view.getInt32(from + 4, true) !== version) return unrecognised;
    if (bytes[from + 8] !== 0x0d || bytes[from + 9] !== 0x0a) return unrecognised;
    const behind = this.heads.read(input, from + versionBytes, earlier);
    this.head = this.heads.found;
    return behind;
  }

  /** Reads `/q/<client>/<campaign>?<parameters>`, which begins there. Up to the first byte that is not of it. */
  readTarget(input: ReadBytes, from: number): number {
    const { bytes } = input;
    this.targetBegin = from;
    this.isPlain = true;
    this.customerEnd = this.customerBegin = 0;
    this.sessionEnd = this.sessionBegin = 0;
    this.placementEnd = this.placementBegin = 0;
    this.urlEnd = this.urlBegin = 0;
    this.referrerEnd = this.referrerBegin = 0;
    this.entryCount = 0;
    this.seen = 0;
    let at = this.readRoute(bytes, from + '/q/'.length);
    if (bytes[at] === question) at = this.readParameters(input, at + 1);
    this.targetEnd = at;
    if (at - from > urlBytesMax) this.isPlain = false;
    return at;
  }

  /** Up to the first byte that is not of a route. */
  private readRoute(bytes: Uint8Array, from: number): number {
    let at = from;
    let hash = 0;
    for (;;) {
      const byte = bytes[at]!;
      if (classes[byte] !== inIds && byte !== slash) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
      at++;
    }
    this.routeBegin = from;
    this.routeEnd = at;
    this.routeHash = hash;
    return at;
  }

  /** Up to the first byte that is not of a query. */
  private readParameters({ bytes, view }: ReadBytes, from: number): number {
    const lastWord = view.byteLength - 4;
    let at = from;
    let seen = 0;
    for (;;) {
      const name = bytes[at]!;
      const next = bytes[at + 1]!;
      const isNamed = next === equals && classes[name] === inIds;
      const isContext = name === context && next === dot;
      const begin = at + 2;
      let kinds = 0;
      let kind = 0;
      // From the name's second byte on, so that the scan sees every byte, whatever the name turns out to be.
      at = isNamed || isContext ? begin : at;
      // Four at a time, which takes half the time of one by one; then up to the one that ends it.
      for (; at <= lastWord; at += 4) {
        const four = view.getInt32(at, true);
        kind = classes[four & 0xff]! | classes[(four >>> 8) & 0xff]! | classes[(four >>> 16) & 0xff]! | classes[four >>> 24]!;
        if (kind >= ends) break;
        kinds |= kind;
      }
      for (;;) {
        kind = classes[bytes[at]!]!;
        if (kind >= ends) break;
        kinds |= kind;
        at++;
      }
      if (isContext) {
        this.takeEntry(bytes, begin, at, kinds);
      } else if (!isNamed) this.isPlain = false;
      else if (at > begin) seen = this.take(bytes, name, begin, at, kinds, seen);
      // The first of a repeated name counts, also when it is empty.
      else seen |= 1 << (name & 31);
      if (bytes[at] !== amp) {
        this.seen = seen;
        return at;
      }
      at++;
    }
  }

  /**
   * The plain query that was read last stands at 0 of these bytes now, with one parameter behind it: a page, each odd byte of which is written as `%` and two
   * digits, from `urlBegin` to `end`. As if it had been read again, for less.
   */
  moved(bytes: Uint8Array, urlBegin: number, end: number): void {
    const by = this.targetBegin;
    this.targetBegin = 0;
    this.targetEnd = end;
    this.routeBegin -= by;
    this.routeEnd -= by;
    if (this.customerEnd > 0) {
      this.customerBegin -= by;
      this.customerEnd -= by;
    }
    if (this.sessionEnd > 0) {
      this.sessionBegin -= by;
      this.sessionEnd -= by;
    }
    if (this.placementEnd > 0) {
      this.placementBegin -= by;
      this.placementEnd -= by;
    }
    if (this.referrerEnd > 0) {
      this.referrerBegin -= by;
      this.referrerEnd -= by;
    }
    for (let bound = 0; bound < this.entryCount * 2; bound++) this.entryBounds[bound]! -= by;
    this.urlBegin = urlBegin;
    this.urlEnd = end;
    // The first of a repeated name counts, also when it is empty.
    const isRepeated = (this.seen & (1 << (url & 31))) !== 0;
    if (isRepeated || end > urlBytesMax || !isPlainAddress(bytes, urlBegin, end, coded)) this.isPlain = false;
  }

  private takeEntry(bytes: Uint8Array, begin: number, end: number, kinds: number): void {
    if (this.entryCount === contextEntriesMax || !isPlainEntry(bytes, begin, end, kinds)) {
      this.isPlain = false;
      return;
    }
    this.entryBounds[this.entryCount * 2] = begin;
    this.entryBounds[this.entryCount * 2 + 1] = end;
    this.entryCount += 1;
  }

  /** One parameter of a letter; the letters seen so far with it. */
  private take(bytes: Uint8Array, name: number, begin: number, end: number, kinds: number, seen: number): number {
    const bit = 1 << (name & 31);
    if ((seen & bit) !== 0) this.isPlain = false;
    const standsForItself = (kinds & ~(inIds | plain)) === 0;
    switch (name) {
      case customer:
        if (!standsForItself || end - begin > idLengthMax) this.isPlain = false;
        this.customerBegin = begin;
        this.customerEnd = end;
        break;
      case session:
        if (!standsForItself || end - begin > idLengthMax) this.isPlain = false;
        this.sessionBegin = begin;
        this.sessionEnd = end;
        break;
      case placement:
        if (kinds !== inIds || end - begin > idLengthMax || !isAlphanumeric(bytes[begin]!)) this.isPlain = false;
        this.placementBegin = begin;
        this.placementEnd = end;
        break;
      case url:
        if (!isPlainAddress(bytes, begin, end, kinds)) this.isPlain = false;
        this.urlBegin = begin;
        this.urlEnd = end;
        break;
      case referrer:
        if (!isPlainAddress(bytes, begin, end, kinds)) this.isPlain = false;
        this.referrerBegin = begin;
        this.referrerEnd = end;
        break;
      case form:
        // `f=json`, of which nothing else has to be known.
        if (
          end - begin !== 4 ||
          bytes[begin] !== 0x6a ||
          bytes[begin + 1] !== 0x73 ||
          bytes[begin + 2] !== 0x6f ||
          bytes[begin + 3] !== 0x6e
        )
          this.isPlain = false;
        break;
      default:
        // A name that means nothing: but its value must be an address's all the same.
        if ((kinds & coded) !== 0) this.isPlain = false;
    }
    return seen | bit;
  }
}

function isPlainAddress(bytes: Uint8Array, begin: number, end: number, kinds: number): boolean {
  if ((kinds & atSign) !== 0 || end - begin > pageUrlLengthMax) return false;
  return (kinds & coded) === 0 || isCodedAscii(bytes, begin, end);
}

function isPlainEntry(bytes: Uint8Array, begin: number, end: number, kinds: number): boolean {
  if ((kinds & (coded | atSign)) !== 0) return false;
  let at = begin;
  while (at < end && bytes[at] !== equals) at++;
  return at > begin && at - begin <= idLengthMax && end - at - 1 <= contextValueLengthMax;
}

function isAlphanumeric(byte: number): boolean {
  return classes[byte] === inIds && byte !== dot && byte !== 0x2d && byte !== 0x5f;
}

/** Every `%` begins two digits of a character of ASCII that is not `@`, nor the `%` of a `%40`. */
function isCodedAscii(bytes: Uint8Array, begin: number, end: number): boolean {
  for (let at = begin; at < end; at++) {
    if (bytes[at] !== percent) continue;
    const high = hexDigit(bytes[at + 1]!);
    const low = hexDigit(bytes[at + 2]!);
    if (at + 2 >= end || high < 0 || high > 7 || low < 0 || (high === 4 && low === 0)) return false;
    if (high === 2 && low === 5 && bytes[at + 3] === 0x34 && bytes[at + 4] === 0x30) return false;
    at += 2;
  }
  return true;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
