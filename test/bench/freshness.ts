/**
 * How long until fresh behaviour counts: from `POST /e` until the same customer is answered differently, in standalone, one customer after
 * another at random moments, with a background of other customers' behaviour and queries. Target: < 5 s at the 95th percentile with the
 * default increment interval.
 *
 *   npm run build && node dist/test/bench/freshness.js [customers, 60 by default]
 */
import { System } from '../system.js';

const customers = Number(process.argv[2] ?? 60);
const clientId = 'fresh';

const system = await System.start({ VITRINE_INCREMENT_SECONDS: '2' });
try {
  await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Freshness' });
  await system.command('registerContent', 'RegisterContentInput!', { clientId, contentId: 'bought', type: 'TEXT', body: 'bought' });
  await system.command('defineSegment', 'DefineSegmentInput!', {
    clientId,
    segmentId: 'buyers',
    name: 'Buyers',
    criteria: { field: 'orders.count', op: 'gte', value: 1 },
  });
  await system.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId: 'c', name: 'C' });
  await system.command('setCampaignRules', 'SetCampaignRulesInput!', {
    clientId,
    campaignId: 'c',
    rules: [{ ruleId: 'r', priority: 1, segmentId: 'buyers', contentId: 'bought' }],
  });
  const { position } = await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'c' });
  await system.live(clientId, position, 'PLAYBOOK');

  let running = true;
  let messages = 0;
  const background = (async () => {
    while (running) {
      const batch = Array.from({ length: 20 }, () => ({
        type: 'Page Viewed',
        messageId: `b${++messages}`,
        customerId: `other-${messages % 5000}`,
        properties: { url: 'https://shop.example/' },
      }));
      await system.behave(clientId, batch);
      await system.decide(clientId, 'c', { c: `other-${messages % 5000}` });
      await pause(20);
    }
  })();

  const seconds: number[] = [];
  for (let index = 0; index < customers; index += 1) {
    const customerId = `buyer-${index}`;
    await pause(Math.random() * 2500);
    const started = performance.now();
    await system.behave(clientId, [
      { type: 'Order Completed', messageId: `o${index}`, customerId, properties: { order_id: `o${index}`, total: 10 } },
    ]);
    while ((await system.decide(clientId, 'c', { c: customerId })).ruleId !== 'r') await pause(10);
    seconds.push((performance.now() - started) / 1000);
  }
  running = false;
  await background;
  seconds.sort((a, b) => a - b);
  const at = (share: number) => seconds[Math.min(seconds.length - 1, Math.ceil(share * seconds.length) - 1)]?.toFixed(2);
  console.log(`${customers} customers, ${messages} other events: p50 ${at(0.5)} s, p95 ${at(0.95)} s, p99 ${at(0.99)} s, most ${at(1)} s`);
} finally {
  await system.dispose();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
