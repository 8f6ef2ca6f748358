import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** So long the event loop is watched, and so much of the time it may be busy for there to be time left. */
const watchMs = 10;
const busyShareMax = 0.9;
const againMs = 100;

/**
 * Resolves when the process has time left, or `cannotWait` says so, or the signal comes. Making an event of an answer and appending it costs more
 * than the answer does: under full load a node first answers, and what it has answered waits on its disk for a quieter moment.
 */
export async function quietMoment(cannotWait: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !cannotWait()) {
    const before = performance.eventLoopUtilization();
    await delay(watchMs);
    if (performance.eventLoopUtilization(before).utilization < busyShareMax) return;
    // The pause is ended early by the signal alone.
    await delay(againMs, undefined, { signal }).catch(() => undefined);
  }
}
