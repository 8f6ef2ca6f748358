import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Position, RecordedEvent } from '#libs/event-log';
import { ProjectorMetrics } from './metrics.js';

// The log makes positions; a test may too.
const position = 5n as Position;

describe('the lag of the tables', () => {
  it('grows while a batch cannot be written, and is over with it', async () => {
    const registry = new Registry();
    let now = new Date('2026-01-01T12:00:00Z');
    const metrics = new ProjectorMetrics(registry, () => now);
    const lag = async () => Number((await registry.getSingleMetricAsString('vitrine_projector_lag_seconds')).split(' ').at(-1));
    const event: RecordedEvent = {
      stream: 'behaviour-golf.node.20260101',
      revision: 0n,
      position,
      id: '6fd1ad1a-5f0f-4c0f-8a0d-0d6b6ad3f3a1',
      type: 'PageViewed',
      data: {},
      metadata: { schema: 1, clientId: 'golf', actor: 'test' },
      recordedAt: new Date('2026-01-01T11:59:58Z'),
    };
    expect(await lag()).toBe(0);
    metrics.begin([event]);
    expect(await lag()).toBe(2);
    now = new Date('2026-01-01T12:01:00Z');
    const done = metrics.begin([event]);
    expect(await lag()).toBe(62);
    done();
    metrics.projected([event], position, true, { kept: 1, repeats: 0, deadLetters: [] });
    expect(await lag()).toBe(0);
  });
});
