import { ANY, type AppendExpectedRevision, NO_STREAM, STREAM_EXISTS } from '@eventstore/db-client';
import {
  type AppendResult,
  type EventLog,
  EventLogUnavailable,
  type ExpectedRevision,
  type LogMessage,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type RecordedEvent,
  type SubscribeOptions,
} from '../event-log.js';
import { AppendPositions } from './append-position.js';
import { Connection, Mark } from './connection.js';
import { type Credentials } from './connection-string.js';
import { ForeignEvent, failureOf, isOfType } from './failures.js';
import { follow } from './follow.js';
import { outgoing } from './outgoing.js';
import { matcherOf, recordedEvent, serverPosition } from './stored.js';
import { Tail } from './tail.js';

export interface EventStoreDbOptions {
  /** `esdb://user:password@host:2113`, `esdb+discover://…` for a cluster; `?tls=false`, `?tlsCAFile=…` and the like as the client reads them. */
  readonly connectionString: string;
  /** Instead of those in the connection string. */
  readonly credentials?: Credentials;
  /** A call without an answer, and a read or a catching-up without a word, for so long has failed; 10 s when absent. */
  readonly answerMsMax?: number;
  /** A subscription ends with an error after so long without a server; 10 s when absent. Shorter outages it gets over by itself. */
  readonly outageMsMax?: number;
  /** A subscription with nothing to say looks so often whether the log has gone on; 200 ms when absent. */
  readonly progressMs?: number;
}

/**
 * The event log on EventStoreDB (tested against 23.10). Nothing is asked of the server yet: it may be away when a process starts.
 * @throws EventLogRefused, in one line, for a connection string that cannot work.
 */
export async function openEventStoreDb(options: EventStoreDbOptions): Promise<EventLog> {
  const { connectionString, credentials, answerMsMax = 10_000, outageMsMax = 10_000, progressMs = 200 } = options;
  return new EventStoreDbLog(new Connection(connectionString, credentials, answerMsMax), { outageMsMax, progressMs });
}

class EventStoreDbLog implements EventLog {
  private readonly closed = new AbortController();
  private readonly tail: Tail;
  private readonly positions: AppendPositions;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly times: { readonly outageMsMax: number; readonly progressMs: number },
  ) {
    this.tail = new Tail(connection);
    this.positions = new AppendPositions(connection, this.tail);
  }

  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    this.assertOpen();
    const checked = outgoing(stream, events);
    const expectedRevision = expectedOf(expected);
    const append = () => this.connection.ask((client, call) => client.appendToStream(stream, checked, { ...call, expectedRevision }));
    return this.told(this.positions.append(stream, checked.length === 1 ? 'one' : 'several', append), { stream, expected });
  }

  async *readStream(
    stream: string,
    options: { readonly direction?: 'forwards' | 'backwards'; readonly fromRevision?: bigint; readonly maxCount?: number } = {},
  ): AsyncGenerator<RecordedEvent> {
    this.assertOpen();
    const isBackwards = options.direction === 'backwards';
    const { fromRevision, maxCount } = options;
    if (maxCount === 0 || (isBackwards && fromRevision !== undefined && fromRevision < 0n)) return;
    const reading = {
      isBackwards,
      ...(fromRevision !== undefined && fromRevision >= 0n ? { fromRevision } : {}),
      ...(maxCount === undefined ? {} : { maxCount }),
    };
    const { answerMsMax, name } = this.connection;
    const pull = await this.connection
      .begin(() => this.connection.readStream(stream, reading))
      .catch((error: unknown) => {
        if (isOfType(error, 'stream-not-found')) return undefined;
        throw failureOf(error, name, { stream });
      });
    if (!pull) return;
    try {
      for (let resolved = await pull.next(answerMsMax, name); resolved; resolved = await pull.next(answerMsMax, name)) {
        const recorded = recordedEvent(resolved);
        if (!recorded)
          throw new ForeignEvent(`revision ${resolved.event?.revision} of ${stream} was written by another program, in another form`);
        yield recorded;
      }
    } catch (error) {
      throw failureOf(error, name, { stream });
    } finally {
      pull.close();
    }
  }

  async *readAll({ after, filter, maxCount }: ReadAllOptions): AsyncGenerator<RecordedEvent> {
    // Up to the log's end as of now, so that reading ends while others write.
    const end = await this.lastPosition();
    let left = maxCount ?? Number.POSITIVE_INFINITY;
    if (left === 0 || end === null || (after !== null && after >= end)) return;
    const matches = matcherOf(filter);
    const { answerMsMax, name } = this.connection;
    // Its finite reads take no filter; a subscription does, and says when it has caught up.
    const pull = await this.told(this.connection.begin(() => this.connection.subscribe(after, filter)));
    try {
      while (left > 0) {
        const said = await pull.next(answerMsMax, name);
        if (said === undefined) throw new EventLogUnavailable(`${name} ended a read of the whole log`);
        if (said instanceof Mark) {
          if (said.kind === 'caughtUp' || (said.position && said.position.commit >= end)) return;
          continue;
        }
        if (said.event?.position && said.event.position.commit > end) return;
        const recorded = recordedEvent(said);
        if (!recorded || !matches(recorded)) continue;
        yield recorded;
        left -= 1;
      }
    } catch (error) {
      throw failureOf(error, name);
    } finally {
      pull.close();
    }
  }

  async readAt(position: Position): Promise<RecordedEvent | undefined> {
    this.assertOpen();
    try {
      const found = await this.connection.ask(async () => {
        const pull = this.connection.readAll(serverPosition(position), 'forwards', 1);
        try {
          return await pull.next(this.connection.answerMsMax, this.connection.name);
        } finally {
          pull.close();
        }
      });
      const recorded = found && recordedEvent(found);
      return recorded?.position === position ? recorded : undefined;
    } catch (error) {
      // So the server answers for a place inside the log where no record begins. When it is something else, the next question fails as well.
      if (!isOfType(error, 'unknown')) throw failureOf(error, this.connection.name);
      await this.lastPosition();
      return undefined;
    }
  }

  lastPosition(): Promise<Position | null> {
    this.assertOpen();
    return this.told(this.tail.now());
  }

  async *subscribe({ after, filter, signal, batchMax = 1000 }: SubscribeOptions): AsyncGenerator<LogMessage> {
    this.assertOpen();
    const stop = AbortSignal.any([signal, this.closed.signal]);
    yield* follow({ connection: this.connection, tail: this.tail, ...this.times, after, filter, batchMax, stop });
    if (!signal.aborted) this.assertOpen();
  }

  async deleteStream(stream: string, expected: ExpectedRevision): Promise<void> {
    this.assertOpen();
    // The client would send `stream_exists` as a number; deleting asks for an existing stream whatever is expected.
    const expectedRevision = expected === 'streamExists' ? ANY : expectedOf(expected);
    if (expectedRevision === STREAM_EXISTS) throw new RangeError('streamExists has been replaced');
    const deletion = this.connection.ask((client, call) => client.deleteStream(stream, { ...call, expectedRevision }));
    await this.told(deletion, { stream, expected });
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      this.closed.abort();
      await this.connection.close();
    })();
    return this.closing;
  }

  private async told<Answer>(answer: Promise<Answer>, about?: { readonly stream: string; readonly expected: ExpectedRevision }) {
    return answer.catch((error: unknown) => {
      throw failureOf(error, this.connection.name, about);
    });
  }

  private assertOpen(): void {
    if (this.closed.signal.aborted) throw new EventLogUnavailable('the event log is closed');
  }
}

function expectedOf(expected: ExpectedRevision): AppendExpectedRevision {
  if (typeof expected === 'bigint') {
    if (expected < 0n) throw new RangeError(`a revision is 0 or more, not ${expected}`);
    return expected;
  }
  return { any: ANY, noStream: NO_STREAM, streamExists: STREAM_EXISTS }[expected] as AppendExpectedRevision;
}
