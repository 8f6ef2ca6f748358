import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Announcement, SnapshotKind } from '#libs/snapshots';

export type BuildMode = 'full' | 'increment';

/** The metrics of a snapshot builder. Times are in seconds, as Prometheus has them. */
export class BuilderMetrics {
  private readonly seconds: Histogram<'kind' | 'mode'>;
  private readonly publications: Counter<'client' | 'kind' | 'mode'>;
  private readonly failures: Counter<'client' | 'kind' | 'code'>;
  private readonly freshness: Histogram<'client'>;
  private readonly newest = new Map<string, Announcement>();
  private readonly waitingClients = new Set<string>();

  constructor(registry: Registry, clock: () => Date) {
    const registers = [registry];
    this.seconds = new Histogram({
      name: 'vitrine_snapshot_build_seconds',
      help: 'Builds that led to a publication: from the first question to the announcement.',
      labelNames: ['kind', 'mode'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    });
    this.publications = new Counter({
      name: 'vitrine_snapshots_published_total',
      help: 'Snapshots and increments published.',
      labelNames: ['client', 'kind', 'mode'],
      registers,
    });
    this.failures = new Counter({
      name: 'vitrine_snapshot_build_failures_total',
      help: 'Builds that failed and are tried again; nodes go on with what they have.',
      labelNames: ['client', 'kind', 'code'],
      registers,
    });
    this.freshness = new Histogram({
      name: 'vitrine_behaviour_freshness_seconds',
      help: 'From the log’s record of the earliest behaviour in an increment until the increment went out to the nodes.',
      labelNames: ['client'],
      buckets: [0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 20, 60],
      registers,
    });
    const { newest } = this;
    const ofNewest = (name: string, help: string, value: (announcement: Announcement) => number | null) =>
      new Gauge({
        name,
        help,
        labelNames: ['client', 'kind'],
        registers,
        collect() {
          this.reset();
          for (const announcement of newest.values()) {
            const now = value(announcement);
            if (now !== null) this.set({ client: announcement.clientId, kind: announcement.kind }, now);
          }
        },
      });
    ofNewest('vitrine_published_snapshot_position', 'Place in the log up to which the announced snapshot goes.', ({ position }) =>
      Number(position),
    );
    ofNewest(
      'vitrine_published_snapshot_age_seconds',
      'Time since the announced image was built.',
      ({ builtAt }) => (clock().getTime() - Date.parse(builtAt)) / 1000,
    );
    ofNewest('vitrine_published_snapshot_customers', 'Customers in the announced image.', ({ customers }) => customers);
    ofNewest(
      'vitrine_published_snapshot_memberships',
      'Distinct sets of segments in the announced image.',
      ({ memberships }) => memberships,
    );
    ofNewest('vitrine_published_snapshot_increments', 'Increments on top of the announced image.', ({ kind, increment }) =>
      kind === 'audience' ? increment : null,
    );
    const { waitingClients } = this;
    new Gauge({
      name: 'vitrine_snapshot_clients_waiting',
      help: 'Clients whose audience waits because the tables are behind what is announced (a rebuild is running).',
      registers,
      collect() {
        this.set(waitingClients.size);
      },
    });
  }

  /** An increment went out that holds behaviour recorded at this time. */
  fresh(clientId: string, recordedAt: Date, now: Date): void {
    this.freshness.observe({ client: clientId }, Math.max(0, (now.getTime() - recordedAt.getTime()) / 1000));
  }

  /** Call the answer when it is published. */
  begin(kind: SnapshotKind, mode: BuildMode): () => void {
    return this.seconds.startTimer({ kind, mode });
  }

  published(announcement: Announcement, mode: BuildMode): void {
    this.publications.inc({ client: announcement.clientId, kind: announcement.kind, mode });
    this.announced(announcement);
  }

  announced(announcement: Announcement): void {
    this.newest.set(`${announcement.clientId}.${announcement.kind}`, announcement);
  }

  failed(client: string, kind: SnapshotKind, error: unknown): void {
    const code = (error as { code?: unknown } | null)?.code;
    this.failures.inc({ client, kind, code: typeof code === 'string' ? code : 'UNEXPECTED' });
  }

  /** What is announced is another's from now on. */
  standBy(): void {
    this.newest.clear();
    this.waitingClients.clear();
  }

  waiting(client: string, waits: boolean): void {
    if (waits) this.waitingClients.add(client);
    else this.waitingClients.delete(client);
  }
}
