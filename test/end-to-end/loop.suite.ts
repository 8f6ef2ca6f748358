import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { expectAnswersByItsWay } from '../fast-path.js';
import { type Deployment, until } from '../system.js';

/** The whole circle once: behaviour → log → tables → segment → audience → another answer → recorded → explained. */
export function loopSuite(deployment: () => Deployment): void {
  describe('the loop', () => {
    let system: Deployment;
    let position: string;
    // A log that is not ours alone may know earlier runs.
    const clientId = `golf-${randomBytes(6).toString('hex')}`;

    beforeAll(async () => {
      system = deployment();
      await system.command('registerClient', 'RegisterClientInput!', {
        clientId,
        name: 'Golf & Sons',
        timeZone: 'Europe/London',
        currency: 'GBP',
        origins: ['https://golf.example'],
      });
      for (const [contentId, body] of [
        ['welcome', 'Welcome!'],
        ['thanks', 'Thank you for coming back.'],
        ['ten-off', 'Ten percent off.'],
      ]) {
        await system.command('registerContent', 'RegisterContentInput!', {
          clientId,
          contentId,
          type: 'TEXT',
          body,
          destination: 'https://golf.example/offers',
        });
      }
      await system.command('defineSegment', 'DefineSegmentInput!', {
        clientId,
        segmentId: 'buyers',
        name: 'Bought once',
        criteria: { field: 'orders.count', op: 'gte', value: 1 },
      });
      await system.command('defineSegment', 'DefineSegmentInput!', {
        clientId,
        segmentId: 'repeat',
        name: 'Came back',
        criteria: { field: 'visits.count', op: 'gt', value: 1 },
      });
      await system.command('createCampaign', 'CreateCampaignInput!', {
        clientId,
        campaignId: 'spring',
        name: 'Spring',
        defaultContentId: 'welcome',
      });
      await system.command('setCampaignRules', 'SetCampaignRulesInput!', {
        clientId,
        campaignId: 'spring',
        rules: [
          { ruleId: 'buyers', priority: 1, segmentId: 'buyers', contentId: 'thanks' },
          {
            ruleId: 'repeat',
            priority: 2,
            segmentId: 'repeat',
            groups: [
              { groupId: 'control', weight: 5000, contentId: null, control: true },
              { groupId: 'offer', weight: 5000, contentId: 'ten-off' },
            ],
          },
        ],
      });
      position = (await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'spring' })).position;
      await system.live(clientId, position, 'PLAYBOOK');
    });

    const eventually = async (customerId: string, ruleId: string) => {
      let answer: { ruleId: string | null } | undefined;
      await until(`${customerId} is answered by ${ruleId}`, 15_000, async () => {
        answer = await system.decide(clientId, 'spring', { c: customerId });
        return answer?.ruleId === ruleId;
      });
      // biome-ignore lint/suspicious/noExplicitAny: an answer, looked into by the test.
      return answer as any;
    };

    it('shows the default to whom it does not know', async () => {
      expect(await system.decide(clientId, 'spring', { c: 'ann', p: 'hero' })).toMatchObject({
        clientId,
        campaignId: 'spring',
        customerId: 'ann',
        placementId: 'hero',
        content: { contentId: 'welcome', type: 'text', body: 'Welcome!' },
        segmentId: null,
        ruleId: null,
        group: null,
        reason: 'DEFAULT',
      });
    });

    it('shows something else once the customer has bought', async () => {
      const outcome = await system.behave(clientId, [
        {
          type: 'Order Completed',
          messageId: 'm1',
          customerId: 'ann',
          sessionId: 's1',
          properties: { order_id: 'o1', products: [{ product_id: 'p1', quantity: 2, price: 9.99 }], email: 'ann@example.com' },
        },
        { type: 'Order Completed', messageId: 'm1', customerId: 'ann', sessionId: 's1', properties: { order_id: 'o1', total: 999 } },
        { type: 'Order Completed', messageId: 'm2', customerId: 'ann', properties: { order_id: 'o2', total: 1, currency: 'USD' } },
      ]);
      expect(outcome).toMatchObject({ accepted: 2, rejected: [{ index: 2, code: 'CURRENCY' }] });
      const answer = await eventually('ann', 'buyers');
      expect(answer).toMatchObject({ content: { contentId: 'thanks' }, segmentId: 'buyers', reason: 'TARGETING_MATCH' });
    });

    it('measures how long fresh behaviour took', async () => {
      await system.behave(clientId, [{ type: 'Order Completed', messageId: 'f1', customerId: 'fay', properties: { total: 3 } }]);
      await eventually('fay', 'buyers');
      await until('the increment is measured', 10_000, async () => (await system.metric('vitrine_behaviour_freshness_seconds_count')) >= 1);
    });

    it('keeps a customer in the same group, and says so', async () => {
      const now = Date.now();
      const visits = [0, 1].flatMap((visit) =>
        Array.from({ length: 40 }, (_, index) => ({
          type: 'Page Viewed',
          messageId: `v${visit}-${index}`,
          customerId: `visitor-${index}`,
          sessionId: `visit-${visit}`,
          timestamp: new Date(now - visit * 86_400_000).toISOString(),
          properties: { url: 'https://golf.example/' },
        })),
      );
      const { position: reached } = await system.behave(clientId, visits, { wait: true });
      await system.live(clientId, reached, 'AUDIENCE');
      const groups = new Map<string, number>();
      for (let index = 0; index < 40; index += 1) {
        const first = await system.decide(clientId, 'spring', { c: `visitor-${index}` });
        expect(first).toMatchObject({ reason: 'SPLIT', ruleId: 'repeat', segmentId: 'repeat' });
        expect(first.content?.contentId ?? null).toBe(first.group === 'offer' ? 'ten-off' : null);
        expect((await system.decide(clientId, 'spring', { c: `visitor-${index}` })).group).toBe(first.group);
        groups.set(first.group, (groups.get(first.group) ?? 0) + 1);
      }
      expect(groups.size).toBe(2);
    });

    it('records every answer, and explains it from the log and the snapshots it names', async () => {
      const answer = await system.decide(clientId, 'spring', { c: 'ann', u: 'https://golf.example/shoes', p: 'hero' });
      await until(
        'the answer is in the tables',
        15_000,
        async () =>
          Number((await system.select(`SELECT count() AS n FROM content_served WHERE decision_id = '${answer.decisionId}'`))[0].n) === 1,
      );
      const { explainDecision } = await system.ask(
        'query ($id: ID!) { explainDecision(decisionId: $id) { recorded { customerId ruleId contentId audience } recomputed { ruleId contentId reason } agrees steps } }',
        { id: answer.decisionId },
      );
      expect(explainDecision).toMatchObject({
        recorded: { customerId: 'ann', ruleId: 'buyers', contentId: 'thanks', audience: answer.audience },
        recomputed: { ruleId: 'buyers', contentId: 'thanks', reason: 'TARGETING_MATCH' },
        agrees: true,
      });
      expect(explainDecision.steps.length).toBeGreaterThan(0);
    });

    it('counts a click once, and takes nobody anywhere by a bad token', async () => {
      const answer = await system.decide(clientId, 'spring', { c: 'ann' });
      for (let time = 0; time < 2; time += 1) {
        const click = await fetch(answer.content.destination, { redirect: 'manual' });
        expect([click.status, click.headers.get('location')]).toEqual([302, 'https://golf.example/offers']);
      }
      await system.behave(
        clientId,
        [{ type: 'Content Clicked', messageId: 'c1', customerId: 'ann', properties: { decisionId: answer.decisionId } }],
        { wait: true },
      );
      expect((await fetch(`${answer.content.destination.slice(0, -4)}AAAA`, { redirect: 'manual' })).status).toBe(404);
      await until(
        'the click is in the tables',
        15_000,
        async () =>
          Number(
            (
              await system.select(
                `SELECT count() AS n FROM behaviour WHERE client_id = '${clientId}' AND customer_id = 'ann' AND type = 'Content Clicked'`,
              )
            )[0].n,
          ) === 1,
      );
      const last = await system.behave(clientId, [{ type: 'Page Viewed', messageId: 'p1', customerId: 'bob', properties: {} }], {
        wait: true,
      });
      const { customers } = await system.ask(
        'query ($c: ID!, $f: Criteria) { customers(clientId: $c, filter: $f) { totalCount edges { node { customerId fields segmentIds } } } }',
        { c: clientId, f: { customers: ['ann'] } },
        { after: last.position },
      );
      expect(customers.edges[0].node).toMatchObject({
        customerId: 'ann',
        segmentIds: expect.arrayContaining(['buyers']),
        fields: { 'orders.count': 1, 'orders.total': '19.9800', 'content.clicked': 1, 'email.known': true },
      });
    });

    it('holds no e-mail address in clear, neither in the log nor in the tables', async () => {
      const rows = await system.select(
        `SELECT toString(properties) AS p FROM behaviour WHERE client_id = '${clientId}' AND customer_id = 'ann'`,
      );
      expect(JSON.stringify(rows)).not.toContain('ann@example.com');
      expect(JSON.stringify(rows)).toContain('email_sealed');
    });

    it('has answered by the fast path, or without it where that is off', () => expectAnswersByItsWay(system, { behaviour: true }));

    it('stops cleanly, and a second start goes on where the first stopped', async () => {
      expect(await system.stop()).toBe(0);
      await system.restart();
      await until(
        'the node answers from its own disk',
        10_000,
        async () => (await system.decide(clientId, 'spring', { c: 'ann' })).ruleId === 'buyers',
      );
      const { position: reached } = await system.behave(
        clientId,
        [{ type: 'Order Completed', messageId: 'm9', customerId: 'bob', properties: { total: '5' } }],
        { wait: true },
      );
      await system.live(clientId, reached, 'AUDIENCE');
      expect(await system.decide(clientId, 'spring', { c: 'bob' })).toMatchObject({ ruleId: 'buyers' });
    });

    it('loses nothing when it is killed', async () => {
      await system.behave(clientId, [{ type: 'Order Completed', messageId: 'm10', customerId: 'eve', properties: { total: 7 } }]);
      await system.kill();
      await system.restart();
      expect(await eventually('eve', 'buyers')).toMatchObject({ content: { contentId: 'thanks' } });
      expect(
        Number((await system.select(`SELECT count() AS n FROM orders WHERE client_id = '${clientId}' AND customer_id = 'eve'`))[0].n),
      ).toBe(1);
    });
  });
}
