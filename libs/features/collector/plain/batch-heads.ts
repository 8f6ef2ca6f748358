import {
  type HeaderBlock,
  headerBlock,
  incomplete,
  isBlock,
  isForConnectionThatStays,
  isForNoParser,
  type ReadBytes,
  readHeaders,
  unrecognised,
  word,
} from '#libs/plain-http';
import { bodyBytesMax } from '../common-bytes.js';

/** What stands before a batch: the request line and the headers, all but the digits of the body's length. */
export interface BatchHead {
  readonly clientId: string;
  readonly origin: string | undefined;
  /** From `POST` to the digits. */
  readonly before: HeaderBlock;
  /** From behind them to the empty line. */
  readonly after: HeaderBlock;
}

const opening = Buffer.from('POST /e/', 'latin1');
const [method, path] = [word('POST'), word(' /e/')];
const requestLine = /^POST \/e\/([A-Za-z0-9][A-Za-z0-9_-]{0,63}) HTTP\/1\.1\r\n$/;
const requestLineBytesMax = 100;
/** In any case of letters, as senders write it. */
const lengthHeader = /\r\ncontent-length: ?/i;
const headsMax = 16;

/** JSON, or JSON as text, which needs no preflight; of no type, as some servers send it. */
const types: ReadonlySet<string | undefined> = new Set([
  undefined,
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=UTF-8',
  'text/plain',
  'text/plain;charset=UTF-8',
]);

/** Whether a header of this name leaves a batch what it is: a key or another form of body does not. */
const takes = (name: string): boolean =>
  (isForNoParser(name) && name !== 'authorization') || name === 'content-type' || name === 'content-length';

/** Reads what stands before batches, and compares it with what stood before others: one sender's differ in nothing but the length. */
export class BatchHeads {
  /** After `read`: where the body begins, and its bytes. */
  bodyAt = 0;
  bodyBytes = 0;
  /** Found last first. A load balancer brings one browser's requests after another's on the same connection. */
  private readonly heads: BatchHead[] = [];

  /** The head of the request that begins at `from`, probably that of the request before; or `incomplete`, `unrecognised`. */
  read(input: ReadBytes, from: number, earlier: BatchHead | undefined): BatchHead | typeof incomplete | typeof unrecognised {
    const { bytes, view, end } = input;
    if (end - from < opening.length) return opening.compare(bytes, from, end, 0, end - from) === 0 ? incomplete : unrecognised;
    if (view.getInt32(from, true) !== method || view.getInt32(from + 4, true) !== path) return unrecognised;
    if (earlier !== undefined && this.is(input, from, earlier)) return earlier;
    const { heads } = this;
    for (let index = 0; index < heads.length; index++) {
      const head = heads[index]!;
      if (!this.is(input, from, head)) continue;
      heads.copyWithin(1, 0, index);
      heads[0] = head;
      return head;
    }
    return this.parse(input, from);
  }

  private is(input: ReadBytes, from: number, head: BatchHead): boolean {
    if (!isBlock(input, from, head.before)) return false;
    const { bytes } = input;
    let at = from + head.before.length;
    let length = 0;
    // Seven digits are more than a batch has bytes; the zero behind what was read is no digit.
    for (let digits = 0; digits < 7; digits++, at++) {
      const byte = bytes[at]!;
      if (byte < 0x30 || byte > 0x39) break;
      length = length * 10 + byte - 0x30;
    }
    if (length === 0 || length > bodyBytesMax || bytes[from + head.before.length] === 0x30 || !isBlock(input, at, head.after)) return false;
    this.bodyAt = at + head.after.length;
    this.bodyBytes = length;
    return true;
  }

  private parse(input: ReadBytes, from: number): BatchHead | typeof incomplete | typeof unrecognised {
    const { bytes, end } = input;
    const line = bytes.subarray(from, Math.min(end, from + requestLineBytesMax)).indexOf('\n') + 1;
    if (line === 0) return end - from < requestLineBytesMax ? incomplete : unrecognised;
    const clientId = requestLine.exec(bytes.toString('latin1', from, from + line))?.[1];
    if (clientId === undefined) return unrecognised;
    const fields: Record<string, string> = {};
    const behind = readHeaders(input, from + line, takes, fields);
    if (behind === incomplete || behind === unrecognised) return behind;
    const length = fields['content-length'];
    if (length === undefined || !isForConnectionThatStays(fields) || !types.has(fields['content-type'])) return unrecognised;
    const text = bytes.toString('latin1', from, behind);
    const name = lengthHeader.exec(text) as RegExpExecArray;
    const digits = name.index + name[0].length;
    const head: BatchHead = {
      clientId,
      origin: fields['origin'],
      before: headerBlock(text.slice(0, digits)),
      after: headerBlock(text.slice(digits + length.length)),
    };
    // Judged by the comparison that judges the requests to come.
    if (!this.is(input, from, head)) return unrecognised;
    this.heads.unshift(head);
    this.heads.length = Math.min(this.heads.length, headsMax);
    return head;
  }
}
