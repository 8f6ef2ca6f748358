import { performance } from 'node:perf_hooks';

/** What waits for its turn of the event loop waits no longer than about so long for us, and twice that when two things of ours come together. */
const turnMsMax = 1;
/** Between two looks at the clock. */
const stepsMin = 16;

/** Long work in short turns, with requests answered in between. */
export class Turns {
  private since = performance.now();
  private steps = 0;

  /** To be asked after each small step: whether to wait for `next`. */
  get isOver(): boolean {
    this.steps += 1;
    if (this.steps < stepsMin) return false;
    this.steps = 0;
    return performance.now() - this.since > turnMsMax;
  }

  async next(): Promise<void> {
    await new Promise(setImmediate);
    this.since = performance.now();
    this.steps = 0;
  }
}
