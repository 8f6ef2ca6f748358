import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { recomputeFrom } from '#libs/decisions';
import type { ContentServedFact } from '#libs/domain';
import { type AskedEdge, contents, golf, iphone } from './asked-edge.js';
import { playbook, until } from './edge.js';

/** What is refused, recorded and counted. */
export function recordsSuite(asked: AskedEdge): void {
  const { get, answer, raw, errorOf, served } = asked;

  describe('what cannot be answered', () => {
    const refused: [string, number, string][] = [
      ['/q/tennis/spring', 404, 'CLIENT_UNKNOWN'],
      ['/q/golf/autumn', 404, 'CAMPAIGN_UNKNOWN'],
      ['/q/golf/constructor', 404, 'CAMPAIGN_UNKNOWN'],
      ['/q/golf/__proto__', 400, 'CAMPAIGN_ID_MALFORMED'],
      ['/q/golf', 404, 'NOT_FOUND'],
      ['/q', 404, 'NOT_FOUND'],
      ['/q/golf/spring/x', 404, 'NOT_FOUND'],
      ['/nowhere', 404, 'NOT_FOUND'],
      ['/q/../etc', 400, 'CLIENT_ID_MALFORMED'],
      ['/q/golf/..%2F..%2Fetc', 400, 'CAMPAIGN_ID_MALFORMED'],
      [`/q/golf/'%20OR%201=1`, 400, 'CAMPAIGN_ID_MALFORMED'],
      ['/q/golf/spring%00', 400, 'CAMPAIGN_ID_MALFORMED'],
      ['/q/golf/%zz', 400, 'URL_MALFORMED'],
      ['/q/golf/%c3', 400, 'URL_MALFORMED'],
      ['/q/golf/spring?c=%', 400, 'URL_MALFORMED'],
      ['/q/golf/spring?c=%00', 400, 'CUSTOMER_ID_MALFORMED'],
      ['/q/golf/spring?c=%F0%9F%8F%8C%0A', 400, 'CUSTOMER_ID_MALFORMED'],
      [`/q/golf/spring?c=${'a'.repeat(65)}`, 400, 'CUSTOMER_ID_MALFORMED'],
      [`/q/golf/spring?c=${'a'.repeat(10_000)}`, 414, 'URL_TOO_LONG'],
      [`/q/golf/${'a'.repeat(10_000)}`, 414, 'URL_TOO_LONG'],
      [`/q/golf/${'a'.repeat(200)}`, 400, 'CAMPAIGN_ID_MALFORMED'],
    ];
    it.each(refused.map((row) => [row[0].slice(0, 60), ...row] as const))('%s', async (_name, path, status, code) => {
      const response = await raw(path);
      expect([response.status, JSON.parse(response.body)]).toEqual([status, { code, message: expect.any(String) }]);
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(response.headers['cache-control']).toBe('no-store');
    });

    it('is told to the methods that are not', async () => {
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const response = await get('/q/golf/spring', {}, method);
        expect([response.headers.get('allow'), ...(await errorOf(response))]).toEqual([
          'GET, HEAD, POST, OPTIONS',
          405,
          'METHOD_NOT_ALLOWED',
        ]);
      }
      expect(await errorOf(await get('/k/abc', {}, 'POST'))).toEqual([405, 'METHOD_NOT_ALLOWED']);
    });

    it('is told in JSON also where HTTP ends', async () => {
      const { hostname, port } = new URL(asked.edge.url);
      const spoken = (text: string) =>
        new Promise<string>((resolve, reject) => {
          const socket = connect(Number(port), hostname, () => socket.write(text));
          let heard = '';
          socket.on('data', (chunk) => {
            heard += chunk;
          });
          socket.on('end', () => resolve(heard)).on('error', reject);
        });
      expect(await spoken('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 (?:.|\s)*\{"code":"REQUEST_MALFORMED"/);
      expect(await spoken(`GET /q/golf/${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 414 (?:.|\s)*\{"code":"URL_TOO_LONG"/,
      );
      expect(await spoken(`GET /q/golf/spring HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 431 (?:.|\s)*\{"code":"HEADERS_TOO_LARGE"/,
      );
    });
  });

  describe('what is recorded', () => {
    it('explains the answer later', async () => {
      const shown = await answer('/q/golf/spring?c=ann&s=s1&p=hero&r=https%3A%2F%2Fsearch.example%2F&x.page_type=cart', {
        'user-agent': iphone,
        referer: 'https://golf.example/page',
        'cf-ipcountry': 'FR',
      });
      const event = await served(shown.decisionId);
      expect(event?.stream).toMatch(/^served-golf\./);
      expect(event?.data).toEqual({
        decisionId: shown.decisionId,
        campaignId: 'spring',
        customerId: 'ann',
        sessionId: 's1',
        placementId: 'hero',
        contentId: 'ten',
        segmentId: 'repeat',
        ruleId: 'r2',
        group: null,
        reason: 'TARGETING_MATCH',
        playbook: shown.playbook,
        audience: shown.audience,
        audienceBuiltAt: expect.stringMatching(/^\d{4}-.*Z$/),
        sampleRate: 1,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        form: 'json',
        request: {
          url: 'https://golf.example/page',
          referrer: 'https://search.example/',
          device: 'mobile',
          browser: 'safari',
          country: 'FR',
          context: { page_type: 'cart' },
        },
      });
      const again = await recomputeFrom(asked.builder.publication, 'golf', event?.data as unknown as ContentServedFact);
      expect(again).toMatchObject({ agrees: true, decision: { ruleId: 'r2', content: { contentId: 'ten' } } });
      expect(again?.steps).toEqual([
        'The customer is in: repeat.',
        'Rule r1 (priority 1) did not match: the customer is not in segment vip.',
        'Rule r2 (priority 2) matched: content ten.',
      ]);
    });

    it('is each form, also of answers that are nothing, and every recorded answer can be computed again', async () => {
      await get('/q/golf/spring?c=bob&f=redirect');
      await get('/q/golf/body?c=bob&f=body');
      await answer('/q/golf/paused?c=ann');
      await answer('/q/golf/split?c=bob');
      const events = (await asked.edge.recorded()).filter((event) => event.type === 'ContentServed');
      const facts = events.map((event) => event.data as unknown as ContentServedFact);
      expect(new Set(facts.map((fact) => fact.form))).toEqual(new Set(['json', 'body', 'batch', 'redirect']));
      expect(new Set(facts.map((fact) => fact.reason))).toEqual(new Set(['TARGETING_MATCH', 'SPLIT', 'DEFAULT', 'DISABLED']));
      for (const fact of facts) expect((await recomputeFrom(asked.builder.publication, 'golf', fact))?.agrees).toBe(true);
      const changed = { ...facts[0], contentId: 'other' } as ContentServedFact;
      expect((await recomputeFrom(asked.builder.publication, 'golf', changed))?.agrees).toBe(false);
      expect(await recomputeFrom(asked.builder.publication, 'golf', { ...changed, playbook: '0'.repeat(16) })).toBeNull();
    });

    it('is a sample where the client wants one, with its rate', async () => {
      await asked.builder.playbook(
        playbook('sampled', contents, golf.campaigns['spring'] ? [golf.campaigns['spring']] : [], { sampleRate: 0.5 }),
      );
      await until('the playbook is loaded', () => asked.edge.tables.of('sampled') !== undefined);
      await Promise.all(Array.from({ length: 200 }, () => answer('/q/sampled/spring?c=ann')));
      const facts = (await asked.edge.recorded()).filter((event) => event.stream.startsWith('served-sampled'));
      // Six standard deviations.
      expect(Math.abs(facts.length - 100)).toBeLessThan(43);
      expect(new Set(facts.map((event) => event.data['sampleRate']))).toEqual(new Set([0.5]));
    });
  });

  describe('metrics', () => {
    it('count answers by reason, refusals by code, and say what is loaded', async () => {
      const text = await asked.edge.registry.metrics();
      expect(text).toMatch(/vitrine_answers_total\{client="golf",reason="TARGETING_MATCH"\} \d+/);
      expect(text).toMatch(/vitrine_queries_refused_total\{code="CAMPAIGN_UNKNOWN"\} \d+/);
      expect(text).toMatch(/vitrine_answer_seconds_count \d+/);
      expect(text).toMatch(/vitrine_snapshot_info\{client="golf",kind="audience",version="[0-9a-f]{16}"\} 1/);
      expect(text).toMatch(/vitrine_snapshot_age_seconds\{client="golf",kind="playbook"\} \d/);
      expect(text).toMatch(/vitrine_snapshot_position\{client="golf",kind="audience"\} 2/);
      expect(text).toMatch(/vitrine_clicks_total\{client="golf"\} \d+/);
    });
  });
}
