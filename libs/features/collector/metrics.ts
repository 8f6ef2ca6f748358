import { Counter, Histogram, type Registry } from 'prom-client';
import { commonTypes } from './common-names.js';

/** The metrics of a collector. */
export class CollectorMetrics {
  /** Accepted since the last time that somebody looked: a labelled counter costs a microsecond, which is more than an event does. */
  private readonly fresh = new Map<string, Map<string, number>>();
  /** Of common batches, by the index in `commonTypes`. */
  private readonly freshCommon = new Map<string, Float64Array>();
  private freshPlain = 0;
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
      collect: () => this.addFresh(),
    });
    const plain = new Counter({
      name: 'vitrine_collect_plain_total',
      help: 'Requests of /e that were read on the plain socket; the others went to the HTTP server.',
      registers,
      collect: () => {
        plain.inc(this.freshPlain);
        this.freshPlain = 0;
      },
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

  itemsAccepted(clientId: string, type: string, count: number): void {
    const types = this.fresh.get(clientId) ?? new Map<string, number>();
    this.fresh.set(clientId, types.set(type, (types.get(type) ?? 0) + count));
  }
  /** `counts`: events of each of `commonTypes`. */
  commonAccepted(clientId: string, counts: Int32Array): void {
    let sums = this.freshCommon.get(clientId);
    if (sums === undefined) {
      sums = new Float64Array(counts.length);
      this.freshCommon.set(clientId, sums);
    }
    for (let type = 0; type < counts.length; type += 1) sums[type]! += counts[type]!;
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

  /** On the plain socket. */
  requestTaken(): void {
    this.freshPlain += 1;
  }

  private addFresh(): void {
    for (const [client, sums] of this.freshCommon) {
      for (const [type, count] of sums.entries()) if (count > 0) this.accepted.inc({ client, type: commonTypes[type] as string }, count);
    }
    this.freshCommon.clear();
    for (const [client, types] of this.fresh) for (const [type, count] of types) this.accepted.inc({ client, type }, count);
    this.fresh.clear();
  }
}
