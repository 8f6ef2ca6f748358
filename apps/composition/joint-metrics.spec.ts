import { describe, expect, it } from '@jest/globals';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { JointMetrics, metricsToSend } from './joint-metrics.js';

function thread(count: number): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const answers = new Counter({ name: 'answers_total', help: 'Answers.', labelNames: ['client'], registers });
  answers.inc({ client: 'golf' }, count);
  if (count > 1) answers.inc({ client: 'tennis' }, 1);
  new Gauge({ name: 'position', help: 'Position.', aggregator: 'min', registers }).set(count);
  new Gauge({ name: 'age', help: 'Age.', aggregator: 'max', registers }).set(count);
  new Histogram({ name: 'seconds', help: 'Seconds.', buckets: [1, 10], registers }).observe(count);
  return registry;
}

const lines = async (metrics: { metrics(): Promise<string> }) =>
  (await metrics.metrics()).split('\n').filter((line) => !line.startsWith('#') && !/^(process|nodejs)_/.test(line) && line !== '');

describe('the metrics of several threads', () => {
  it('are counts summed, and gauges by their meaning', async () => {
    const joint = new JointMetrics(thread(1));
    joint.add(async () => Promise.all([thread(2), thread(20)].map(metricsToSend)));
    expect((await lines(joint)).sort()).toEqual([
      'age 20',
      'answers_total{client="golf"} 23',
      'answers_total{client="tennis"} 2',
      'position 1',
      'seconds_bucket{le="+Inf"} 3',
      'seconds_bucket{le="1"} 1',
      'seconds_bucket{le="10"} 2',
      'seconds_count 3',
      'seconds_sum 23',
    ]);
  });

  it('say once what is of the process, and the slowest event loop', async () => {
    const own = thread(1);
    const names = async (text: Promise<string>) =>
      (await text)
        .split('\n')
        .filter((line) => line.startsWith('# TYPE'))
        .sort();
    const joint = new JointMetrics(own);
    const other = await metricsToSend(thread(2));
    expect(other.some(({ name }) => name.startsWith('process_'))).toBe(false);
    const slow = other.map((metric) =>
      metric.name === 'nodejs_eventloop_lag_p99_seconds' ? { ...metric, values: [{ labels: {}, value: 77 }] } : metric,
    );
    joint.add(async () => [slow as typeof other]);
    const text = await joint.metrics();
    expect(await names(joint.metrics())).toEqual(await names(own.metrics()));
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds 77$/m);
    const startOf = (from: string) => Number(/^process_start_time_seconds (\S+)$/m.exec(from)?.[1]);
    expect(startOf(text)).toBe(startOf(await own.metrics()));
  });

  it('are those of the one as they are when there is no other', async () => {
    const own = thread(3);
    const joint = new JointMetrics(own);
    joint.add(async () => []);
    expect(await lines(joint)).toEqual(await lines(own));
  });
});
