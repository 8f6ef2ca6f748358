import type { Position } from '#libs/event-log';
import type { Outcome } from './forwarder.js';

interface Waiter {
  readonly first: number;
  readonly last: number;
  position: Position | null;
  refused: Error | undefined;
  resolve(position: Position | null): void;
  reject(error: unknown): void;
}

/** Refusals are remembered for receipts that are asked late. */
const refusedMax = 1_000;

/** Who waits for facts to be in the log. Only those who ask cost memory: puts may be many while the log is away. */
export class Receipts {
  private waiters: Waiter[] = [];
  private newest: Position | null = null;
  private readonly refused = new Map<number, Error>();
  private ended: { readonly error: unknown } | undefined;

  /** `passedSequence`: everything up to it was dealt with by earlier runs. */
  constructor(private passedSequence: number) {}

  get isAwaited(): boolean {
    return this.waiters.length > 0;
  }

  /** With the position of the newest of them, or of one that was appended together with it or later. */
  async appended(first: number, last: number): Promise<Position> {
    const position = await this.wait(first, last, true);
    return position ?? (0n as Position);
  }

  drained(last: number): Promise<Position | null> {
    return this.wait(last + 1, last, false);
  }

  /** All facts up to `last` have been dealt with. */
  passed(last: number, outcomes: ReadonlyMap<number, Outcome>): void {
    for (const [sequence, outcome] of outcomes) {
      if ('refused' in outcome) this.remember(sequence, outcome.refused);
      else if (this.newest === null || outcome.position > this.newest) this.newest = outcome.position;
    }
    this.passedSequence = last;
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) {
      for (let sequence = waiter.first; sequence <= Math.min(waiter.last, last); sequence++) {
        const outcome = outcomes.get(sequence);
        if (!outcome) continue;
        if ('refused' in outcome) waiter.refused ??= outcome.refused;
        else if (waiter.position === null || outcome.position > waiter.position) waiter.position = outcome.position;
      }
      if (waiter.last > last) this.waiters.push(waiter);
      else this.settle(waiter);
    }
  }

  end(error: unknown): void {
    this.ended ??= { error };
    for (const { reject } of this.waiters) reject(this.ended.error);
    this.waiters = [];
  }

  private wait(first: number, last: number, withRefusals: boolean): Promise<Position | null> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { first, last, position: null, refused: undefined, resolve, reject };
      if (last <= this.passedSequence) {
        if (withRefusals) for (let sequence = first; sequence <= last; sequence++) waiter.refused ??= this.refused.get(sequence);
        this.settle(waiter);
      } else if (this.ended) reject(this.ended.error);
      else this.waiters.push(waiter);
    });
  }

  private settle({ position, refused, resolve, reject }: Waiter): void {
    if (refused) reject(refused);
    else resolve(position ?? this.newest);
  }

  private remember(sequence: number, cause: Error): void {
    if (this.refused.size >= refusedMax) this.refused.delete(this.refused.keys().next().value as number);
    this.refused.set(sequence, cause);
  }
}
