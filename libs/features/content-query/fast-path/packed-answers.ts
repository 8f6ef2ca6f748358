import type { Decision, RequestFacts } from '#libs/domain';
import type { ReadBytes } from '#libs/plain-http';
import type { PackedFacts, WrittenFact } from '#libs/spool';
import type { Caller } from '../answering.js';
import type { ClientTables } from '../client-tables.js';
import { pageUrl, parseContentQuery } from '../content-query.js';
import { idText } from '../ids.js';
import { type ServedShare, servedShare } from '../recording.js';
import type { IdBytes } from './response-template.js';
import { type HeadShare, ServedTexts } from './served-texts.js';

/**
 * The form in which answers of the fast path go to the spool. A batch is a list of
 *
 * - shared parts: 1 u8 | length u16 | JSON, numbered in their order, and
 * - answers: 2 u8 | flags u8 | number of the decision's part u16 | of the head's u16 | time f64 (ms since 1970) | decision id 16 bytes |
 *   length u16 | the request's target | for each flag – 1 the customer, 2 the session, whom a cookie named – length u8 | id.
 *
 * All little-endian. The target is as it came: addresses and context are decoded, and the fact is made, by the functions of every other answer when it
 * is forwarded. No e-mail address can stand in it: such requests are not plain.
 */
export const packedAnswersForm = 'answers.1';

const sharedKind = 1;
const answerKind = 2;
const customerInline = 1;
const sessionInline = 2;
const sharedHeadBytes = 3;
const answerHeadBytes = 32;
/** Two ids with their lengths. */
const idsBytesMax = 130;

/** Bytes that many answers refer to: written once a batch. */
export interface SharedPart {
  readonly json: Buffer;
  batch: number;
  index: number;
}

export const sharedPart = (value: unknown): SharedPart => ({ json: Buffer.from(JSON.stringify(value)), batch: -1, index: 0 });

export function shareOfHead(
  device: Pick<RequestFacts, 'device' | 'browser'>,
  { referer, country }: Pick<Caller, 'referer' | 'country'>,
): SharedPart {
  const page = referer === undefined || referer === '' ? null : pageUrl(referer);
  return sharedPart({ ...device, country, page } satisfies HeadShare);
}

export function shareOfDecision(tables: ClientTables, campaignId: string, decision: Decision): SharedPart {
  return sharedPart(servedShare(tables, campaignId, decision, 'json'));
}

/** Where the request's target stands in what was read. */
export interface Target {
  readonly targetBegin: number;
  readonly targetEnd: number;
}

export interface PlainAnswer {
  readonly decision: SharedPart;
  readonly head: SharedPart;
  readonly time: number;
  readonly decisionId: IdBytes;
  readonly customer: IdBytes;
  readonly session: IdBytes;
}

/** Writes answers in that form. */
export class PackedAnswers {
  private batch = -1;
  private shared = 0;
  private end = 0;

  constructor(private readonly facts: PackedFacts) {}

  /** False when there is no room: the record is dropped. */
  record(
    input: ReadBytes,
    { targetBegin, targetEnd }: Target,
    { decision, head, time, decisionId, customer, session }: PlainAnswer,
  ): boolean {
    const { facts } = this;
    const length = targetEnd - targetBegin;
    const shares = decision.json.length + head.json.length + 2 * sharedHeadBytes;
    if (!facts.reserve(shares + answerHeadBytes + length + idsBytesMax)) return false;
    if (facts.batch !== this.batch) {
      this.batch = facts.batch;
      this.shared = 0;
    }
    this.end = facts.end;
    const decisionIndex = decision.batch === this.batch ? decision.index : this.share(decision);
    const headIndex = head.batch === this.batch ? head.index : this.share(head);
    const { bytes, view } = facts;
    let at = this.end;
    bytes[at] = answerKind;
    bytes[at + 1] =
      (customer.bytes === input.bytes ? 0 : customerInline) | (session.end === 0 || session.bytes === input.bytes ? 0 : sessionInline);
    view.setUint16(at + 2, decisionIndex, true);
    view.setUint16(at + 4, headIndex, true);
    view.setFloat64(at + 6, time, true);
    for (let index = 0; index < 16; index += 4)
      view.setInt32(at + 14 + index, decisionId.view.getInt32(decisionId.begin + index, true), true);
    view.setUint16(at + 30, length, true);
    at += answerHeadBytes;
    // By eight bytes, the last ones past the end: both buffers have room for it. Numbers, but no NaN that could change: a target is text. Buffer.copy
    // costs 60 ns more.
    const to = at + length;
    for (let from = targetBegin; from < targetEnd; from += 8, at += 8) view.setFloat64(at, input.view.getFloat64(from, true), true);
    at = to;
    if (customer.bytes !== input.bytes) at = writeId(customer, bytes, at);
    if (session.end !== 0 && session.bytes !== input.bytes) at = writeId(session, bytes, at);
    facts.commit(at, 1);
    return true;
  }

  private share(part: SharedPart): number {
    const { bytes, view } = this.facts;
    const { json } = part;
    bytes[this.end] = sharedKind;
    view.setUint16(this.end + 1, json.length, true);
    bytes.set(json, this.end + sharedHeadBytes);
    this.end += sharedHeadBytes + json.length;
    part.batch = this.batch;
    part.index = this.shared;
    this.shared += 1;
    return part.index;
  }
}

function writeId({ bytes, begin, end }: IdBytes, into: Uint8Array, at: number): number {
  into[at] = end - begin;
  let to = at + 1;
  for (let from = begin; from < end; from++) into[to++] = bytes[from]!;
  return to;
}

/** What was answered, as facts. The bytes were written by `PackedAnswers`. */
export function* unpackAnswers(bytes: Buffer): Generator<WrittenFact> {
  const shares: unknown[] = [];
  const texts = new Map<number, ServedTexts>();
  let [time, timeJson] = [-1, ''];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.readUInt16LE(at + (bytes[at] === sharedKind ? 1 : 30));
    if (bytes[at] === sharedKind) {
      at += sharedHeadBytes + length;
      shares.push(JSON.parse(bytes.toString('utf8', at - length, at)));
      continue;
    }
    const head = at;
    at += answerHeadBytes + length;
    const query = parseContentQuery(bytes.toString('latin1', at - length, at));
    let customerId: string = query.customerId ?? '';
    let sessionId: string | null = query.sessionId;
    if ((bytes[head + 1]! & customerInline) !== 0) {
      customerId = bytes.toString('latin1', at + 1, at + 1 + bytes[at]!);
      at += 1 + bytes[at]!;
    }
    if ((bytes[head + 1]! & sessionInline) !== 0) {
      sessionId = bytes.toString('latin1', at + 1, at + 1 + bytes[at]!);
      at += 1 + bytes[at]!;
    }
    const decisionIndex = bytes.readUInt16LE(head + 2);
    const headIndex = bytes.readUInt16LE(head + 4);
    const share = shares[decisionIndex] as ServedShare;
    const headShare = shares[headIndex] as HeadShare;
    const key = decisionIndex * 65_536 + headIndex;
    let shared = texts.get(key);
    if (shared === undefined) {
      shared = new ServedTexts(share, headShare);
      texts.set(key, shared);
    }
    const answered = bytes.readDoubleLE(head + 6);
    if (answered !== time) {
      time = answered;
      timeJson = JSON.stringify(new Date(time));
    }
    const dataJson = shared.json({
      decisionId: `"${idText(bytes.subarray(head + 14, head + 30))}"`,
      customerId: JSON.stringify(customerId),
      sessionId: JSON.stringify(sessionId),
      placementId: JSON.stringify(query.placementId),
      time: timeJson,
      url: JSON.stringify(query.url ?? headShare.page),
      referrer: JSON.stringify(query.referrer),
      context: JSON.stringify(query.context),
    });
    yield { category: 'served', clientId: share.clientId, type: 'ContentServed', dataJson };
  }
}
