import {
  type Conversation,
  DateHeader,
  incomplete,
  type ReadBytes,
  type Recogniser,
  responseBytes,
  unrecognised,
  word,
} from '#libs/plain-http';
import type { Answering } from '../answering.js';
import type { HttpAnswer } from '../http-answer.js';
import { urlBytesMax } from '../limits.js';
import type { ContentQueryMetrics } from '../metrics.js';
import { type TagAnswer, tagAnswers } from '../tag-script.js';
import { classes, inIds } from './bytes.js';
import type { Head, Heads } from './heads.js';

const method = word('GET ');
const tagTarget = Buffer.from('/tag.js', 'latin1');
const clickBegin = Buffer.from('/k/', 'latin1');
const versionLine = Buffer.from(' HTTP/1.1\r\n', 'latin1');
const blank = 0x20;
const targetAt = 'GET '.length;

export interface PageRequestsOptions {
  readonly answering: Answering;
  readonly heads: Heads;
  readonly metrics: ContentQueryMetrics;
  readonly answersOrRefusals: (work: () => HttpAnswer) => HttpAnswer;
  readonly clock: () => number;
  readonly keepAliveSeconds: number;
  /** Told of faults of ours. */
  readonly report: (message: string, error: unknown) => void;
}

/**
 * What pages ask on the connections of their queries: the tag itself, and click addresses. Answered here so that the connection stays, one that
 * was given to the HTTP server never comes back, and a load balancer's connections bring requests of all kinds.
 */
export class PageRequests implements Recogniser, Conversation {
  response: Buffer = Buffer.alloc(0);
  readonly needs = 0;
  answered = 0;
  private readonly date = new DateHeader();
  private readonly tag: (acceptEncoding: string | undefined, ifNoneMatch: string | undefined) => TagAnswer;

  constructor(private readonly options: PageRequestsOptions) {
    this.tag = tagAnswers();
  }

  /** Nothing is kept of a connection. */
  begin(): Conversation {
    return this;
  }

  surrender(): void {
    // Each response is a buffer of its own.
  }

  read(input: ReadBytes, from: number): number {
    try {
      return this.readAndAnswer(input, from);
    } catch (error) {
      this.options.report('a request of a page goes the common way', error);
      return unrecognised;
    }
  }

  private readAndAnswer(input: ReadBytes, from: number): number {
    const { bytes, view, end } = input;
    const target = from + targetAt;
    if (end - from < targetAt + tagTarget.length) return unrecognised;
    if (view.getInt32(from, true) !== method) return unrecognised;
    const isTag = stands(bytes, target, tagTarget);
    if (!isTag && !stands(bytes, target, clickBegin)) return unrecognised;
    let at = target + (isTag ? tagTarget : clickBegin).length;
    if (!isTag) while (classes[bytes[at]!] === inIds) at++;
    if (bytes[at] !== blank) return at >= end ? incomplete : unrecognised;
    if (at + versionLine.length > end) return incomplete;
    if (at - target > urlBytesMax || at === target + clickBegin.length || !stands(bytes, at, versionLine)) return unrecognised;
    const { heads } = this.options;
    const behind = heads.read(input, at + versionLine.length);
    if (behind < 0) return behind;
    const head = heads.found as Head;
    if (head.body !== 'none') return unrecognised;
    this.date.at(this.options.clock());
    this.response = isTag ? this.tagResponse(input, head) : this.clickResponse(input, head, bytes.toString('latin1', target, at));
    this.answered += 1;
    return behind;
  }

  private tagResponse({ bytes }: ReadBytes, head: Head): Buffer {
    const { etagBegin, etagEnd } = this.options.heads.values;
    const ifNoneMatch = etagBegin === 0 ? undefined : bytes.toString('latin1', etagBegin, etagEnd);
    const { status, headers, body } = this.tag(head.acceptEncoding, ifNoneMatch);
    const { keepAliveSeconds } = this.options;
    // Its place is kept by as many letters: compressed bytes are no text.
    const place = body === null ? null : 'x'.repeat(body.length);
    const response = responseBytes({}, { status, headers, body: place }, this.date.text, keepAliveSeconds);
    body?.copy(response, response.length - body.length);
    return response;
  }

  private clickResponse(input: ReadBytes, head: Head, target: string): Buffer {
    const { answering, answersOrRefusals, heads, metrics, keepAliveSeconds } = this.options;
    const began = performance.now();
    const answer = answersOrRefusals(() => answering.click(target, heads.caller(head, input)));
    metrics.took((performance.now() - began) / 1000);
    return responseBytes({}, answer, this.date.text, keepAliveSeconds);
  }
}

function stands(bytes: Uint8Array, from: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[from + index] !== expected[index]) return false;
  return true;
}
