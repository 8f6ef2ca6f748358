/**
 * Work in bursts, with rests in between. The scheduler leaves a thread on a core for a slice, up to a tick of 4 ms, even when it has the lowest priority and
 * a thread that answers requests becomes ready there meanwhile; who rests after a quarter of a millisecond keeps nobody waiting for longer
 * (docs/adr/0058).
 */
export interface Pace {
  /** To be called between pieces of work of some 100 µs: rests when the burst was long enough. */
  step(): void;
}

const burstMs = 0.25;
/** Of the burst: the thread takes a third of a core at most. */
const restShare = 2;
/** Whoever was kept off its core in a burst has rested for as long. */
const restMsMax = 1;

/** Rests by blocking the thread, also its event loop: for threads with nothing else to do. A test gives its own clock. */
export function inBursts(now = () => performance.now(), rest = block): Pace {
  let began = now();
  return {
    step() {
      const workedMs = now() - began;
      if (workedMs < burstMs) return;
      rest(Math.min(workedMs * restShare, restMsMax));
      began = now();
    },
  };
}

/** Without rests: while nothing is answered yet. */
export const headlong: Pace = { step: () => undefined };

const neverRung = new Int32Array(new SharedArrayBuffer(4));

function block(ms: number): void {
  Atomics.wait(neverRung, 0, 0, ms);
}
