import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectAnswersByItsWay } from '../fast-path.js';
import { System, until } from '../system.js';

/** ClickHouse dies under load: the edge does not notice, and afterwards nothing is missing or double. */
describe('while ClickHouse is killed under load', () => {
  const clientId = 'golf';
  let system: System;

  beforeAll(async () => {
    system = await System.start();
    await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf' });
    for (const contentId of ['welcome', 'thanks']) {
      await system.command('registerContent', 'RegisterContentInput!', { clientId, contentId, type: 'TEXT', body: contentId });
    }
    await system.command('defineSegment', 'DefineSegmentInput!', {
      clientId,
      segmentId: 'buyers',
      name: 'Buyers',
      criteria: { field: 'orders.count', op: 'gte', value: 1 },
    });
    await system.command('createCampaign', 'CreateCampaignInput!', {
      clientId,
      campaignId: 'home',
      name: 'Home',
      defaultContentId: 'welcome',
    });
    await system.command('setCampaignRules', 'SetCampaignRulesInput!', {
      clientId,
      campaignId: 'home',
      rules: [{ ruleId: 'buyers', priority: 1, segmentId: 'buyers', contentId: 'thanks' }],
    });
    const { position } = await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'home' });
    await system.live(clientId, position, 'PLAYBOOK');
    await system.live(clientId, position, 'AUDIENCE');
  });
  afterAll(() => system?.dispose());

  const enginePid = () =>
    Number(/^PID: (\d+)/m.exec(readFileSync(join(system.data, 'clickhouse', 'data', 'status'), 'utf8'))?.[1] ?? Number.NaN);
  const count = async (table: string) => {
    const [row] = await system.select(`SELECT count() AS n, uniqExact(event_id) AS events FROM ${table} WHERE client_id = '${clientId}'`);
    return { rows: Number(row.n), events: Number(row.events) };
  };

  it('every query and every event is taken, the engine comes back, and the tables hold each once', async () => {
    let loading = true;
    let answered = 0;
    let sent = 0;
    let slowestMs = 0;
    const timed = async <T>(work: Promise<T>) => {
      const began = performance.now();
      const done = await work;
      slowestMs = Math.max(slowestMs, performance.now() - began);
      return done;
    };
    const asking = async (name: string) => {
      for (; loading; answered++) {
        const answer = await timed(system.decide(clientId, 'home', { c: `${name}-${answered % 50}` }));
        expect(answer.content).toMatchObject({ contentId: expect.any(String) });
      }
    };
    const buying = async (name: string) => {
      for (let round = 0; loading; round++) {
        const batch = Array.from({ length: 5 }, (_, index) => ({
          type: 'Order Completed',
          messageId: `${name}-${round}-${index}`,
          customerId: `${name}-${round % 50}`,
          properties: { total: 1 },
        }));
        expect(await timed(system.behave(clientId, batch))).toEqual({ accepted: 5, rejected: [] });
        sent += 5;
      }
    };
    const load = Promise.all([asking('ann'), asking('bob'), buying('ann'), buying('eve')]);
    const killed: number[] = [];
    for (let kill = 0; kill < 2; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await until('an engine to kill', 20_000, () => Number.isInteger(enginePid()) && !killed.includes(enginePid()));
      killed.push(enginePid());
      process.kill(enginePid(), 'SIGKILL');
    }
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    loading = false;
    await load;
    expect(answered).toBeGreaterThan(100);
    expect(sent).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(10_000);

    await until('the engine has come back', 20_000, () =>
      count('orders').then(
        () => true,
        () => false,
      ),
    );
    const last = await system.behave(
      clientId,
      [{ type: 'Order Completed', messageId: 'last', customerId: 'last', properties: { total: 1 } }],
      {
        wait: true,
      },
    );
    await system.live(clientId, last.position, 'AUDIENCE');
    expect(await count('orders')).toEqual({ rows: sent + 1, events: sent + 1 });
    await until('all answers are in the tables', 10_000, async () => (await count('content_served')).rows >= answered);
    expect(await count('content_served')).toEqual({ rows: answered, events: answered });
    for (const customerId of ['ann-0', 'eve-1', 'last']) {
      expect(await system.decide(clientId, 'home', { c: customerId })).toMatchObject({ segmentId: 'buyers', reason: 'TARGETING_MATCH' });
    }
    await expectAnswersByItsWay(system, { behaviour: true });
    expect((await fetch(`${system.edge}/health/ready`)).status).toBe(200);
    expect((await fetch(`${system.admin}/health/ready`)).status).toBe(200);
  });
});
