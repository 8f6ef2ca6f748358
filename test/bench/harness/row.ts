/** What a row of the report is, and what it is measured with. */
import type { Spread } from './rounds.js';

/** Every figure that is to be measured, in the order of the report. */
export const rowIds = [
  'query-off-vs-nginx',
  'query-on-vs-nginx',
  'query-vs-haproxy-map',
  'query-vs-node-http',
  'query-vs-fastify-map',
  'query-vs-node-redis',
  'audience-bytes-per-customer',
  'audience-lookup-us',
  'swap-p999',
  'swap-peak-memory',
  'node-start-10x1M',
  'audience-build-vs-bare-query',
  'increment-bytes',
  'increment-apply-ms',
  'cores-scaling',
  'collector-vs-fastify',
] as const;
export type RowId = (typeof rowIds)[number];

export type Figures = { readonly [name: string]: number | string | boolean | Spread | null };

export interface Row {
  readonly id: RowId;
  /** Met when `ratio` is at most this. */
  readonly target: number;
  /** Ours / peer, the median of the rounds' ratios; where the target is a figure of its own, value / target (then `target` is 1). */
  readonly ratio: number;
  readonly met: boolean;
  readonly rounds: number;
  /** What `ratio` compares, for a reader. */
  readonly compares: string;
  readonly ratios: Spread;
  readonly ours: Figures;
  readonly peer: Figures & { readonly name: string; readonly version: string };
  /** Of a missed target: what profiling found, and what was tried. */
  readonly reason?: string;
}

export interface Measuring {
  readonly short: boolean;
  readonly rounds: number;
  /** Of one turn of load. */
  readonly seconds: number;
  /** In the large audience: 10 million, fewer in the short mode. */
  readonly customers: number;
  /** Temporary; removed at the end. */
  readonly folder: string;
  /** Where the tables of a row that needs a hundred million events are kept from run to run; absent: made anew. */
  readonly tables?: string;
  readonly say: (line: string) => void;
  /** An image of that many customers, made once a run. */
  audience(customers: number, edition?: 0 | 1): Promise<import('#libs/snapshots').AudienceImage>;
  /** The folder in which the snapshots of the shop are published (made at the first call). */
  snapshots(): Promise<string>;
}

/** Measures one or more rows. */
export interface RowMaker {
  readonly ids: readonly RowId[];
  /** Commands that have to be there, with the package that has them. */
  readonly needs: readonly Need[];
  measure(measuring: Measuring, ids: readonly RowId[]): Promise<Row[]>;
}

export interface Need {
  readonly command: 'wrk' | 'nginx' | 'haproxy' | 'redis-server' | 'taskset';
  readonly debianPackage: string;
}

export const needs = {
  wrk: { command: 'wrk', debianPackage: 'wrk' },
  taskset: { command: 'taskset', debianPackage: 'util-linux' },
  nginx: { command: 'nginx', debianPackage: 'nginx-light' },
  haproxy: { command: 'haproxy', debianPackage: 'haproxy' },
  redis: { command: 'redis-server', debianPackage: 'redis-server' },
} as const satisfies Record<string, Need>;
