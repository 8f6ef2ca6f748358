import { Counter, Histogram, type Registry } from 'prom-client';

/** The metrics of a collector. */
export class CollectorMetrics {
  private readonly accepted: Counter<'client' | 'type'>;
  private readonly rejected: Counter<'client' | 'code'>;
  private readonly refused: Counter<'code'>;
  private readonly seconds: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.accepted = new Counter({
      name: 'vitrine_behaviour_accepted_total',
      help: 'Items of /e that are on the disk.',
      labelNames: ['client', 'type'],
      registers,
    });
    this.rejected = new Counter({
      name: 'vitrine_behaviour_rejected_total',
      help: 'Items of /e that were refused, by code.',
      labelNames: ['client', 'code'],
      registers,
    });
    this.refused = new Counter({
      name: 'vitrine_collect_refused_total',
      help: 'Requests of /e answered with an error, by code.',
      labelNames: ['code'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'vitrine_collect_seconds',
      help: 'From the parsed body to the answer, with the fsync in it; requests with wait=log are left out.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    });
  }

  itemAccepted(clientId: string, type: string): void {
    this.accepted.inc({ client: clientId, type });
  }
  itemRejected(clientId: string, code: string): void {
    this.rejected.inc({ client: clientId, code });
  }
  requestRefused(code: string): void {
    this.refused.inc({ code });
  }
  took(seconds: number): void {
    this.seconds.observe(seconds);
  }
}
