import { EventLogUnavailable } from '../event-log.js';

/** What a read and a subscription of the client have in common, in words of our own: its types are for an older Node. */
interface ClientStream {
  readonly readableLength: number;
  read(): unknown;
  on(event: 'readable' | 'end' | 'error', listener: (error?: unknown) => void): unknown;
  destroy(): unknown;
  cancel?(): Promise<void>;
  unsubscribe?(): Promise<void>;
}

/**
 * Takes items out of one of the client's streams, in order, with time limits of our own (its streams have no deadline and stay silent for ever
 * when the peer does). The stream's back-pressure holds: what is not taken is not fetched.
 */
export class Pull<Item> {
  private failure: { readonly error: unknown } | undefined;
  private ended = false;
  private wake: (() => void) | undefined;

  constructor(private readonly stream: ClientStream) {
    const wake = () => this.wake?.();
    stream.on('readable', wake);
    // Listened to for as long as the stream lives: an error without a listener would end the process.
    stream.on('error', (error) => {
      this.failure ??= { error };
      wake();
    });
    stream.on('end', () => {
      this.ended = true;
      wake();
    });
  }

  /** The next item if it is here. */
  take(): Item | undefined {
    // The stream is in object mode and holds what its maker says it does.
    return (this.stream.read() as Item | null) ?? undefined;
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /**
   * Waits until there may be something to take, the stream has ended, or the time has passed or the signal said so (false then).
   * @throws the stream's error, once everything before it has been taken.
   */
  async wait(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.stream.readableLength > 0) return true;
    this.assertSound();
    if (this.ended) return true;
    if (signal?.aborted) return false;
    const woken = await new Promise<boolean>((resolve) => {
      const settle = (value: boolean) => {
        this.wake = undefined;
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        resolve(value);
      };
      const stop = () => settle(false);
      const timer = setTimeout(stop, ms);
      signal?.addEventListener('abort', stop, { once: true });
      this.wake = () => settle(true);
    });
    this.assertSound();
    return woken;
  }

  /** The next item; undefined at the end. @throws EventLogUnavailable when none comes in time; the stream's error. */
  async next(ms: number, name: string): Promise<Item | undefined> {
    for (;;) {
      const item = this.take();
      if (item !== undefined || this.ended) return item;
      if (!(await this.wait(ms))) throw new EventLogUnavailable(`${name} said nothing for ${ms} ms`);
    }
  }

  private assertSound(): void {
    if (this.stream.readableLength === 0 && this.failure) throw this.failure.error;
  }

  /** Ends the call at the server too; a stream that is only dropped goes on there. */
  close(): void {
    const cancel = this.stream.unsubscribe?.bind(this.stream) ?? this.stream.cancel?.bind(this.stream);
    // It fails when the call was never made, and then there is nothing to cancel.
    void cancel?.().catch(() => undefined);
    this.stream.destroy();
  }
}
