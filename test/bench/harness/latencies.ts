/** Latencies of several runs of the load taken together: the slowest thousandth of one turn is too few to tell two servers apart. */

import { round } from './rounds.js';
import type { Load } from './wrk.js';

export interface Latencies {
  readonly requests: number;
  /** Of `share` of the requests at most, in milliseconds. */
  percentileMs(share: number): number;
  /** So many took longer. */
  above(ms: number): number;
  readonly maxMs: number;
}

export function together(loads: readonly Pick<Load, 'latencies'>[]): Latencies {
  const counts = new Map<number, number>();
  for (const { latencies } of loads) {
    for (let at = 0; at < latencies.length; at += 2) {
      const micros = latencies[at] as number;
      counts.set(micros, (counts.get(micros) ?? 0) + (latencies[at + 1] as number));
    }
  }
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const requests = sorted.reduce((sum, [, count]) => sum + count, 0);
  const maxMs = (sorted.at(-1)?.[0] ?? 0) / 1000;
  return {
    requests,
    maxMs,
    percentileMs(share) {
      let seen = 0;
      for (const [micros, count] of sorted) {
        seen += count;
        if (seen >= share * requests) return round(micros / 1000);
      }
      return maxMs;
    },
    above: (ms) => sorted.reduce((sum, [micros, count]) => (micros > ms * 1000 ? sum + count : sum), 0),
  };
}
