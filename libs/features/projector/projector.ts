import { setTimeout as pause } from 'node:timers/promises';
import { AnalyticsUnavailable, type AnalyticsWriter, type ProjectionTables } from '#libs/analytics';
import { type EventLog, EventLogUnavailable, type Position } from '#libs/event-log';
import type { AcquireLeadership, Leadership } from '#libs/leadership';
import { type BatchLimits, batchesOf, type EventBatch } from './event-buffer.js';
import type { ProjectorMetrics, ProjectorState } from './metrics.js';
import { projectBatch } from './project-batch.js';
import { asksForRebuild } from './rebuild-request.js';
import { keepStatesFresh } from './state-refresher.js';

export interface ProjectorParts {
  readonly log: EventLog;
  readonly tables: ProjectionTables;
  readonly acquireLeadership: AcquireLeadership;
  readonly metrics: ProjectorMetrics;
  readonly limits: BatchLimits;
  readonly report: (message: string, error?: unknown) => void;
  /** An error that trying again does not mend: the projector has ended, and the process should. */
  readonly onFailure: (error: unknown) => void;
}

export interface ProjectorStatus {
  readonly state: ProjectorState;
  /** Everything in the log up to here is in the tables, as far as this process has brought it; null: nothing, or not known yet. */
  readonly projectedTo: Position | null;
}

const backOffMsMin = 100;
const backOffMsMax = 5_000;
const readAheadMax = 1_000;

/** Brings the log into the tables, from the tables' own checkpoint on, for as long as it runs. */
export class Projector {
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  private current: { state: ProjectorState; projectedTo: Position | null } = { state: 'stopped', projectedTo: null };

  constructor(private readonly parts: ProjectorParts) {}

  get status(): ProjectorStatus {
    return this.current;
  }

  /** Returns at once; the work begins when this process leads and ClickHouse and the log answer. */
  start(): void {
    this.running ??= this.run().catch((error: unknown) => this.parts.onFailure(error));
  }

  /** Ends after the batch under way. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
    await this.parts.tables.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    try {
      while (!signal.aborted) {
        this.become('standing by');
        const leadership = await this.parts.acquireLeadership(signal);
        try {
          await this.lead(AbortSignal.any([signal, leadership.lost]), leadership);
        } finally {
          await leadership.release();
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.become('stopped');
    }
  }

  /** Follows the log until the signal; what passes is tried again, from the checkpoint. */
  private async lead(signal: AbortSignal, leadership: Leadership): Promise<void> {
    let backOffMs = backOffMsMin;
    while (!signal.aborted) {
      const before = this.current.projectedTo;
      try {
        const request = await this.follow(signal, leadership);
        if (request !== undefined) await this.rebuild(request, signal, leadership);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof AnalyticsUnavailable || error instanceof EventLogUnavailable)) throw error;
        if (this.current.projectedTo !== before) backOffMs = backOffMsMin;
        this.become('retrying');
        this.parts.metrics.retried(error.code);
        this.parts.report(`the projector goes on in ${backOffMs} ms`, error);
        await pause(backOffMs, undefined, { signal }).catch(() => undefined);
        backOffMs = Math.min(backOffMsMax, backOffMs * 2);
      }
    }
  }

  /** Keeps the live tables current; answers the position of a request to rebuild them, up to which they are. */
  private async follow(signal: AbortSignal, leadership: Leadership): Promise<Position | undefined> {
    const writer = await this.parts.tables.live();
    this.current.projectedTo = await writer.checkpoint();
    this.become('catching up');
    const ending = new AbortController();
    const refreshing = keepStatesFresh(writer, AbortSignal.any([signal, ending.signal]), {
      failed: (error) => this.parts.report("the customers' states are refreshed later", error),
    });
    try {
      return await this.written(writer, signal, leadership);
    } finally {
      ending.abort();
      await refreshing;
    }
  }

  private async written(writer: AnalyticsWriter, signal: AbortSignal, leadership: Leadership): Promise<Position | undefined> {
    for await (const batch of this.batches(this.current.projectedTo, signal)) {
      // A process that stood still for longer than its leadership lasted has not been told so yet.
      if (!leadership.holds()) return undefined;
      const at = batch.events.findIndex(asksForRebuild);
      // The checkpoint stays before the request until it is fulfilled, so that it is met again after a kill.
      const [events, upTo] = at < 0 ? [batch.events, batch.upTo] : [batch.events.slice(0, at), batch.events[at - 1]?.position];
      if (upTo !== undefined && upTo !== this.current.projectedTo) {
        await this.write(writer, { events, upTo, caughtUp: batch.caughtUp });
        this.current.projectedTo = upTo;
      }
      if (at >= 0) return batch.events[at]!.position;
      this.become(batch.caughtUp ? 'live' : 'catching up');
    }
    return undefined;
  }

  /**
   * Fills empty tables from the beginning of the log to its end beside the live ones, which go on being read as they are, and exchanges them.
   * Cut short anywhere it is done again from its beginning.
   */
  private async rebuild(request: Position, signal: AbortSignal, leadership: Leadership): Promise<void> {
    this.become('rebuilding');
    this.parts.report(`rebuilding all tables, as asked at position ${request}`);
    const writer = await this.parts.tables.beside();
    for await (const batch of this.batches(null, signal)) {
      if (!leadership.holds()) return;
      if (batch.events.length > 0) await this.write(writer, batch);
      if (!batch.caughtUp || batch.upTo < request) continue;
      if (!leadership.holds()) return;
      if (!(await this.parts.tables.exchange(() => leadership.holds(), signal))) return;
      this.parts.metrics.rebuilt();
      this.parts.report(`all tables are rebuilt up to position ${batch.upTo}`);
      return;
    }
  }

  private batches(after: Position | null, signal: AbortSignal): AsyncIterable<EventBatch> {
    const subscribe = (until: AbortSignal) => this.parts.log.subscribe({ after, signal: until, batchMax: readAheadMax });
    return batchesOf(subscribe, this.parts.limits, signal);
  }

  private async write(writer: AnalyticsWriter, { events, upTo, caughtUp }: EventBatch): Promise<void> {
    const done = this.parts.metrics.begin(events);
    const projected = await projectBatch(writer, events, upTo);
    done();
    this.parts.metrics.projected(events, upTo, caughtUp, projected);
    const [first] = projected.deadLetters;
    if (first === undefined) return;
    // One line for a batch, whatever its number: the table dead_letters holds them all.
    const others = projected.deadLetters.length > 1 ? ` (and ${projected.deadLetters.length - 1} more)` : '';
    this.parts.report(`dead letter: ${first.type} at position ${first.position} in ${first.stream}: ${first.reason}${others}`);
  }

  private become(state: ProjectorState): void {
    this.current.state = state;
    this.parts.metrics.is(state);
  }
}
