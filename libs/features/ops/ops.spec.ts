import { afterEach, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Counter, Registry } from 'prom-client';
import { observeLeadership } from './leadership-metrics.js';
import { OpsModule, type ReadinessCheck } from './ops.module.js';
import { observeSpool } from './spool-metrics.js';

describe('operations', () => {
  let app: NestFastifyApplication | undefined;
  afterEach(() => app?.close());

  const start = async (checks: ReadinessCheck[], metrics = true) => {
    const registry = new Registry();
    new Counter({ name: 'vitrine_trials_total', help: 'Trials.', registers: [registry] }).inc(3);
    const module = await Test.createTestingModule({ imports: [OpsModule.register({ registry, checks, metrics })] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    await app.init();
    return app;
  };

  it('is ready when every check holds, and says which does not and why', async () => {
    let log: true | string = true;
    const running = await start([
      { name: 'log', check: () => log },
      { name: 'tables', check: async () => true },
    ]);
    expect((await running.inject('/health/ready')).statusCode).toBe(200);
    log = 'away since 3 s';
    const answer = await running.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ status: 'not ready', checks: { log: 'away since 3 s', tables: true } });
    expect((await running.inject('/health/live')).statusCode).toBe(200);
  });

  it('takes a check that throws for a reason', async () => {
    const running = await start([{ name: 'tables', check: () => Promise.reject(new Error('connection refused')) }]);
    expect((await running.inject('/health/ready')).json()).toMatchObject({ checks: { tables: 'connection refused' } });
  });

  it('does not wait for a check that hangs', async () => {
    const running = await start([
      { name: 'log', check: () => new Promise<true>(() => undefined) },
      { name: 'tables', check: () => true },
    ]);
    const answer = await running.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ checks: { log: 'no answer within 3 s', tables: true } });
  });

  it('shows how full the spool is', async () => {
    const registry = new Registry();
    const status = { queued: 3, spooledBytes: 900, spooledBytesMax: 1000, dropped: 1, refused: 2, forwarded: 7, logAvailable: false };
    observeSpool(registry, { status });
    const shown = await registry.metrics();
    for (const line of ['bytes 900', 'bytes_max 1000', 'facts 3', 'dropped 1', 'refused 2', 'forwarded 7', 'log_available 0']) {
      expect(shown).toContain(`vitrine_spool_${line}\n`);
    }
  });

  it('shows who leads, also when a leadership has run out unnoticed', async () => {
    const registry = new Registry();
    let holds = true;
    const acquire = observeLeadership(registry, 'projector', async () => ({
      lost: new AbortController().signal,
      holds: () => holds,
      release: async () => undefined,
    }));
    const leads = async () => /^vitrine_leads\{duty="projector"\} (\d)$/m.exec(await registry.metrics())?.[1];
    expect(await leads()).toBe('0');
    const leadership = await acquire(new AbortController().signal);
    expect(await leads()).toBe('1');
    holds = false;
    expect([await leads(), leadership.holds()]).toEqual(['0', false]);
    holds = true;
    await leadership.release();
    expect(await leads()).toBe('0');
  });

  it('shows metrics only where asked to', async () => {
    const running = await start([]);
    expect((await running.inject('/metrics')).body).toContain('vitrine_trials_total 3');
    await running.close();
    expect((await (await start([], false)).inject('/metrics')).statusCode).toBe(404);
  });
});
