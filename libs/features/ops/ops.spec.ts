import { afterEach, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Counter, Registry } from 'prom-client';
import { OpsModule, type ReadinessCheck } from './ops.module.js';

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

  it('shows metrics only where asked to', async () => {
    const running = await start([]);
    expect((await running.inject('/metrics')).body).toContain('vitrine_trials_total 3');
    await running.close();
    expect((await (await start([], false)).inject('/metrics')).statusCode).toBe(404);
  });
});
