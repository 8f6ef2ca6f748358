import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that may be interrupted at each `yield`. */
export type Interruptible<Result> = Generator<void, Result>;

/** Does the work at once. */
export function atOnce<Result>(work: Interruptible<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Does the work in slices of some milliseconds, between which the process does what else waits: requests, for example. */
export async function inSlices<Result>(work: Interruptible<Result>, sliceMs = 4): Promise<Result> {
  for (;;) {
    const end = performance.now() + sliceMs;
    do {
      const step = work.next();
      if (step.done === true) return step.value;
    } while (performance.now() < end);
    await nextTurn();
  }
}
