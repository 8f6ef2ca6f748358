import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { System, until } from '../system.js';

/** What `npm start` shows: real data, and three queries that are answered differently. */
describe('the demo', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start({}, ['--demo']);
    await until('the demo is set up', 120_000, () => system.printed.includes('Queries to try'));
  }, 180_000);
  afterAll(() => system?.dispose());

  const tried = () =>
    [...system.printed.matchAll(/curl '([^']+)'\n\s+→ (\S+): (.+)/g)].map(([, url, contentId, why]) => ({ url, contentId, why }));

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
  });

  it('holds the whole slice, its times moved so that the last is today', async () => {
    const [row] = await system.select(
      "SELECT count() AS orders, max(time) <= now() AS past, max(time) > now() - INTERVAL 1 DAY AS today FROM orders WHERE client_id = 'giftshop'",
    );
    expect(Number(row.orders)).toBeGreaterThan(4000);
    expect([Boolean(Number(row.past)), Boolean(Number(row.today))]).toEqual([true, true]);
  });
});
