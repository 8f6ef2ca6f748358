import { setTimeout as delay } from 'node:timers/promises';
import { UnreadableEvent } from '#libs/domain';
import { type EventLog, EventLogUnavailable, type LogFilter, type Position, type RecordedEvent } from './event-log.js';

export interface FollowOptions<State> {
  readonly log: Pick<EventLog, 'subscribe' | 'lastPosition'>;
  readonly filter?: LogFilter;
  /** Where to begin; the beginning of the log when absent. `initial` is then the state as of there. */
  readonly after?: Position | null;
  readonly initial: State;
  /** Folds one event. What it throws ends the follower: a state that skipped an event would be wrong for ever. */
  apply(state: State, recorded: RecordedEvent): State;
  /** Ends the follower. */
  readonly signal: AbortSignal;
  /** `retrying`: the log is away and will be asked again. Otherwise the follower has ended. */
  onError(error: unknown, retrying: boolean): void;
}

/** A fold of the log that a subscription keeps current. */
export interface LogFollower<State> {
  readonly state: State;
  /** Everything up to here is in `state`; null: nothing yet, or an empty log. */
  readonly position: Position | null;
  /** Resolves when the state holds all that was in the log at the time of the call. @throws what ended the follower; EventLogUnavailable. */
  caughtUp(): Promise<void>;
  /** @throws NotYet after `timeoutMs`; what ended the follower. */
  waitFor(position: Position, timeoutMs: number): Promise<void>;
  /** Called after each batch of events, in which `state` may have changed. Answers a function that ends this. */
  onChange(listener: (state: State) => void): () => void;
  /** Resolves when the follower has ended, by its signal or by a failure. */
  readonly ended: Promise<void>;
}

/** The follower has not reached the position in time. */
export class NotYet extends Error {
  readonly code = 'NOT_YET';
}

const backOffMsMin = 50;
const backOffMsMax = 5_000;

export function followLog<State>(options: FollowOptions<State>): LogFollower<State> {
  return new Follower(options);
}

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class Follower<State> implements LogFollower<State> {
  state: State;
  position: Position | null;
  readonly ended: Promise<void>;
  private failure: { readonly error: unknown } | undefined;
  private readonly waiters = new Set<Waiter>();
  private readonly listeners = new Set<(state: State) => void>();

  constructor(private readonly options: FollowOptions<State>) {
    this.state = options.initial;
    this.position = options.after ?? null;
    this.ended = this.follow();
  }

  async caughtUp(): Promise<void> {
    const last = await this.options.log.lastPosition();
    if (last !== null) await new Promise<void>((resolve, reject) => this.admit({ position: last, resolve, reject }));
  }

  waitFor(position: Position, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = <Value>(how: (value: Value) => void) => {
        return (value: Value) => {
          clearTimeout(timer);
          how(value);
        };
      };
      const waiter = { position, resolve: settle<void>(resolve), reject: settle<unknown>(reject) };
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new NotYet(`position ${position} was not reached within ${timeoutMs} ms; at ${this.position ?? 'the beginning'}`));
      }, timeoutMs);
      this.admit(waiter);
    });
  }

  onChange(listener: (state: State) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  private admit(waiter: Waiter): void {
    if (this.failure) waiter.reject(this.failure.error);
    else if (this.hasReached(waiter.position)) waiter.resolve();
    else this.waiters.add(waiter);
  }

  private async follow(): Promise<void> {
    const { signal, onError } = this.options;
    let backOffMs = backOffMsMin;
    while (!signal.aborted) {
      const before = this.position;
      try {
        await this.listen();
      } catch (error) {
        if (signal.aborted) break;
        const retrying = error instanceof EventLogUnavailable;
        if (!retrying) this.end(error);
        onError(error, retrying);
        if (!retrying) return;
        backOffMs = this.position === before ? Math.min(backOffMs * 2, backOffMsMax) : backOffMsMin;
        // Only the signal ends the pause early, and the loop asks it.
        await delay(backOffMs, undefined, { signal }).catch(() => undefined);
      }
    }
    this.end(new EventLogUnavailable('the follower has been stopped'));
  }

  private async listen(): Promise<void> {
    const { log, filter, signal, apply } = this.options;
    for await (const message of log.subscribe({ after: this.position, signal, ...(filter ? { filter } : {}) })) {
      if (message.kind === 'events') {
        for (const recorded of message.events) {
          this.state = applied(apply, this.state, recorded);
          this.position = recorded.position;
        }
        for (const listener of this.listeners) listener(this.state);
      } else if (message.position !== null && !this.hasReached(message.position)) this.position = message.position;
      this.wake();
    }
  }

  private hasReached(position: Position): boolean {
    return this.position !== null && this.position >= position;
  }

  private wake(): void {
    for (const waiter of this.waiters) {
      if (!this.hasReached(waiter.position)) continue;
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }

  private end(error: unknown): void {
    this.failure = { error };
    for (const waiter of this.waiters) waiter.reject(error);
    this.waiters.clear();
  }
}

/** What a codec says of an event that it cannot read is of little use without the place of the event. */
function applied<State>(apply: FollowOptions<State>['apply'], state: State, recorded: RecordedEvent): State {
  try {
    return apply(state, recorded);
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error;
    throw new UnreadableEvent(`the event at position ${recorded.position} in ${recorded.stream} cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}
