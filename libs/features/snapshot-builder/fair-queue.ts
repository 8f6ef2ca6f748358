const retryMsMin = 250;
const retryMsMax = 10_000;

export interface FairQueueOptions {
  /** So many keys are worked on at once; never the same one twice. */
  readonly atOnce: number;
  work(key: string): Promise<void>;
  /** The work failed and will be tried again after the time. */
  failed(key: string, error: unknown, retryMs: number): void;
}

/** Keys in the order in which they became due, each once: one with much to do waits its turn like the others. */
export class FairQueue {
  private readonly waiting = new Set<string>();
  private readonly running = new Map<string, Promise<void>>();
  /** Keys whose last work failed; with a timer while they have to wait. */
  private readonly retries = new Map<string, { readonly ms: number; timer: NodeJS.Timeout | undefined }>();
  private stopped = false;

  constructor(private readonly options: FairQueueOptions) {}

  /** Does nothing for a key that waits already, or that failed and has its time to wait. */
  due(key: string): void {
    if (this.stopped || this.retries.get(key)?.timer !== undefined) return;
    this.waiting.add(key);
    this.begin();
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting.clear();
    for (const { timer } of this.retries.values()) clearTimeout(timer);
    await Promise.all(this.running.values());
  }

  private begin(): void {
    for (const key of this.waiting) {
      if (this.running.size >= this.options.atOnce) return;
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      this.running.set(key, this.run(key));
    }
  }

  private async run(key: string): Promise<void> {
    try {
      await this.options.work(key);
      this.retries.delete(key);
    } catch (error) {
      this.retryLater(key, error);
    } finally {
      this.running.delete(key);
      this.begin();
    }
  }

  private retryLater(key: string, error: unknown): void {
    const ms = Math.min((this.retries.get(key)?.ms ?? retryMsMin / 2) * 2, retryMsMax);
    this.options.failed(key, error, ms);
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.retries.set(key, { ms, timer: undefined });
      this.due(key);
    }, ms);
    this.retries.set(key, { ms, timer });
  }
}
