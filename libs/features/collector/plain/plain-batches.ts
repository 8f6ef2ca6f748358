/**
 * `POST /e/{clientId}` as pages and servers send it, read and answered on the plain socket. Of a batch of 20 events, Node's server and a route cost more than
 * reading and keeping them. A request that has anything unusual about it is the server's, untouched; a body that turns out to be unusual goes
 * to `Collecting.collect`, whose answers and refusals are written here as collect-http.ts sends them.
 */
import type { Server } from 'node:http';
import {
  type Conversation,
  incomplete,
  plainConnections,
  type ReadBytes,
  type Recogniser,
  type Reply,
  socketsUnknown,
  unrecognised,
} from '#libs/plain-http';
import { type Report, refusalOf } from '../collect-http.js';
import type { Collecting } from '../collecting.js';
import type { CollectorMetrics } from '../metrics.js';
import { Refusal } from '../refusal.js';
import { type BatchHead, BatchHeads } from './batch-heads.js';
import { CollectAnswers } from './collect-answers.js';

/** Before the server listens. Told once when this Node's sockets are others: then the server answers everything itself. */
export function takePlainBatches(server: Server, collecting: Collecting, metrics: CollectorMetrics, report: Report): void {
  const connections = plainConnections(server);
  if (connections === undefined) {
    report('behaviour goes the common way', socketsUnknown());
    return;
  }
  connections.add(new PlainBatches(collecting, metrics, report, Math.floor(server.keepAliveTimeout / 1000)));
}

class PlainBatches implements Recogniser {
  readonly heads = new BatchHeads();
  private readonly answers: CollectAnswers;

  constructor(
    private readonly collecting: Collecting,
    private readonly metrics: CollectorMetrics,
    private readonly report: Report,
    keepAliveSeconds: number,
  ) {
    this.answers = new CollectAnswers(collecting, keepAliveSeconds);
  }

  begin(reply: Reply): Conversation {
    return new BatchConversation(this, reply);
  }

  /** Takes the body in; it may be written over when this returns. False when that fails at once: a fault of ours must not end the process, as it would in a callback of a socket. */
  takes(head: BatchHead, body: Buffer, reply: Reply): boolean {
    try {
      this.take(head, body, reply);
      return true;
    } catch (error) {
      this.report('a batch goes the common way', error);
      return false;
    }
  }

  private take({ clientId, origin }: BatchHead, body: Buffer, reply: Reply): void {
    const { answers, collecting, metrics } = this;
    const began = performance.now();
    metrics.requestTaken();
    const refused = (error: unknown) => {
      const refusal = refusalOf(error);
      metrics.requestRefused(refusal.code);
      if (refusal.status >= 500 && !(error instanceof Refusal)) this.report('taking in behaviour failed', error);
      reply.give(answers.refused(clientId, origin, refusal, reply.isLast));
    };
    const taken = (events: number) => {
      metrics.took((performance.now() - began) / 1000);
      reply.give(answers.accepted(clientId, origin, events, reply.isLast));
    };
    if (collecting.collectCommon(clientId, body, taken, refused)) return;
    collecting.collect({ clientId, body: Buffer.from(body), authorization: undefined, waitForLog: false }).then((collected) => {
      metrics.took((performance.now() - began) / 1000);
      reply.give(answers.collected(clientId, origin, JSON.stringify(collected), reply.isLast));
    }, refused);
  }
}

class BatchConversation implements Conversation {
  /** It comes when the batch is on the disk. */
  readonly response = undefined;
  needs = 0;
  private head: BatchHead | undefined;

  constructor(
    private readonly batches: PlainBatches,
    private readonly reply: Reply,
  ) {}

  read(input: ReadBytes, from: number): number {
    const { heads } = this.batches;
    this.needs = 0;
    const head = heads.read(input, from, this.head);
    if (typeof head === 'number') return head;
    this.head = head;
    const { bodyAt, bodyBytes } = heads;
    const behind = bodyAt + bodyBytes;
    if (behind > input.end) {
      this.needs = behind - from;
      return incomplete;
    }
    return this.batches.takes(head, input.bytes.subarray(bodyAt, behind), this.reply) ? behind : unrecognised;
  }

  surrender(): void {
    // A response that is kept is never written over.
  }
}
