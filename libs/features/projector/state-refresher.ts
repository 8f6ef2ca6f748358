import { setTimeout as pause } from 'node:timers/promises';
import type { AnalyticsWriter } from '#libs/analytics';

const everyMsMin = 5_000;
/** Of the time, at most. */
const shareMax = 0.1;

/**
 * Refreshes the customers' states beside the batches, until the signal. What passes is reported and tried again: no answer depends on it.
 */
export async function keepStatesFresh(
  writer: Pick<AnalyticsWriter, 'refreshStates'>,
  signal: AbortSignal,
  { failed, everyMs = everyMsMin }: { readonly failed: (error: unknown) => void; readonly everyMs?: number },
): Promise<void> {
  let waitMs = everyMs;
  while (!signal.aborted) {
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const begun = performance.now();
    try {
      await writer.refreshStates('due', signal);
    } catch (error) {
      if (error !== signal.reason) failed(error);
    }
    waitMs = Math.max(everyMs, (performance.now() - begun) * (1 / shareMax - 1));
  }
}
