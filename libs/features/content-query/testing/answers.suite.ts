import { describe, expect, it } from '@jest/globals';
import { type AskedEdge, iphone } from './asked-edge.js';

/** Answers to one query, their forms, and their click addresses. */
export function answersSuite(asked: AskedEdge): void {
  const { get, answer, raw, errorOf, clicksOf } = asked;

  describe('an answer', () => {
    it('has the shape of the contract, absent values null', async () => {
      const [loadedAudience, loadedPlaybook] = [
        asked.edge.tables.of('golf')?.audience?.version,
        asked.edge.tables.of('golf')?.playbookVersion,
      ];
      const response = await get('/q/golf/spring?c=ann&p=hero');
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await response.json()).toEqual({
        decisionId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/),
        clientId: 'golf',
        campaignId: 'spring',
        customerId: 'ann',
        placementId: 'hero',
        content: {
          contentId: 'ten',
          type: 'image',
          address: 'https://cdn.example/ten.png',
          destination: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/k\/[A-Za-z0-9_-]+$/),
          width: 728,
          height: 90,
          alt: '10 % off',
        },
        segmentId: 'repeat',
        ruleId: 'r2',
        group: null,
        reason: 'TARGETING_MATCH',
        playbook: loadedPlaybook,
        audience: loadedAudience,
      });
    });

    it('gives a customer in two segments the rule of the smaller priority, its body in place of an address', async () => {
      expect(await answer('/q/golf/spring?c=bob')).toMatchObject({
        content: { contentId: 'html', type: 'html', body: '<b>Hi</b>' },
        segmentId: 'vip',
        ruleId: 'r1',
      });
      expect((await answer('/q/golf/spring?c=bob')).content).not.toHaveProperty('address');
    });

    it('gives unknown customers and those in no segment the default, unless a rule is for everyone', async () => {
      for (const customer of ['cem', 'nobody']) {
        expect(await answer(`/q/golf/spring?c=${customer}`)).toMatchObject({
          content: { contentId: 'plain', destination: null },
          ruleId: null,
          reason: 'DEFAULT',
        });
        expect(await answer(`/q/golf/spring?c=${customer}&x.cart_items=3`)).toMatchObject({
          content: { contentId: 'umlaut' },
          ruleId: 'r3',
        });
      }
      expect(await answer('/q/golf/bare?c=ann')).toMatchObject({ content: null, reason: 'DEFAULT' });
    });

    it('is nothing for a paused campaign', async () => {
      expect(await answer('/q/golf/paused?c=ann')).toMatchObject({ content: null, ruleId: null, reason: 'DISABLED' });
    });

    it('draws groups that stay, and shows a control group nothing', async () => {
      const drawn = await Promise.all(Array.from({ length: 40 }, (_, index) => answer(`/q/golf/split?c=customer-${index}`)));
      expect(new Set(drawn.map((one) => one.group))).toEqual(new Set(['control', 'shown']));
      for (const one of drawn) {
        expect(one).toMatchObject({ reason: 'SPLIT', ruleId: 's1' });
        expect(one.content === null).toBe(one.group === 'control');
        expect((await answer(`/q/golf/split?c=${one.customerId}`)).group).toBe(one.group);
      }
    });

    it('knows the device and the country that the trusted proxy names', async () => {
      expect(await answer('/q/golf/body?c=ann', { 'user-agent': iphone })).toMatchObject({ ruleId: 'b1' });
      expect(await answer('/q/golf/abroad?c=ann', { 'cf-ipcountry': 'de' })).toMatchObject({ ruleId: 'de' });
      for (const country of ['FR', 'XX', 'DEU', '']) {
        expect(await answer('/q/golf/abroad?c=ann', { 'cf-ipcountry': country })).toMatchObject({ reason: 'DEFAULT' });
      }
    });

    it('to HEAD has no body, sets no cookie and is not recorded', async () => {
      const before = (await asked.edge.recorded()).length;
      const response = await raw('/q/golf/spring', {}, 'HEAD');
      expect([response.status, response.body, response.headers['set-cookie']]).toEqual([200, '', undefined]);
      expect(Number(response.headers['content-length'])).toBeGreaterThan(100);
      expect((await asked.edge.recorded()).length).toBe(before);
    });
  });

  describe('the forms', () => {
    it('redirect to the address', async () => {
      const response = await get('/q/golf/spring?c=ann&f=redirect');
      expect([response.status, response.headers.get('location'), response.headers.get('cache-control')]).toEqual([
        302,
        'https://cdn.example/ten.png',
        'no-store',
      ]);
      expect((await get('/q/golf/spring?c=x&x.cart_items=9&f=redirect')).headers.get('location')).toBe('https://cdn.example/%C3%BC.png');
      expect(await errorOf(await get('/q/golf/spring?c=bob&f=redirect'))).toEqual([406, 'NO_ADDRESS']);
    });

    it('give the body, which cannot act as the edge’s own page', async () => {
      const response = await get('/q/golf/body?c=ann&f=body');
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': 'sandbox allow-scripts',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
      expect(await response.text()).toBe('<b>Hi</b>');
      expect((await get('/q/golf/body?c=ann&f=body', { 'user-agent': iphone })).headers.get('content-type')).toBe(
        'text/javascript; charset=utf-8',
      );
      expect((await get('/q/golf/spring?c=ann&f=body')).headers.get('location')).toBe('https://cdn.example/ten.png');
    });

    it('are 204 where there is nothing to show', async () => {
      for (const form of ['redirect', 'body', 'click']) {
        const response = await get(`/q/golf/bare?c=ann&f=${form}`);
        expect([form, response.status, await response.text()]).toEqual([form, 204, '']);
      }
      // Content that leads nowhere leaves the visitor on the page.
      expect((await get('/q/golf/spring?c=cem&f=click')).status).toBe(204);
    });

    it('take a click of a customer whom the request brings, of nobody else', async () => {
      const clicks = async () => (await asked.edge.recorded()).filter((event) => event.type === 'ContentClicked');
      const before = (await clicks()).length;
      const follow = async (path: string, headers: Record<string, string> = {}) => {
        const response = await get(path, headers);
        expect([response.status, response.headers.get('location')]).toEqual([302, 'https://golf.example/ten?a=b']);
        return response;
      };
      await follow('/q/golf/spring?c=ann&p=hero&f=click');
      await follow('/q/golf/spring?f=click&s=s7', { cookie: 'vt_c_golf=ann' });
      expect(
        (await clicks()).slice(before).map(({ data }) => [data['customerId'], data['sessionId'], data['contentId'], data['via']]),
      ).toEqual([
        ['ann', null, 'ten', 'form'],
        ['ann', 's7', 'ten', 'form'],
      ]);
      const all = (await clicks()).length;
      await get('/q/golf/split?f=click');
      await get('/q/golf/spring?c=ann&f=click', { 'sec-purpose': 'prefetch' });
      expect((await clicks()).length).toBe(all);
    });
  });

  describe('a click address', () => {
    const destinationFor = async (query: string) => (await answer(`/q/golf/spring?${query}`)).content?.destination ?? '';

    it('leads to the destination, and every click on it says the same message', async () => {
      const shown = await answer('/q/golf/spring?c=ann&s=s1&p=hero');
      const address = new URL(shown.content?.destination ?? '').pathname;
      for (let time = 0; time < 2; time++) {
        const response = await get(address);
        expect([response.status, response.headers.get('location'), response.headers.get('cache-control')]).toEqual([
          302,
          'https://golf.example/ten?a=b',
          'no-store',
        ]);
      }
      await get(address, {}, 'HEAD');
      await get(address, { 'sec-purpose': 'prefetch;prerender' });
      const clicks = await clicksOf(shown.decisionId);
      expect(clicks.length).toBe(2);
      for (const click of clicks) {
        expect(click.stream).toMatch(/^behaviour-golf\./);
        expect(click.data).toEqual({
          messageId: `click-${shown.decisionId}`,
          decisionId: shown.decisionId,
          campaignId: 'spring',
          customerId: 'ann',
          sessionId: 's1',
          placementId: 'hero',
          contentId: 'ten',
          segmentId: 'repeat',
          ruleId: 'r2',
          group: null,
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          via: 'address',
        });
      }
    });

    it('is 404 and never a redirect when it is not ours', async () => {
      const good = new URL(await destinationFor('c=ann')).pathname;
      const before = (await asked.edge.recorded()).length;
      for (const path of [
        '/k/',
        '/k',
        '/k/abc',
        `${good}A`,
        good.slice(0, -1),
        `${good}/x`,
        '/k/..%2f',
        '/k/%00',
        `/k/${'A'.repeat(5000)}`,
        '/k//evil.example',
      ]) {
        const response = await raw(path);
        expect([path.slice(0, 20), response.status, JSON.parse(response.body).code, response.headers['location']]).toEqual([
          path.slice(0, 20),
          404,
          expect.stringMatching(/^(CLICK_ADDRESS_UNKNOWN|NOT_FOUND)$/),
          undefined,
        ]);
      }
      expect((await raw(`/k/${'A'.repeat(9000)}`)).status).toBe(414);
      expect((await asked.edge.recorded()).length).toBe(before);
    });

    it('begins as the request named the edge', async () => {
      const host = (headers: Record<string, string>) =>
        raw('/q/golf/spring?c=ann', headers).then(({ body }) => JSON.parse(body).content?.destination as string);
      expect(await host({ host: 'shop.example:8080' })).toMatch(/^http:\/\/shop\.example:8080\/k\//);
      expect(await host({ host: 'shop.example', 'x-forwarded-proto': 'https' })).toMatch(/^https:\/\/shop\.example\/k\//);
      expect((await raw('/q/golf/spring?c=ann', { host: 'evil.example/"' })).status).toBe(400);
    });
  });
}
