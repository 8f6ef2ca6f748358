import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectAnswersByItsWay } from '../fast-path.js';
import { System, until } from '../system.js';

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

/** What `npm start` shows: real data, queries that are answered differently, and a shop. */
describe('the demo', () => {
  let system: System;
  const ready = () => until('the demo is set up', 120_000, () => system.printed.includes('Queries to try'));
  beforeAll(async () => {
    system = await System.start({}, ['--demo']);
    await ready();
  }, 180_000);
  afterAll(() => system?.dispose());

  const tried = () =>
    [...system.printed.matchAll(/curl '([^']+)'\n\s+→ (\S+): (.+)/g)].map(([, url, contentId, why]) => ({ url, contentId, why }));
  const page = async (path: string) => (await fetch(`${system.edge}/demo${path}`)).text();
  const shownTo = async (customer: string, campaign = 'home') => (await system.decide('giftshop', campaign, { c: customer })).content;

  it('prints queries that really are answered differently', async () => {
    await until('all are printed', 5_000, () => tried().length >= 3);
    const shown = new Set<string>();
    for (const { url, contentId, why } of tried()) {
      const answer = (await (await fetch(url as string)).json()) as { content: { contentId: string } | null; reason: string };
      expect(answer.content?.contentId ?? 'nothing').toBe(contentId);
      expect(why).toContain(answer.reason);
      shown.add(contentId as string);
    }
    expect(shown.size).toBe(tried().length);
    expect(shown.size).toBeGreaterThanOrEqual(3);
    await expectAnswersByItsWay(system);
  });

  it('holds the whole slice, its times moved so that the last is today', async () => {
    const [row] = await system.select(
      "SELECT count() AS orders, max(time) <= now() AS past, max(time) > now() - INTERVAL 1 DAY AS today FROM orders WHERE client_id = 'giftshop'",
    );
    expect(Number(row.orders)).toBeGreaterThan(4000);
    expect([Boolean(Number(row.past)), Boolean(Number(row.today))]).toEqual([true, true]);
  });

  it('tells what the system knows, and what a visitor would be shown, without recording that', async () => {
    const [{ customer_id: customer }] = await system.select(
      "SELECT customer_id FROM customers WHERE client_id = 'giftshop' AND orders_total >= 5000 ORDER BY customer_id DESC LIMIT 1",
    );
    const about = JSON.parse(await page(`/about?c=${customer}&slot=home:top&slot=basket:offer&x.cart_items=1&x.cart_total=31`));
    expect(about).toMatchObject({
      customer: { customerId: customer, segments: expect.arrayContaining([{ segmentId: 'best-customers', name: 'Spent £5,000 or more' }]) },
      now: [
        { campaignId: 'home', ruleId: 'best', words: 'First look: the winter table' },
        { campaignId: 'basket', ruleId: 'full', contentId: 'basket-postage' },
      ],
    });
    expect(Number(about.customer.fields['content.served'])).toBe(0);
    expect(await shownTo(customer)).toMatchObject({ contentId: 'hero-first-look' });
  });

  it('has a real customer for each segment of the data, and one for each group of the test', async () => {
    const people = await page('/people');
    const customers = [...people.matchAll(/data-become="([^"]+)"/g)].map(([, id]) => id as string);
    expect(customers.length).toBeGreaterThanOrEqual(7);
    const groups = new Set<string | null>();
    for (const customer of customers) groups.add((await system.decide('giftshop', 'welcome-back', { c: customer })).group);
    for (const group of ['nothing', 'ten', 'twenty', 'twenty-five']) expect([...groups]).toContain(group);
    for (const [, group] of people.matchAll(/Group “([^”]+)”/g)) expect([...groups]).toContain(group);
  });

  it('lets no key reach a page', async () => {
    const kept = readdirSync(system.data).filter((name) => name.startsWith('key.'));
    expect(kept).toEqual(['key.giftshop']);
    const key = readFileSync(join(system.data, 'key.giftshop'), 'utf8').trim();
    for (const path of [
      '/',
      '/p/22423',
      '/people',
      '/about?c=12348&slot=home:top',
      '/why/none',
      '/explain/none',
      '/facts',
      '/coupons',
      '/assets/strip.js',
    ]) {
      const text = await page(path);
      expect(text).not.toContain(key);
      expect(text).not.toContain(system.adminKey);
    }
    // And the key is for this client alone.
    const other = await system.graphql('{ client(clientId: "giftshop") { name } }', {}, { key });
    expect(other.data).toEqual({ client: { name: 'A gift shop (UCI Online Retail)' } });
    const refused = await system.graphql(
      'mutation { registerClient(input: {clientId: "x", name: "x"}) { userErrors { code } } }',
      {},
      { key },
    );
    expect(refused.data).toEqual({ registerClient: { userErrors: [{ code: 'FORBIDDEN' }] } });
  });

  it('changes what a segment sees with the mutation of the README, as written there; a second start leaves that as it is', async () => {
    const mutation = /```graphql\n(mutation[^`]+)```/.exec(readme)?.[1] as string;
    const { data, errors } = await system.graphql(mutation);
    expect([errors, data.reviseContent.userErrors]).toEqual([undefined, []]);
    const customer = 'a-new-visitor';
    await system.behave('giftshop', [
      { type: 'Page Viewed', messageId: 'm-1', customerId: customer, properties: { url: `${system.edge}/demo/` } },
    ]);
    await until(
      'the visitor sees the change',
      20_000,
      async () => (await shownTo(customer))?.body?.includes('Changed in GraphiQL') === true,
    );

    const before = (
      await system.graphql('{ segments(clientId: "giftshop") { totalCount } campaigns(clientId: "giftshop") { totalCount } }')
    ).data;
    const served = await shownTo('12348');
    await system.stop();
    await system.restart({ VITRINE_DEMO: 'on' });
    await ready();
    expect(system.printed).not.toContain('imported');
    expect(system.printed).not.toContain('brought up to date');
    expect((await shownTo(customer))?.body).toContain('Changed in GraphiQL');
    expect(await shownTo('12348')).toMatchObject({ contentId: served.contentId });
    expect(
      (await system.graphql('{ segments(clientId: "giftshop") { totalCount } campaigns(clientId: "giftshop") { totalCount } }')).data,
    ).toEqual(before);
  });
});

/** A data folder in which a demo of before there was a shop was set up. */
describe('the demo of an earlier version', () => {
  let system: System;
  afterAll(() => system?.dispose());

  it('is brought up to date', async () => {
    const clientId = 'giftshop';
    system = await System.start();
    await system.command('registerClient', 'RegisterClientInput!', {
      clientId,
      name: 'A gift shop',
      currency: 'GBP',
      timeZone: 'Europe/London',
    });
    await system.command('registerContent', 'RegisterContentInput!', {
      clientId,
      contentId: 'welcome',
      type: 'HTML',
      body: '<h2>Old</h2>',
    });
    const repeat = { segmentId: 'repeat-buyers', name: 'Bought more than once', criteria: { field: 'orders.count', op: 'gt', value: 1 } };
    await system.command('defineSegment', 'DefineSegmentInput!', { clientId, ...repeat });
    const home = { clientId, campaignId: 'home' };
    await system.command('createCampaign', 'CreateCampaignInput!', { ...home, name: 'Home page, top', defaultContentId: 'welcome' });
    const groups = [{ groupId: 'nothing', weight: 10_000, contentId: null, control: true }];
    const rules = [{ ruleId: 'four-ways', priority: 30, segmentId: 'repeat-buyers', groups }];
    await system.command('setCampaignRules', 'SetCampaignRulesInput!', { ...home, rules });
    await system.command('startCampaign', 'CampaignInput!', home);
    await system.stop();

    await system.restart({ VITRINE_DEMO: 'on' });
    await until('the demo is set up', 120_000, () => system.printed.includes('Queries to try'));
    expect(system.printed).toContain('brought up to date');
    const { data } = await system.graphql('{ campaigns(clientId: "giftshop") { edges { node { campaignId status rules { ruleId } } } } }');
    const campaigns = data.campaigns.edges.map(({ node }: { node: object }) => node);
    expect(campaigns).toHaveLength(5);
    expect(campaigns).toContainEqual({
      campaignId: 'home',
      status: 'RUNNING',
      rules: ['best', 'thank-you', 'win-back', 'undecided', 'basket', 'first-visit'].map((ruleId) => ({ ruleId })),
    });
    expect((await system.decide(clientId, 'home', { c: 'nobody' })).content.body).toContain('Small gifts, well chosen');
  }, 120_000);
});
