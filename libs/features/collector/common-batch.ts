/**
 * The batches that nearly all senders send, recognised byte by byte and turned into what the spool keeps without an object being made of them.
 *
 * JSON.parse, parseBehaviour, sealFact and JSON.stringify cost several microseconds an event; this costs half of one. It knows only what those
 * accept as it stands: whatever else a batch holds – an escape, what may be an e-mail address, an event for which a key is needed, an amount that is
 * no plain decimal, a member that it does not know, anything malformed – makes `read` give the whole batch back, and the long way judges it. So odd
 * cases have one judge, and it is not this file; common-batch.spec.ts holds the two against each other.
 */
import { eventTypeOf } from '#libs/domain';
import { areSame, bodyBytesMax, bytes, copyTo, digitsEnd, idEnd, numberEnd, space, textEnd, timeBytes } from './common-bytes.js';
import {
  commonTypes,
  isRefusedName,
  member,
  memberAt,
  memberLength,
  property,
  propertyAt,
  propertyLength,
  typeAt,
  typeLength,
} from './common-names.js';

export interface CommonBatch {
  readonly count: number;
  /** A JSON array of `SpooledFact`, until the next `read`. */
  readonly json: Uint8Array;
  /** Events of each of `commonTypes`. */
  readonly counts: Int32Array;
}

/** Below these, none of the limits of parseProperties can be reached. */
const itemsMax = 200;
const productsMax = 99;
const levelsMax = 4;
/** Of a price, quantity or total: the sum of 99 products then has at most 14 digits before the point. */
const amountDigitsMax = 6;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const closeList = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

// What is written between pieces of the body stands behind it in `bytes`.
const constantsAt = bodyBytesMax + 1;
const quoteAt = constantsAt;
const timeAt = constantsAt + 1;
const millisAt = timeAt + 4;
const noSessionAt = millisAt + 4;
const noSession = ',"sessionId":null';
const noPropertiesAt = noSessionAt + noSession.length;
const noProperties = ',"properties":{}';
const receivedAt = noPropertiesAt + noProperties.length;
const receivedHead = ',"time":"';
const received = `${receivedHead}2026-11-23T11:00:00.123Z"`;
const receivedBytes = received.length;
bytes.set(Buffer.from(`"time.000${noSession}${noProperties}${received}`, 'latin1'), constantsAt);

/** What one batch is written as at most: a body whose amounts are all quoted, and 400 bytes more for each event. */
const writtenBytesMax = bodyBytesMax * 2 + itemsMax * 400;
/** The pieces of one event: from, to. */
const pieces = new Int32Array(8192);
const counts = new Int32Array(commonTypes.length);

const written = new Uint8Array(writtenBytesMax);
const out = new DataView(written.buffer);
let now = '';
let pieceEnd = 0;
/** Where the piece that is being read begins. */
let pieceFrom = 0;
let typeIndex = -1;
let currency: Uint8Array = new Uint8Array(3);

// An event mostly says what the one before said of the customer and the session, which stand beside each other. Compared, not read again.
/** From behind another member … */
let repeatedFrom = 0;
/** … so many bytes, up to the value of the time, or behind the last of them; 0: nothing can be repeated. */
let repeatedBytes = 0;
let repeatedSeen = 0;
/** Where the name of the time stands among them; -1: they do not end with it. */
let repeatedName = -1;

/** What stands before an event's members. */
interface Head {
  readonly view: DataView;
  /** A multiple of four. */
  readonly length: number;
}

/** Reads one client's batches. */
export class CommonBatches {
  private readonly heads: readonly Head[];
  private readonly currency: Uint8Array;

  constructor(clientId: string, currencyCode: string) {
    this.currency = Buffer.from(currencyCode, 'latin1');
    this.heads = commonTypes.map((type) => {
      const text = `,{"category":"behaviour","clientId":"${clientId}","type":"${eventTypeOf(type)}","data":{`;
      const head = Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4), 'latin1');
      return { view: new DataView(head.buffer, head.byteOffset, head.length), length: head.length };
    });
  }

  /** `body` as it came; `receivedTime` is the time of events that name none, RFC 3339 with milliseconds. Undefined: this batch has to go the long way. */
  read(body: Uint8Array, receivedTime: string): CommonBatch | undefined {
    if (body.length > bodyBytesMax || body.length === 0) return undefined;
    bytes.set(body);
    bytes[body.length] = 0;
    now = receivedTime;
    currency = this.currency;
    counts.fill(0);
    repeatedBytes = 0;

    let p = batchBegin();
    let count = 0;
    let end = 0;
    while (p >= 0 && count < itemsMax) {
      if (bytes[p] !== openBrace) return undefined;
      p = event(p + 1);
      if (p < 0) return undefined;
      end = write(this.heads[typeIndex]!, end);
      counts[typeIndex]! += 1;
      count += 1;
      p = space(p);
      if (bytes[p] === comma) p = space(p + 1);
      else {
        if (bytes[p] !== closeList) return undefined;
        p = space(p + 1);
        if (bytes[p] !== closeBrace || space(p + 1) !== body.length) return undefined;
        written[0] = openList;
        written[end] = closeList;
        return { count, json: written.subarray(0, end + 1), counts: counts.slice() };
      }
    }
    return undefined;
  }
}

/** At the first event of `{"batch":[…`; -1 when that is not how it begins. */
function batchBegin(): number {
  let p = space(0);
  if (bytes[p] !== openBrace) return -1;
  p = space(p + 1);
  if (bytes[p] !== quote || bytes[p + 1] !== 0x62 || bytes[p + 2] !== 0x61 || bytes[p + 3] !== 0x74) return -1;
  if (bytes[p + 4] !== 0x63 || bytes[p + 5] !== 0x68 || bytes[p + 6] !== quote) return -1;
  p = space(p + 7);
  if (bytes[p] !== colon) return -1;
  p = space(p + 1);
  return bytes[p] === openList ? space(p + 1) : -1;
}

/** Behind an event whose members begin at `at`; its pieces are in `pieces` then. -1: not common. */
function event(at: number): number {
  pieceEnd = 0;
  pieceFrom = at;
  typeIndex = -1;
  let seen = 0;
  /** Behind the last member that differs from event to event, and the members up to there. */
  let runFrom = 0;
  let seenBefore = 0;
  let p = space(at);
  for (;;) {
    if (bytes[p] !== quote) return -1;
    const from = p + 1;
    const name = memberAt(from);
    const bit = 1 << name;
    if (name === member.other || (seen & bit) !== 0) return -1;
    const to = from + memberLength(name);
    p = space(to + 1);
    if (bytes[p] !== colon) return -1;
    p = space(p + 1);
    if (name === member.timestamp) {
      rename(from);
      if (runFrom > 0) remember(runFrom, p, seen & ~seenBefore, from);
    }
    seen |= bit;
    p = memberValue(name, p);
    if (p < 0) return -1;
    if ((bit & onceEach) !== 0) {
      runFrom = p;
      seenBefore = seen;
      if (repeatedBytes > 0 && (seen & repeatedSeen) === 0 && areSame(p, repeatedFrom, repeatedBytes)) {
        repeatedFrom = p;
        seen |= repeatedSeen;
        p += repeatedBytes;
        if (repeatedName >= 0) {
          rename(runFrom + repeatedName);
          p = memberValue(member.timestamp, p);
          if (p < 0) return -1;
        }
        runFrom = 0;
      }
    }
    p = space(p);
    if (bytes[p] === closeBrace) {
      if (runFrom > 0) remember(runFrom, p, seen & ~seenBefore, -1);
      break;
    }
    if (bytes[p] !== comma) return -1;
    p = space(p + 1);
  }
  const required = (1 << member.type) | (1 << member.messageId) | (1 << member.customerId);
  if ((seen & required) !== required) return -1;
  cut(p, p);
  if ((seen & (1 << member.sessionId)) === 0) put(noSessionAt, noSessionAt + noSession.length);
  if ((seen & (1 << member.timestamp)) === 0) {
    for (let n = 0; n < now.length; n += 1) bytes[receivedAt + receivedHead.length + n] = now.charCodeAt(n);
    put(receivedAt, receivedAt + receivedBytes);
  }
  if ((seen & (1 << member.properties)) === 0) put(noPropertiesAt, noPropertiesAt + noProperties.length);
  return p + 1;
}

/** `timestamp` outside is `time` inside. */
function rename(at: number): void {
  cut(at, at + memberLength(member.timestamp));
  put(timeAt, timeAt + 4);
}

/** Members that differ from event to event: behind one of them those that repeat may begin. */
const onceEach = (1 << member.type) | (1 << member.messageId) | (1 << member.properties);
const ids = (1 << member.customerId) | (1 << member.sessionId);

/** @param nameAt Of the time, whose value begins at `to`; -1: it is not among them. */
function remember(from: number, to: number, seen: number, nameAt: number): void {
  if (seen === 0 || (seen & ~ids) !== 0) return;
  repeatedFrom = from;
  repeatedBytes = to - from;
  repeatedSeen = nameAt < 0 ? seen : seen | (1 << member.timestamp);
  repeatedName = nameAt < 0 ? -1 : nameAt - from;
}

function memberValue(name: number, at: number): number {
  if (name === member.properties) return bytes[at] === openBrace ? object(at + 1, 1, true) : -1;
  if (name === member.sessionId && bytes[at] === 0x6e) return literal(at);
  if (bytes[at] !== quote) return -1;
  if (name === member.timestamp) {
    const length = timeBytes(at + 1);
    if (length === 0 || bytes[at + 1 + length] !== quote) return -1;
    if (length === 20) {
      cut(at + 20, at + 20);
      put(millisAt, millisAt + 4);
    }
    return at + length + 2;
  }
  if (name === member.type) {
    const code = typeAt(at + 1);
    typeIndex = code - 1;
    return code === 0 ? -1 : at + typeLength(code) + 2;
  }
  const end = idEnd(at + 1);
  return end < 0 ? -1 : end + 1;
}

/** Behind the object whose members begin at `at`. `isChecked`: it is `properties` (level 1) or a product (level 3), whose names have meanings. */
function object(at: number, level: number, isChecked: boolean): number {
  if (level > levelsMax) return -1;
  let p = space(at);
  if (bytes[p] === closeBrace) return p + 1;
  let seen = 0;
  for (;;) {
    if (bytes[p] !== quote) return -1;
    const from = p + 1;
    const name = propertyAt(from);
    let to = from + propertyLength(name);
    if (name === property.other) {
      to = idEnd(from);
      if (to < 0 || isRefusedName(from, to - from)) return -1;
    }
    p = space(to + 1);
    if (bytes[p] !== colon) return -1;
    p = space(p + 1);
    if (name === property.other || !isChecked) p = value(p, level);
    else {
      const bit = 1 << name;
      if ((seen & bit) !== 0) return -1;
      seen |= bit;
      p = propertyValue(name, p, level);
    }
    if (p < 0) return -1;
    p = space(p);
    if (bytes[p] === closeBrace) return p + 1;
    if (bytes[p] !== comma) return -1;
    p = space(p + 1);
  }
}

function propertyValue(name: number, at: number, level: number): number {
  switch (name) {
    case property.price:
    case property.quantity:
    case property.total:
      return amount(at);
    case property.products:
      return level === 1 ? products(at) : value(at, level);
  }
  if (bytes[at] !== quote) return -1;
  if (name === property.currency) {
    const isOwn =
      bytes[at + 1] === currency[0] && bytes[at + 2] === currency[1] && bytes[at + 3] === currency[2] && bytes[at + 4] === quote;
    return isOwn ? at + 5 : -1;
  }
  const end = name === property.order_id && level === 1 ? idEnd(at + 1) : textEnd(at + 1);
  return end < 0 ? -1 : end + 1;
}

/** A plain decimal, as a number or a text, becomes a text without zeros at its end. */
function amount(at: number): number {
  const isText = bytes[at] === quote;
  const from = isText ? at + 1 : at;
  const end = numberEnd(from, amountDigitsMax, 4);
  if (end < 0 || (isText && bytes[end] !== quote)) return -1;
  let to = end;
  if (digitsEnd(from) < end) {
    while (bytes[to - 1] === 0x30) to -= 1;
    if (bytes[to - 1] === 0x2e) to -= 1;
  }
  if (isText) {
    if (to < end) cut(to, end);
    return end + 1;
  }
  cut(from, from);
  put(quoteAt, quoteAt + 1);
  cut(to, end);
  put(quoteAt, quoteAt + 1);
  return end;
}

function products(at: number): number {
  if (bytes[at] !== openList) return -1;
  let p = space(at + 1);
  if (bytes[p] === closeList) return p + 1;
  for (let count = 1; count <= productsMax; count += 1) {
    if (bytes[p] !== openBrace) return -1;
    p = object(p + 1, 3, true);
    if (p < 0) return -1;
    p = space(p);
    if (bytes[p] === closeList) return p + 1;
    if (bytes[p] !== comma) return -1;
    p = space(p + 1);
  }
  return -1;
}

/** Behind any value, which stays as it is. */
function value(at: number, level: number): number {
  const byte = bytes[at]!;
  if (byte === quote) {
    const end = textEnd(at + 1);
    return end < 0 ? -1 : end + 1;
  }
  if (byte >= 0x30 && byte <= 0x39) return numberEnd(at, 15, 15);
  if (byte === openBrace) return object(at + 1, level + 1, false);
  return byte === openList ? list(at + 1, level + 1) : literal(at);
}

function list(at: number, level: number): number {
  if (level > levelsMax) return -1;
  let p = space(at);
  if (bytes[p] === closeList) return p + 1;
  for (;;) {
    p = value(p, level);
    if (p < 0) return -1;
    p = space(p);
    if (bytes[p] === closeList) return p + 1;
    if (bytes[p] !== comma) return -1;
    p = space(p + 1);
  }
}

/** `true`, `false`, `null`. */
function literal(at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  if (a === 0x74 && b === 0x72 && c === 0x75 && d === 0x65) return at + 4;
  if (a === 0x6e && b === 0x75 && c === 0x6c && d === 0x6c) return at + 4;
  return a === 0x66 && b === 0x61 && c === 0x6c && d === 0x73 && bytes[at + 4] === 0x65 ? at + 5 : -1;
}

/** Ends the piece before `to`, and begins the next at `next`. */
function cut(to: number, next: number): void {
  put(pieceFrom, to);
  pieceFrom = next;
}

function put(from: number, to: number): void {
  pieces[pieceEnd] = from;
  pieces[pieceEnd + 1] = to;
  pieceEnd += 2;
}

/** Writes head and pieces of an event behind `at`; where they end. */
function write({ view, length: headBytes }: Head, at: number): number {
  for (let n = 0; n < headBytes; n += 4) out.setInt32(at + n, view.getInt32(n, true), true);
  // A head is filled up with spaces, which JSON does not mind.
  let end = at + headBytes;
  for (let piece = 0; piece < pieceEnd; piece += 2) {
    const from = pieces[piece]!;
    const length = pieces[piece + 1]! - from;
    copyTo(out, end, from, length);
    end += length;
  }
  out.setInt16(end, 0x7d7d);
  return end + 2;
}
