import type { SpooledFact } from './facts.js';

export interface OfferedTo {
  put(facts: readonly SpooledFact[]): Promise<unknown>;
  /** The disk did not take them; they stay in memory for the next try. Told once until it takes some again. */
  unwritable(cause: unknown): void;
}

const frameFactsMax = 1_000;

/** The bounded memory queue before the disk: taking a fact costs no I/O and never waits. */
export class OfferedFacts {
  /** Facts refused because the queue was full, or dropped because they are no JSON. */
  dropped = 0;
  private queue: SpooledFact[] = [];
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<boolean> | undefined;
  private closed = false;
  private toldUnwritable = false;

  constructor(
    private readonly max: number,
    private readonly intervalMs: number,
    private readonly to: OfferedTo,
  ) {}

  get size(): number {
    return this.queue.length;
  }

  offer(fact: SpooledFact): boolean {
    if (this.queue.length >= this.max || this.closed) {
      this.dropped++;
      return false;
    }
    this.queue.push(fact);
    this.timer ??= setTimeout(() => void this.flush(), this.intervalMs);
    return true;
  }

  /** True when what was offered before is on the disk; false when the disk did not take it. */
  async flush(): Promise<boolean> {
    await this.flushing;
    if (this.queue.length === 0) return true;
    this.flushing ??= this.flushAll();
    return this.flushing;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
    if (this.timer) clearTimeout(this.timer);
    this.dropped += this.queue.length;
  }

  private async flushAll(): Promise<boolean> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = undefined;
    let left = this.queue.length;
    while (left > 0) {
      const facts = this.queue.slice(0, Math.min(left, frameFactsMax));
      if (!(await this.take(facts))) break;
      // Later offers went behind these.
      this.queue.splice(0, facts.length);
      left -= facts.length;
    }
    this.flushing = undefined;
    if (this.queue.length > 0 && !this.closed) this.timer ??= setTimeout(() => void this.flush(), this.intervalMs);
    return left === 0;
  }

  private async take(facts: readonly SpooledFact[]): Promise<boolean> {
    try {
      await this.to.put(facts);
      this.toldUnwritable = false;
      return true;
    } catch (error) {
      if (error instanceof TypeError) return this.takeOneByOne(facts);
      if (!this.toldUnwritable) this.to.unwritable(error);
      this.toldUnwritable = true;
      return false;
    }
  }

  /** One of them cannot be written as JSON: a bug of whoever offered it, which must not cost the others. */
  private async takeOneByOne(facts: readonly SpooledFact[]): Promise<boolean> {
    const good = facts.filter((fact) => isJson(fact));
    this.dropped += facts.length - good.length;
    return good.length === 0 || this.take(good);
  }
}

function isJson(fact: SpooledFact): boolean {
  try {
    return JSON.stringify(fact) !== undefined;
  } catch {
    // Counted as dropped by the caller.
    return false;
  }
}
