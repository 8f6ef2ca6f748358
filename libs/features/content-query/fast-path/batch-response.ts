import { type DateHeader, dateLength, responseBytes } from '#libs/plain-http';
import { jsonAnswer } from '../http-answer.js';
import type { IdBytes } from './response-template.js';

/** Bytes of a response to `POST /q/{clientId}` before and behind the digits of its length, up to the customer's id. */
export interface BatchHead {
  readonly before: Buffer;
  readonly after: Buffer;
  readonly dateAt: number;
  dateSecond: number;
}

const bodyBegin = '{"customerId":"';
const decisionsBegin = Buffer.from('","decisions":[', 'latin1');
const [comma, closeBracket, closeBrace, zero] = [0x2c, 0x5d, 0x7d, 0x30];
const lengthLine = 'content-length: ';
const digitsMax = 7;
/** Room before a body for its head. */
const headBytesMax = 2_048;
const bytesAtFirst = 16_384;
const viewsMax = 64;

/** Made by the functions that make every other response. Undefined: it is longer than anybody's. */
export function batchHead(
  crossOrigin: Readonly<Record<string, string>>,
  date: DateHeader,
  keepAliveSeconds: number,
): BatchHead | undefined {
  const whole = responseBytes(crossOrigin, jsonAnswer({ customerId: '', decisions: [] }), date.text, keepAliveSeconds);
  const digits = whole.indexOf(lengthLine) + lengthLine.length;
  const behind = whole.indexOf('\r\n', digits);
  const before = whole.subarray(0, digits);
  const after = whole.subarray(behind, whole.indexOf('\r\n\r\n', behind) + 4 + bodyBegin.length);
  if (before.length + digitsMax + after.length > headBytesMax) return undefined;
  return { before, after, dateAt: after.indexOf('\r\nDate: ') + 8, dateSecond: date.second };
}

/** Puts together the response to a request for slots: `{"customerId", "decisions":[…]}` behind its head. */
export class BatchResponse {
  private bytes: Buffer = Buffer.allocUnsafeSlow(bytesAtFirst);
  private end = 0;
  private decisions = 0;
  /** Views of `bytes`: most responses begin and end at one of a few places. */
  private views = new Array<Buffer | undefined>(viewsMax).fill(undefined);

  begin({ bytes, begin, end }: IdBytes): void {
    let at = headBytesMax;
    for (let from = begin; from < end; from++) this.bytes[at++] = bytes[from]!;
    this.bytes.set(decisionsBegin, at);
    this.end = at + decisionsBegin.length;
    this.decisions = 0;
  }

  add(decision: Buffer): void {
    const needed = this.end + decision.length + 3;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * needed);
      this.bytes.copy(larger, 0, 0, this.end);
      this.use(larger);
    }
    if (this.decisions > 0) this.bytes[this.end++] = comma;
    this.bytes.set(decision, this.end);
    this.end += decision.length;
    this.decisions += 1;
  }

  /** The whole response. Holds until the next `begin`. */
  finish(head: BatchHead, date: DateHeader): Buffer {
    const { bytes } = this;
    bytes[this.end++] = closeBracket;
    bytes[this.end++] = closeBrace;
    const { before, after } = head;
    if (head.dateSecond !== date.second) {
      after.write(date.text, head.dateAt, dateLength, 'latin1');
      head.dateSecond = date.second;
    }
    let at = headBytesMax - after.length;
    bytes.set(after, at);
    for (let length = this.end - headBytesMax + bodyBegin.length; length > 0; length = Math.floor(length / 10))
      bytes[--at] = zero + (length % 10);
    at -= before.length;
    bytes.set(before, at);
    return this.view(at);
  }

  /** Is this a response of here, and is it still being sent? Then others are put together elsewhere. */
  surrender(response: Buffer): void {
    if (response.buffer === this.bytes.buffer) this.use(Buffer.allocUnsafeSlow(bytesAtFirst));
  }

  private view(begin: number): Buffer {
    const place = (begin * 31 + this.end) % viewsMax;
    const known = this.views[place];
    if (known !== undefined && known.byteOffset === begin && known.length === this.end - begin) return known;
    const made = this.bytes.subarray(begin, this.end);
    this.views[place] = made;
    return made;
  }

  private use(bytes: Buffer): void {
    this.bytes = bytes;
    this.views.fill(undefined);
  }
}
