import type { Metric, Registry } from 'prom-client';

/**
 * A histogram that is cheap to write: an array of counts, made into Prometheus' form when it is read (30 ns an observation where prom-client's own
 * takes 400). An observation can stand for several, so that a path of less than a microsecond is timed now and then and counted in full.
 */
export class LatencyHistogram {
  private readonly counts: Float64Array;
  private sum = 0;

  /** @param bounds rising, in seconds. */
  constructor(
    registry: Registry,
    private readonly name: string,
    private readonly help: string,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Float64Array(bounds.length + 1);
    const metric = { name, help, type: 'histogram', aggregator: 'sum', get: async () => this.read(), reset: () => this.reset() };
    // The registry asks no more of a metric than name and get; its type is the union of prom-client's own classes.
    registry.registerMetric(metric as unknown as Metric);
  }

  observe(seconds: number, weight: number): void {
    let index = 0;
    while (index < this.bounds.length && seconds > this.bounds[index]!) index++;
    this.counts[index]! += weight;
    this.sum += seconds * weight;
  }

  private reset(): void {
    this.counts.fill(0);
    this.sum = 0;
  }

  private read() {
    const { name, help } = this;
    let total = 0;
    const values: { labels: Record<string, number | string>; value: number; metricName: string }[] = this.bounds.map((le, index) => {
      total += this.counts[index]!;
      return { labels: { le }, value: total, metricName: `${name}_bucket` };
    });
    total += this.counts[this.bounds.length]!;
    values.push({ labels: { le: '+Inf' }, value: total, metricName: `${name}_bucket` });
    values.push({ labels: {}, value: this.sum, metricName: `${name}_sum` }, { labels: {}, value: total, metricName: `${name}_count` });
    return { name, help, type: 'histogram' as const, values, aggregator: 'sum' as const };
  }
}
