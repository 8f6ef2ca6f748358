/** Rounds in which ours and a peer take turns. */
import { cpuMicros } from './cpu.js';
import type { Server } from './processes.js';
import { type Load, type LoadOptions, load } from './wrk.js';

/** Of the rounds: nothing is dropped. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spread(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? (sorted[half] as number) : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
  return { min: round(sorted[0] as number), median: round(median), max: round(sorted.at(-1) as number) };
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}

/** One run of the load against one server. */
export interface Turn extends Load {
  /** User and system time of the server's processes, per request. */
  readonly cpuMicrosPerRequest: number;
}

export async function turn(server: Server, options: Omit<LoadOptions, 'url'>, path = ''): Promise<Turn> {
  const pids = server.pids();
  const before = cpuMicros(pids);
  const seen = await load({ ...options, url: server.url + path });
  return { ...seen, cpuMicrosPerRequest: (cpuMicros(pids) - before) / seen.requests };
}

export interface LoadSummary {
  readonly cpuMicrosPerRequest: Spread;
  readonly requestsPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  readonly p999Ms: Spread;
}

export function summaryOf(turns: readonly Turn[]): LoadSummary {
  return {
    cpuMicrosPerRequest: spread(turns.map((each) => each.cpuMicrosPerRequest)),
    requestsPerSecond: spread(turns.map((each) => each.requests / each.seconds)),
    p50Ms: spread(turns.map((each) => each.p50Ms)),
    p99Ms: spread(turns.map((each) => each.p99Ms)),
    p999Ms: spread(turns.map((each) => each.p999Ms)),
  };
}

/** Pairs of a round, ours first in even rounds and the peer first in odd ones. */
export async function paired<T>(rounds: number, ours: (round: number) => Promise<T>, peer: (round: number) => Promise<T>) {
  const pairs: { readonly ours: T; readonly peer: T }[] = [];
  for (let n = 0; n < rounds; n += 1) {
    if (n % 2 === 0) {
      const first = await ours(n);
      pairs.push({ ours: first, peer: await peer(n) });
    } else {
      const first = await peer(n);
      pairs.push({ peer: first, ours: await ours(n) });
    }
  }
  return pairs;
}
