import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Split } from '../split.js';
import { until } from '../system.js';

const clientId = 'golf';
let system: Split;
beforeAll(async () => {
  system = await Split.start({ eventLog: 'esdb', snapshots: 'nats', wired: true });
  await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf' });
  const criteria = { field: 'orders.count', op: 'gte', value: 1 };
  await system.command('defineSegment', 'DefineSegmentInput!', { clientId, segmentId: 'buyers', name: 'Buyers', criteria });
  await system.command('registerContent', 'RegisterContentInput!', { clientId, contentId: 'thanks', type: 'TEXT', body: 'Thanks' });
  await system.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId: 'home', name: 'Home' });
  const rules = [{ ruleId: 'buyers', priority: 1, segmentId: 'buyers', contentId: 'thanks' }];
  await system.command('setCampaignRules', 'SetCampaignRulesInput!', { clientId, campaignId: 'home', rules });
  const { position } = await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'home' });
  await system.live(clientId, position, 'PLAYBOOK');
});
afterAll(() => system?.dispose());

it.each(['cut', 'mute'] as const)(
  'while the leaders’ way to NATS is %s they stay up, lead nothing and say so; then they go on',
  async (kind) => {
    const leaders = ['projector', 'snapshot-builder'];
    const pids = () => leaders.map((name) => system.apps.get(name)?.pid);
    const before = pids();
    const wires = system.wires.filter(({ from, to }) => leaders.includes(from) && to === 'nats-server');
    expect(wires).toHaveLength(leaders.length);
    await Promise.all(wires.map((wire) => wire.become(kind)));
    try {
      await until('nobody leads', 20_000, async () => (await system.metric('vitrine_leads')) === 0);
      for (const name of leaders) await until(`${name} is not ready`, 20_000, async () => !(await system.isReady(name)));
      await system.behave(clientId, [{ type: 'Order Completed', messageId: kind, customerId: kind, properties: { total: 1 } }], {
        wait: true,
      });
      // Queries go on meanwhile.
      expect(await system.decide(clientId, 'home', { c: kind })).toMatchObject({ reason: 'DEFAULT' });
    } finally {
      await Promise.all(wires.map((wire) => wire.become('whole')));
    }
    for (const name of leaders) await until(`${name} is ready`, 20_000, () => system.isReady(name));
    await until('each duty has its leader', 20_000, async () => (await system.metric('vitrine_leads')) === leaders.length);
    await until('the order counts', 20_000, async () => (await system.decide(clientId, 'home', { c: kind })).ruleId === 'buyers');
    expect(pids()).toEqual(before);
    expect(leaders.every((name) => system.apps.get(name)?.isRunning)).toBe(true);
  },
);
