import { setTimeout as delay } from 'node:timers/promises';

const pollMsMin = 10;
const pollMsMax = 50;

/**
 * Tells waiting subscriptions that the log has grown: at once for appends of this process, else by asking the store – every 10 ms while there
 * is traffic, backing off to 50 ms when there is none (a question costs some microseconds; LMDB has no notification between processes).
 */
export class Head {
  private waiting = new Set<() => void>();
  private polling = false;
  private last = 0;
  private closed = false;

  constructor(private readonly ask: () => number) {}

  /** The newest position now, 0 for an empty log. */
  now(): number {
    const position = this.ask();
    if (position > this.last) this.grown(position);
    return position;
  }

  grown(position: number): void {
    this.last = Math.max(this.last, position);
    this.wake();
  }

  /** Resolves when the log may have grown past `position`, on abort, and when the log is closed. */
  async beyond(position: number, signal: AbortSignal): Promise<void> {
    if (this.closed || signal.aborted || this.last > position) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
      void this.poll();
    });
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }

  private async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    let pauseMs = pollMsMin;
    while (this.waiting.size > 0 && !this.closed) {
      await delay(pauseMs);
      if (this.closed) break;
      const before = this.last;
      try {
        this.now();
      } catch {
        // Whoever waits asks again itself and meets the same error, where it can be thrown to the caller.
        this.wake();
      }
      pauseMs = this.last > before ? pollMsMin : Math.min(pollMsMax, pauseMs * 1.5);
    }
    this.polling = false;
  }
}
