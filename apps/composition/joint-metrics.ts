import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';

/** Metrics as another thread of this process sends them. */
export type SentMetrics = readonly MetricObjectWithValues<MetricValue<string>>[];

/** What Node's own metrics say of the whole process, whichever thread is asked: the first thread's count. */
const ofProcess = /^process_|^nodejs_version_info$/;
/** Threads have their own event loops: the slowest is the one to know of. */
const ofLoops = /^nodejs_eventloop_lag_(?!min_)/;

/** What a thread sends of its registry. */
export async function metricsToSend(registry: Registry): Promise<SentMetrics> {
  return (await registry.getMetricsAsJSON()).filter(({ name }) => !ofProcess.test(name));
}

/** The metrics of a process whose threads each have their own: counts are summed, gauges as their `aggregator` says. */
export class JointMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly others: (() => Promise<readonly SentMetrics[]>)[] = [];

  constructor(private readonly own: Registry) {}

  add(others: () => Promise<readonly SentMetrics[]>): void {
    this.others.push(others);
  }

  async metrics(): Promise<string> {
    const others = (await Promise.all(this.others.map((read) => read()))).flat();
    if (others.length === 0) return this.own.metrics();
    const all = [await this.own.getMetricsAsJSON(), ...others].map((sent) => sent.map(withAggregator));
    return AggregatorRegistry.aggregate(all).metrics();
  }
}

function withAggregator(metric: SentMetrics[number]): SentMetrics[number] {
  if (ofProcess.test(metric.name)) return { ...metric, aggregator: 'first' };
  return ofLoops.test(metric.name) ? { ...metric, aggregator: 'max' } : metric;
}
