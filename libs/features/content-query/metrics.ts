import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Reason } from '#libs/domain';
import type { SnapshotKind } from '#libs/snapshots';
import { LatencyHistogram } from './latency-histogram.js';

/** What a node is asked for when its metrics are read. */
export interface LoadedSnapshot {
  readonly clientId: string;
  readonly kind: SnapshotKind;
  readonly version: string;
  readonly position: bigint;
  readonly builtAtMs: number;
}

const reasons: readonly Reason[] = ['TARGETING_MATCH', 'SPLIT', 'DEFAULT', 'DISABLED', 'STALE'];
/** Where a reason is counted in a client's `AnswerCounts`. */
export const reasonIndex: Readonly<Record<Reason, number>> = { TARGETING_MATCH: 0, SPLIT: 1, DEFAULT: 2, DISABLED: 3, STALE: 4 };
/** One client's answers by reason, since the process began. */
export type AnswerCounts = Float64Array;

export interface FastPathCounts {
  readonly prepared: number;
  readonly composed: number;
  readonly handedOver: number;
  readonly connections: number;
}

/** The metrics of a content-query node. Times are in seconds, as Prometheus has them; an answer takes microseconds, so the buckets begin there. */
export class ContentQueryMetrics {
  private readonly answers = new Map<string, AnswerCounts>();
  private readonly refusals: Counter<'code'>;
  private readonly clicks: Counter<'client'>;
  private readonly dropped: Counter<'client'>;
  private readonly seconds: LatencyHistogram;
  private readonly snapshotsRefused: Counter<'client' | 'kind' | 'code'>;
  private readonly loadLag: Histogram<'kind'>;
  private loaded: () => Iterable<LoadedSnapshot> = () => [];

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    const { answers } = this;
    new Counter({
      name: 'vitrine_answers_total',
      help: 'Answers to content queries, by reason.',
      labelNames: ['client', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const [client, counts] of answers) {
          for (const [index, reason] of reasons.entries()) if (counts[index]! > 0) this.inc({ client, reason }, counts[index]!);
        }
      },
    });
    this.refusals = new Counter({
      name: 'vitrine_queries_refused_total',
      help: 'Content queries and click addresses answered with an error, by code.',
      labelNames: ['code'],
      registers,
    });
    this.clicks = new Counter({ name: 'vitrine_clicks_total', help: 'Clicks recorded.', labelNames: ['client'], registers });
    this.dropped = new Counter({
      name: 'vitrine_records_dropped_total',
      help: 'Answers and clicks that found the queue full and went unrecorded.',
      labelNames: ['client'],
      registers,
    });
    this.seconds = new LatencyHistogram(
      registry,
      'vitrine_answer_seconds',
      'From the request as it was read to the response as it is written, for one request. Of the fast path one in 64 is timed and counts for all.',
      [0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1],
    );
    this.snapshotsRefused = new Counter({
      name: 'vitrine_snapshots_refused_total',
      help: 'Snapshots and increments that could not be loaded; the node goes on with what it has and tries again.',
      labelNames: ['client', 'kind', 'code'],
      registers,
    });
    this.loadLag = new Histogram({
      name: 'vitrine_snapshot_load_lag_seconds',
      help: 'From the build of a snapshot or increment to its first answers on this node.',
      labelNames: ['kind'],
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    });
    this.gauges(registry);
  }

  /** Says where the gauges read what is loaded. */
  observe(loaded: () => Iterable<LoadedSnapshot>): void {
    this.loaded = loaded;
  }

  /** Says where the fast path's counts are read. */
  observeFastPath(read: () => FastPathCounts): void {
    const registers = [this.registry];
    new Counter({
      name: 'vitrine_fast_path_answers_total',
      help: 'Queries answered on the plain socket: prepared (a template with new ids), or composed (made as everywhere, written here).',
      labelNames: ['way'],
      registers,
      collect() {
        this.reset();
        this.inc({ way: 'prepared' }, read().prepared);
        this.inc({ way: 'composed' }, read().composed);
      },
    });
    new Counter({
      name: 'vitrine_fast_path_handed_over_total',
      help: 'Connections that went to the HTTP server, with the first request that is no common content query.',
      registers,
      collect() {
        this.reset();
        this.inc(read().handedOver);
      },
    });
    new Gauge({
      name: 'vitrine_fast_path_connections',
      help: 'Open connections that the HTTP server does not know.',
      registers,
      collect() {
        this.set(read().connections);
      },
    });
  }

  /** Says where the memory of audience images is read. */
  observeImages(read: () => { readonly usedBytes: number; readonly spareBytes: number }): void {
    new Gauge({
      name: 'vitrine_image_memory_bytes',
      help: 'Memory of audience images outside of Node’s heaps: that they are in, and that waits for the next.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const { usedBytes, spareBytes } = read();
        this.set({ state: 'used' }, usedBytes);
        this.set({ state: 'spare' }, spareBytes);
      },
    });
  }

  answered(clientId: string, reason: Reason): void {
    this.answersOf(clientId)[reasonIndex[reason]]! += 1;
  }
  /** For who counts many answers of one client: an array's element costs 1 ns, a counter with labels 500. */
  answersOf(clientId: string): AnswerCounts {
    const known = this.answers.get(clientId);
    if (known !== undefined) return known;
    const counts = new Float64Array(reasons.length);
    this.answers.set(clientId, counts);
    return counts;
  }
  refused(code: string): void {
    this.refusals.inc({ code });
  }
  clicked(clientId: string): void {
    this.clicks.inc({ client: clientId });
  }
  recordDropped(clientId: string): void {
    this.dropped.inc({ client: clientId });
  }
  /** `weight`: how many answers it stands for. */
  took(seconds: number, weight = 1): void {
    this.seconds.observe(seconds, weight);
  }
  snapshotRefused(clientId: string, kind: SnapshotKind, code: string): void {
    this.snapshotsRefused.inc({ client: clientId, kind, code });
  }
  snapshotLoaded(kind: SnapshotKind, lagSeconds: number): void {
    this.loadLag.observe({ kind }, Math.max(0, lagSeconds));
  }

  private gauges(registry: Registry): void {
    const each = (
      read: (snapshot: LoadedSnapshot) => number,
      labels: readonly ('client' | 'kind' | 'version')[],
      name: string,
      help: string,
      /** Of the threads of one process. */
      aggregator: 'min' | 'max',
    ) => {
      const loaded = () => this.loaded();
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        aggregator,
        registers: [registry],
        collect() {
          this.reset();
          for (const snapshot of loaded()) {
            const all = { client: snapshot.clientId, kind: snapshot.kind, version: snapshot.version };
            this.set(Object.fromEntries(labels.map((label) => [label, all[label]])), read(snapshot));
          }
        },
      });
    };
    each(
      ({ builtAtMs }) => (Date.now() - builtAtMs) / 1000,
      ['client', 'kind'],
      'vitrine_snapshot_age_seconds',
      'Since the loaded snapshot was built or last incremented.',
      'max',
    );
    each(
      ({ position }) => Number(position),
      ['client', 'kind'],
      'vitrine_snapshot_position',
      'The node answers according to the log up to here.',
      'min',
    );
    each(() => 1, ['client', 'kind', 'version'], 'vitrine_snapshot_info', 'The loaded version.', 'max');
  }
}
