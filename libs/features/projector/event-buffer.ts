import type { LogMessage, Position, RecordedEvent } from '#libs/event-log';

export interface BatchLimits {
  readonly eventsMax: number;
  /** Of the events' data as JSON text. */
  readonly bytesMax: number;
  /** At least so long between the beginnings of two batches once the log has been read to its end. */
  readonly intervalMs: number;
}

export interface EventBatch {
  /** In log order; empty when the log has only moved on, or has just said that it has nothing more. */
  readonly events: readonly RecordedEvent[];
  /** Everything up to here is in this batch or before it. */
  readonly upTo: Position;
  /** The log had nothing more to say when the batch was taken. */
  readonly caughtUp: boolean;
}

/**
 * Reads a subscription ahead while the batch before is being written, and hands over what has come since: one event of a quiet log at once,
 * full batches while catching up. Ends with the subscription; an error of it comes after the batches that were read before it.
 */
export async function* batchesOf(
  subscribe: (signal: AbortSignal) => AsyncIterable<LogMessage>,
  limits: BatchLimits,
  signal: AbortSignal,
): AsyncIterable<EventBatch> {
  const buffer = new EventBuffer(limits);
  // Its own end too: a subscription to a quiet log would else wait for one more event after its reader has gone.
  const leaving = new AbortController();
  const reading = buffer.fill(subscribe(AbortSignal.any([signal, leaving.signal])));
  reading.catch(() => undefined);
  let lastBegin = 0;
  try {
    for (;;) {
      await buffer.changed(() => buffer.hasNews || buffer.ended);
      if (!buffer.hasNews) break;
      const wait = buffer.isCaughtUp ? lastBegin + limits.intervalMs - performance.now() : 0;
      if (wait > 0) await buffer.changed(() => buffer.isFull || buffer.ended, wait);
      lastBegin = performance.now();
      yield buffer.take();
    }
    await reading;
  } finally {
    leaving.abort();
    buffer.abandon();
    await reading.catch(() => undefined);
  }
}

class EventBuffer {
  ended = false;
  isCaughtUp = false;
  private toldCaughtUp = false;
  private abandoned = false;
  private events: { readonly event: RecordedEvent; readonly bytes: number }[] = [];
  private bytes = 0;
  private readTo: Position | null = null;
  private takenTo: Position | null = null;
  private listeners = new Set<() => void>();

  constructor(private readonly limits: BatchLimits) {}

  get isFull(): boolean {
    return this.events.length >= this.limits.eventsMax || this.bytes >= this.limits.bytesMax;
  }

  /** Events, a position that the log has reached without any, or that there is nothing more. */
  get hasNews(): boolean {
    return this.readTo !== null && (this.takenTo === null || this.readTo > this.takenTo || (this.isCaughtUp && !this.toldCaughtUp));
  }

  async fill(messages: AsyncIterable<LogMessage>): Promise<void> {
    try {
      for await (const message of messages) {
        this.put(message);
        // Not taken further: the subscription waits, and with it whoever reads the log for it.
        await this.changed(() => !this.isFull || this.abandoned);
        if (this.abandoned) return;
      }
    } finally {
      this.ended = true;
      this.notify();
    }
  }

  /** As much as a batch holds. An event larger than that is a batch of its own. */
  take(): EventBatch {
    let count = 0;
    let bytes = 0;
    while (count < this.events.length && count < this.limits.eventsMax) {
      const next = this.events[count]!.bytes;
      if (count > 0 && bytes + next > this.limits.bytesMax) break;
      bytes += next;
      count += 1;
    }
    const events = this.events.splice(0, count).map(({ event }) => event);
    this.bytes -= bytes;
    const whole = this.events.length === 0;
    // `hasNews` was seen true: there is a position.
    const upTo = whole ? this.readTo! : events.at(-1)!.position;
    this.takenTo = upTo;
    this.toldCaughtUp = whole && this.isCaughtUp;
    this.notify();
    return { events, upTo, caughtUp: this.toldCaughtUp };
  }

  abandon(): void {
    this.abandoned = true;
    this.notify();
  }

  /** Resolves when the condition holds, or after `limitMs`. */
  async changed(condition: () => boolean, limitMs?: number): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const timer = limitMs === undefined ? undefined : setTimeout(() => settle(), limitMs);
      const settle = () => {
        clearTimeout(timer);
        this.listeners.delete(check);
        resolve();
      };
      const check = () => {
        if (condition()) settle();
      };
      this.listeners.add(check);
    });
  }

  private put(message: LogMessage): void {
    if (message.kind === 'caughtUp') {
      this.isCaughtUp = true;
      if (message.position !== null && (this.readTo === null || message.position > this.readTo)) this.readTo = message.position;
    } else {
      this.isCaughtUp = false;
      for (const event of message.events) {
        const bytes = JSON.stringify(event.data).length;
        this.events.push({ event, bytes });
        this.bytes += bytes;
        this.readTo = event.position;
      }
    }
    this.notify();
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
