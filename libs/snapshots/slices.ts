/** Work that may be interrupted at each `yield`. */
export type Interruptible<Result> = Generator<void, Result>;

/** Does the work at once. */
export function atOnce<Result>(work: Interruptible<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Does the work in slices of some milliseconds, between which the process does what else waits: requests, for example. One slice in a turn of the event loop,
 * whosever it is: ten clients' work at once takes ten times as long, and lets nobody wait for longer. The first step is done before this returns.
 */
export async function inSlices<Result>(work: Interruptible<Result>, sliceMs = 4): Promise<Result> {
  let step = work.next();
  while (step.done !== true) {
    await slice();
    const end = performance.now() + sliceMs;
    do step = work.next();
    while (step.done !== true && performance.now() < end);
  }
  return step.value;
}

/** Those who wait for a slice, the first first. */
const waiting: (() => void)[] = [];
let isTaken = false;

/** Resolves when it is the caller's turn: at once when nobody had a slice in this turn of the event loop. */
function slice(): Promise<void> | undefined {
  if (isTaken) return new Promise((resolve) => void waiting.push(resolve));
  isTaken = true;
  setImmediate(nextTurn);
  return undefined;
}

function nextTurn(): void {
  const next = waiting.shift();
  isTaken = next !== undefined;
  if (next === undefined) return;
  setImmediate(nextTurn);
  next();
}
