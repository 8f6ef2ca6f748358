import { setTimeout as delay } from 'node:timers/promises';
import {
  type AppendResult,
  AppendTooLarge,
  type EventLog,
  type ExpectedRevision,
  InvalidEvent,
  type NewEvent,
  type Position,
  RevisionConflict,
  StreamDeleted,
} from '#libs/event-log';
import type { FactIds } from './fact-id.js';

/** A fact as an event of its stream. */
export interface OutgoingFact {
  readonly sequence: number;
  readonly stream: string;
  readonly event: NewEvent;
  /** Of data and metadata in the log. */
  readonly bytes: number;
}

/** What became of a fact. */
export type Outcome = { readonly position: Position } | { readonly refused: Error };

/** EventStoreDB takes at most 1 MiB in one append and is quickest with some hundred events. */
const batchBytesMax = 700_000;
const batchEventsMax = 1_000;
const streamsAtOnce = 8;
const knownStreamsMax = 10_000;
const backOffMsMin = 50;
const backOffMsMax = 5_000;

export interface ForwarderOptions {
  readonly log: EventLog;
  readonly ids: FactIds;
  /** Ends the forwarder after the appends under way. */
  readonly signal: AbortSignal;
  /** The log refuses this fact for ever; awaited before the next append to its stream. */
  onRefused(outgoing: OutgoingFact, cause: Error): Promise<void>;
  /** The log is away, or answers something unexpected: the same append will be tried again. */
  onRetry(error: unknown): void;
  onAnswered(): void;
}

export class ForwarderStopped extends Error {}

/**
 * Puts facts into their streams once and in order, whatever crashes in between.
 *
 * Within a run, the batch of a stream and its expected revision stay what they were until the log has answered, so that a repeated append is the
 * same append. Between runs nothing has to be remembered: this spool alone writes its streams, and the id of a stream's newest event says up to
 * which sequence the stream is filled. So a start, and every conflict, reads the stream's end, leaves out what is there, and goes on at that
 * revision. Should an append of the run before still be on its way, it conflicts with ours or ours with it, and the end is read again: with an
 * exact expected revision neither can be stored beside the other.
 */
export class Forwarder {
  /** Revision at which each stream goes on. */
  private readonly revisions = new Map<string, ExpectedRevision>();
  /** Up to which sequence an earlier run had filled a stream, and where: later windows of the same start may hold such facts too. */
  private readonly filled = new Map<string, { readonly through: number; readonly position: Position }>();

  constructor(private readonly options: ForwarderOptions) {}

  /** @throws ForwarderStopped when the signal came first. */
  async forward(facts: readonly OutgoingFact[]): Promise<Map<number, Outcome>> {
    const byStream = groupByStream(facts);
    const outcomes = new Map<number, Outcome>();
    const streams = byStream.entries();
    const worker = async () => {
      for (const [stream, own] of streams) await this.fill(stream, own, outcomes);
    };
    const settled = await Promise.allSettled(Array.from({ length: Math.min(streamsAtOnce, byStream.size) }, worker));
    for (const result of settled) if (result.status === 'rejected') throw result.reason;
    return outcomes;
  }

  private async fill(stream: string, facts: readonly OutgoingFact[], outcomes: Map<number, Outcome>): Promise<void> {
    let left = this.unfilled(stream, facts, outcomes);
    let eventsMax = batchEventsMax;
    let backOffMs = backOffMsMin;
    let conflicts = 0;
    while (left.length > 0) {
      if (this.options.signal.aborted) throw new ForwarderStopped();
      const batch = takeBatch(left, eventsMax);
      try {
        const expected = this.revisions.get(stream);
        if (expected === undefined) {
          left = await this.goOn(stream, left, outcomes);
          continue;
        }
        const events = batch.map(({ event }) => event);
        const result: AppendResult = await this.options.log.append(stream, events, expected);
        this.options.onAnswered();
        this.revisions.set(stream, result.revision);
        for (const { sequence } of batch) outcomes.set(sequence, result);
        left = left.slice(batch.length);
        eventsMax = batchEventsMax;
        backOffMs = backOffMsMin;
        conflicts = 0;
      } catch (error) {
        if (isRefusal(error)) {
          this.options.onAnswered();
          // Nothing of a refused batch was stored: look for the fact that is to blame in ever smaller ones.
          if (batch.length > 1) eventsMax = Math.ceil(batch.length / 2);
          else {
            const [refused] = batch as [OutgoingFact];
            await this.options.onRefused(refused, error);
            outcomes.set(refused.sequence, { refused: error });
            left = left.slice(1);
            eventsMax = batchEventsMax;
          }
          continue;
        }
        if (error instanceof RevisionConflict) {
          this.revisions.delete(stream);
          conflicts++;
        }
        // One conflict is a late append of an earlier run; more are another writer under this node's name.
        if (!(error instanceof RevisionConflict) || conflicts > 2) this.options.onRetry(error);
        // The pause is ended early by the signal alone, and the loop asks it.
        await delay(backOffMs, undefined, { signal: this.options.signal }).catch(() => undefined);
        backOffMs = Math.min(backOffMs * 2, backOffMsMax);
      }
    }
  }

  /** Reads where the stream ends, and answers the facts that are not in it. */
  private async goOn(stream: string, facts: readonly OutgoingFact[], outcomes: Map<number, Outcome>): Promise<readonly OutgoingFact[]> {
    let revision: ExpectedRevision = 'noStream';
    let filled: { readonly through: number; readonly position: Position } | undefined;
    for await (const recorded of this.options.log.readStream(stream, { direction: 'backwards' })) {
      if (revision === 'noStream') revision = recorded.revision;
      const through = this.options.ids.sequenceOf(recorded.id);
      if (through === undefined) continue;
      filled = { through, position: recorded.position };
      break;
    }
    this.options.onAnswered();
    if (this.revisions.size >= knownStreamsMax) {
      this.revisions.clear();
      this.filled.clear();
    }
    this.revisions.set(stream, revision);
    if (filled) this.filled.set(stream, filled);
    return this.unfilled(stream, facts, outcomes);
  }

  /** Leaves out the facts that are known to be in the stream. */
  private unfilled(stream: string, facts: readonly OutgoingFact[], outcomes: Map<number, Outcome>): readonly OutgoingFact[] {
    const filled = this.filled.get(stream);
    if (!filled) return facts;
    const { through, position } = filled;
    for (const { sequence } of facts) if (sequence <= through) outcomes.set(sequence, { position });
    return facts.filter(({ sequence }) => sequence > through);
  }
}

function groupByStream(facts: readonly OutgoingFact[]): Map<string, OutgoingFact[]> {
  const byStream = new Map<string, OutgoingFact[]>();
  for (const fact of facts) {
    const own = byStream.get(fact.stream);
    if (own) own.push(fact);
    else byStream.set(fact.stream, [fact]);
  }
  return byStream;
}

function takeBatch(facts: readonly OutgoingFact[], eventsMax: number): readonly OutgoingFact[] {
  let bytes = 0;
  let count = 0;
  for (const fact of facts) {
    bytes += fact.bytes;
    if (count > 0 && (bytes > batchBytesMax || count === eventsMax)) break;
    count++;
  }
  return facts.slice(0, count);
}

function isRefusal(error: unknown): error is Error {
  return error instanceof AppendTooLarge || error instanceof InvalidEvent || error instanceof StreamDeleted;
}
