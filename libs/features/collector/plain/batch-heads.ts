import {
  behindShape,
  HeadValues,
  incomplete,
  isForConnectionThatStays,
  isForNoParser,
  type Piece,
  piece,
  type ReadBytes,
  readHeaders,
  sampleOf,
  shapeOf,
  unrecognised,
  word,
} from '#libs/plain-http';
import { bodyBytesMax } from '../common-bytes.js';

/** What stands before a batch: the request line and the headers, but for what differs from visitor to visitor. */
export interface BatchHead {
  readonly clientId: string;
  readonly origin: string | undefined;
  readonly pieces: readonly Piece[];
}

const opening = Buffer.from('POST /e/', 'latin1');
const [method, path] = [word('POST'), word(' /e/')];
const requestLine = /^POST \/e\/([A-Za-z0-9][A-Za-z0-9_-]{0,63}) HTTP\/1\.1\r\n$/;
const requestLineBytesMax = 100;
/** What is kept of one takes three times its length. What a caller makes up must not fill the memory: longer ones are read anew each time. */
const headsMax = 1_024;
const keptHeadBytesMax = 2_048;

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

/** Reads what stands before batches, and compares it with what stood before others: one browser's on one site differ in lengths, cookies and pages only. */
export class BatchHeads {
  /** After `read`: where the body begins, and its bytes. */
  bodyAt = 0;
  bodyBytes = 0;
  /** By a sample of their letters. A load balancer brings one browser's requests after another's on the same connection. */
  private readonly heads = new Map<number, BatchHead>();
  private readonly values = new HeadValues();

  /** The head of the request that begins at `from`, probably that of the request before; or `incomplete`, `unrecognised`. */
  read(input: ReadBytes, from: number, earlier: BatchHead | undefined): BatchHead | typeof incomplete | typeof unrecognised {
    const { bytes, view, end } = input;
    if (end - from < opening.length) return opening.compare(bytes, from, end, 0, end - from) === 0 ? incomplete : unrecognised;
    if (view.getInt32(from, true) !== method || view.getInt32(from + 4, true) !== path) return unrecognised;
    if (earlier !== undefined && this.is(input, from, earlier)) return earlier;
    const sample = sampleOf(input, from);
    const known = this.heads.get(sample);
    return known !== undefined && this.is(input, from, known) ? known : this.parse(input, from, sample);
  }

  private is(input: ReadBytes, from: number, { pieces }: BatchHead): boolean {
    const { values } = this;
    const behind = behindShape(input, from, pieces, values);
    if (behind < 0 || values.contentLength <= 0 || values.contentLength > bodyBytesMax) return false;
    this.bodyAt = behind;
    this.bodyBytes = values.contentLength;
    return true;
  }

  private parse(input: ReadBytes, from: number, sample: number): BatchHead | typeof incomplete | typeof unrecognised {
    const { bytes, end } = input;
    const line = bytes.subarray(from, Math.min(end, from + requestLineBytesMax)).indexOf('\n') + 1;
    if (line === 0) return end - from < requestLineBytesMax ? incomplete : unrecognised;
    const clientId = requestLine.exec(bytes.toString('latin1', from, from + line))?.[1];
    if (clientId === undefined) return unrecognised;
    const fields: Record<string, string> = {};
    const behind = readHeaders(input, from + line, takes, fields);
    if (behind === incomplete || behind === unrecognised) return behind;
    if (!isForConnectionThatStays(fields) || !types.has(fields['content-type'])) return unrecognised;
    const [first, ...others] = shapeOf(bytes, from + line, behind, undefined) as [Piece, ...Piece[]];
    const opened = piece(bytes.toString('latin1', from, from + line + first.length), first.value);
    const head: BatchHead = { clientId, origin: fields['origin'], pieces: [opened, ...others] };
    // Judged by the comparison that judges the requests to come.
    if (!this.is(input, from, head)) return unrecognised;
    if (behind - from > keptHeadBytesMax) return head;
    if (this.heads.size >= headsMax) this.heads.clear();
    this.heads.set(sample, head);
    return head;
  }
}
