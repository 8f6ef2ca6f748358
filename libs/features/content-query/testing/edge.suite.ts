import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recomputeFrom } from '#libs/decisions';
import type { ContentServedFact } from '#libs/domain';
import type { ContentQueryOptions } from '../content-query.module.js';
import { bodyBytesMax, slotsMax } from '../limits.js';
import { Builder, campaign, content, type Edge, type Folders, group, makeFolders, playbook, rule, startEdge, until } from './edge.js';

const contents = [
  content('plain', { destination: null }),
  content('ten', { width: 728, height: 90, alt: '10 % off' }),
  content('html', { type: 'html', address: null, body: '<b>Hi</b>' }),
  content('script', { type: 'script', address: null, body: 'alert(1)', destination: null }),
  content('umlaut', { address: 'https://cdn.example/ü.png' }),
];
const segmentIds = ['repeat', 'vip'];
const members = { ann: ['repeat'], bob: ['repeat', 'vip'], cem: [] };
const golf = playbook('golf', contents, [
  campaign('spring', [
    rule('r1', 1, { segmentId: 'vip', contentId: 'html' }),
    rule('r2', 2, { segmentId: 'repeat', contentId: 'ten' }),
    rule('r3', 3, { when: { field: 'context.cart_items', op: 'gte', value: 3 }, contentId: 'umlaut' }),
  ]),
  campaign('split', [rule('s1', 1, { groups: [group('control', 5000, null), group('shown', 5000, 'ten')] })]),
  campaign('paused', [rule('r1', 1, { contentId: 'ten' })], { status: 'paused' }),
  campaign('bare', [], { defaultContentId: null }),
  campaign('body', [
    rule('b1', 1, { when: { field: 'request.device', op: 'eq', value: 'mobile' }, contentId: 'script' }),
    rule('b2', 2, { contentId: 'html' }),
  ]),
  campaign('abroad', [rule('de', 1, { when: { field: 'request.country', op: 'eq', value: 'DE' }, contentId: 'ten' })]),
]);
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

interface AnswerJson {
  decisionId: string;
  customerId: string;
  content: { contentId: string; destination: string | null } | null;
  group: string | null;
  ruleId: string | null;
  segmentId: string | null;
  reason: string;
  audience: string | null;
  playbook: string;
}

/** What a content-query node does over HTTP. */
export function edgeSuite(options: Pick<ContentQueryOptions, 'fastPath'>): void {
  let folders: Folders;
  let builder: Builder;
  let edge: Edge;

  beforeAll(async () => {
    folders = await makeFolders();
    builder = await Builder.open(folders);
    edge = await startEdge(folders, { countryHeader: 'cf-ipcountry', ...options });
    await builder.playbook(golf);
    await builder.audience('golf', segmentIds, members);
    await until('the snapshots are loaded', () => edge.tables.of('golf')?.audience != null);
  });
  afterAll(async () => {
    await edge.close();
    await builder.publication.close();
    await folders.remove();
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${edge.url}${path}`, { headers, method, redirect: 'manual' });
  const answer = async (path: string, headers: Record<string, string> = {}): Promise<AnswerJson> => {
    const response = await get(path, headers);
    expect(response.status).toBe(200);
    return (await response.json()) as AnswerJson;
  };
  /** As it stands in the request line: fetch would repair it. */
  const raw = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const { hostname, port } = new URL(edge.url);
      httpRequest({ hostname, port, path, headers, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      })
        .on('error', reject)
        .end();
    });
  const post = (path: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${edge.url}${path}`, { method: 'POST', body, headers });
  const errorOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
  const served = async (decisionId: string) =>
    (await edge.recorded()).find((event) => event.type === 'ContentServed' && event.data['decisionId'] === decisionId);
  const clicksOf = async (decisionId: string) =>
    (await edge.recorded()).filter((event) => event.type === 'ContentClicked' && event.data['decisionId'] === decisionId);

  describe('an answer', () => {
    it('has the shape of the contract, absent values null', async () => {
      const [loadedAudience, loadedPlaybook] = [edge.tables.of('golf')?.audience?.version, edge.tables.of('golf')?.playbookVersion];
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
      const before = (await edge.recorded()).length;
      const response = await raw('/q/golf/spring', {}, 'HEAD');
      expect([response.status, response.body, response.headers['set-cookie']]).toEqual([200, '', undefined]);
      expect(Number(response.headers['content-length'])).toBeGreaterThan(100);
      expect((await edge.recorded()).length).toBe(before);
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
      const clicks = async () => (await edge.recorded()).filter((event) => event.type === 'ContentClicked');
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
      const before = (await edge.recorded()).length;
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
      expect((await edge.recorded()).length).toBe(before);
    });

    it('begins as the request named the edge', async () => {
      const host = (headers: Record<string, string>) =>
        raw('/q/golf/spring?c=ann', headers).then(({ body }) => JSON.parse(body).content?.destination as string);
      expect(await host({ host: 'shop.example:8080' })).toMatch(/^http:\/\/shop\.example:8080\/k\//);
      expect(await host({ host: 'shop.example', 'x-forwarded-proto': 'https' })).toMatch(/^https:\/\/shop\.example\/k\//);
      expect((await raw('/q/golf/spring?c=ann', { host: 'evil.example/"' })).status).toBe(400);
    });
  });

  describe('who asks', () => {
    it('gets ids and cookies when there are none', async () => {
      const response = await get('/q/golf/spring');
      const { customerId } = (await response.json()) as AnswerJson;
      expect(customerId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(response.headers.getSetCookie()).toEqual([
        `vt_c_golf=${customerId}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax`,
        expect.stringMatching(/^vt_s_golf=[0-9a-f-]{36}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/),
      ]);
      const secure = await get('/q/golf/spring', { 'x-forwarded-proto': 'https' });
      expect(secure.headers.getSetCookie()[0]).toMatch(/; HttpOnly; SameSite=None; Secure$/);
    });

    it('is known again by the cookie, on every form', async () => {
      const cookie = 'vt_c_golf=ann; vt_s_golf=s1';
      const response = await get('/q/golf/spring', { cookie });
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await response.json()).toMatchObject({ customerId: 'ann', ruleId: 'r2' });
      expect((await get('/q/golf/spring?f=redirect', { cookie })).headers.get('location')).toBe('https://cdn.example/ten.png');
      expect((await get('/q/golf/spring?f=redirect')).headers.getSetCookie().length).toBe(2);
    });

    it('gets a new id in place of a malformed cookie', async () => {
      const response = await get('/q/golf/spring', { cookie: `vt_c_golf=${'a'.repeat(100)}` });
      expect(response.status).toBe(200);
      expect(((await response.json()) as AnswerJson).customerId).toMatch(/^[0-9a-f-]{36}$/);
    });
  });

  describe('a batch', () => {
    const ask = async (body: unknown) => {
      const response = await post('/q/golf', JSON.stringify(body));
      expect(response.status).toBe(200);
      return (await response.json()) as { customerId: string; decisions: Record<string, unknown>[] };
    };

    it('answers all slots in order, each for itself', async () => {
      const { customerId, decisions } = await ask({
        customerId: 'ann',
        sessionId: 's1',
        page: 'https://golf.example/cart',
        context: { cart_items: 5 },
        slots: [
          { campaignId: 'spring', placementId: 'hero' },
          { campaignId: 'autumn', placementId: 'side' },
          { campaignId: 'no such id', placementId: 'side' },
          'nonsense',
          { campaignId: 'paused' },
        ],
      });
      expect(customerId).toBe('ann');
      expect(decisions).toMatchObject([
        { campaignId: 'spring', placementId: 'hero', customerId: 'ann', ruleId: 'r2' },
        { campaignId: 'autumn', placementId: 'side', error: { code: 'CAMPAIGN_UNKNOWN' } },
        { campaignId: 'no such id', placementId: 'side', error: { code: 'CAMPAIGN_ID_MALFORMED' } },
        { campaignId: null, placementId: null, error: { code: 'SLOTS_MALFORMED' } },
        { campaignId: 'paused', placementId: null, reason: 'DISABLED' },
      ]);
      expect((await served(decisions[0]?.['decisionId'] as string))?.data).toMatchObject({
        form: 'batch',
        sessionId: 's1',
        placementId: 'hero',
        request: { url: 'https://golf.example/cart', context: { cart_items: '5' } },
      });
    });

    it('takes JSON as text/plain too, and nothing else', async () => {
      const body = '{"customerId":"ann","slots":[{"campaignId":"spring"}]}';
      for (const type of ['text/plain;charset=UTF-8', 'application/json; charset=utf-8']) {
        expect((await post('/q/golf', body, { 'content-type': type })).status).toBe(200);
      }
      expect(await errorOf(await post('/q/golf', body, { 'content-type': 'application/x-www-form-urlencoded' }))).toEqual([
        415,
        'MEDIA_TYPE_UNSUPPORTED',
      ]);
    });

    it('has limits', async () => {
      const slots = (count: number) => JSON.stringify({ slots: Array.from({ length: count }, () => ({ campaignId: 'spring' })) });
      expect((await post('/q/golf', slots(slotsMax))).status).toBe(200);
      expect(await errorOf(await post('/q/golf', slots(slotsMax + 1)))).toEqual([413, 'TOO_MANY_SLOTS']);
      expect(await errorOf(await post('/q/golf', ' '.repeat(bodyBytesMax + 1)))).toEqual([413, 'BODY_TOO_LARGE']);
      expect(await errorOf(await post('/q/golf', '{"slots":'))).toEqual([400, 'BODY_MALFORMED']);
      expect(await errorOf(await post('/q/golf', ''))).toEqual([400, 'BODY_MALFORMED']);
      expect(await errorOf(await post('/q/tennis', '{"slots":[]}'))).toEqual([404, 'CLIENT_UNKNOWN']);
      expect(await errorOf(await post('/q/golf/spring', '{"slots":[]}'))).toEqual([405, 'METHOD_NOT_ALLOWED']);
    });
  });

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
      const { hostname, port } = new URL(edge.url);
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

  describe('pages of other sites', () => {
    it('may ask; only declared ones with cookies', async () => {
      const cors = async (origin: string, path = '/q/golf/spring?c=ann', method = 'GET') => {
        const { headers } = await get(path, { origin }, method);
        return [headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials'), headers.get('vary')];
      };
      expect(await cors('https://golf.example')).toEqual(['https://golf.example', 'true', 'origin']);
      for (const origin of ['https://evil.example', 'https://golf.example.evil.example', 'http://golf.example', 'null']) {
        expect(await cors(origin)).toEqual(['*', null, 'origin']);
      }
      expect(await cors('https://golf.example', '/q/tennis/spring')).toEqual(['*', null, 'origin']);
      expect(await cors('https://golf.example', '/q/golf/autumn')).toEqual(['https://golf.example', 'true', 'origin']);
    });

    it('may ask whether they may', async () => {
      const response = await get('/q/golf', { origin: 'https://golf.example', 'access-control-request-method': 'POST' }, 'OPTIONS');
      expect(response.status).toBe(204);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': 'https://golf.example',
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, HEAD, POST',
        'access-control-allow-headers': 'content-type',
      });
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
      const again = await recomputeFrom(builder.publication, 'golf', event?.data as unknown as ContentServedFact);
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
      const events = (await edge.recorded()).filter((event) => event.type === 'ContentServed');
      const facts = events.map((event) => event.data as unknown as ContentServedFact);
      expect(new Set(facts.map((fact) => fact.form))).toEqual(new Set(['json', 'body', 'batch', 'redirect']));
      expect(new Set(facts.map((fact) => fact.reason))).toEqual(new Set(['TARGETING_MATCH', 'SPLIT', 'DEFAULT', 'DISABLED']));
      for (const fact of facts) expect((await recomputeFrom(builder.publication, 'golf', fact))?.agrees).toBe(true);
      const changed = { ...facts[0], contentId: 'other' } as ContentServedFact;
      expect((await recomputeFrom(builder.publication, 'golf', changed))?.agrees).toBe(false);
      expect(await recomputeFrom(builder.publication, 'golf', { ...changed, playbook: '0'.repeat(16) })).toBeNull();
    });

    it('is a sample where the client wants one, with its rate', async () => {
      await builder.playbook(
        playbook('sampled', contents, golf.campaigns['spring'] ? [golf.campaigns['spring']] : [], { sampleRate: 0.5 }),
      );
      await until('the playbook is loaded', () => edge.tables.of('sampled') !== undefined);
      await Promise.all(Array.from({ length: 200 }, () => answer('/q/sampled/spring?c=ann')));
      const facts = (await edge.recorded()).filter((event) => event.stream.startsWith('served-sampled'));
      // Six standard deviations.
      expect(Math.abs(facts.length - 100)).toBeLessThan(43);
      expect(new Set(facts.map((event) => event.data['sampleRate']))).toEqual(new Set([0.5]));
    });
  });

  describe('metrics', () => {
    it('count answers by reason, refusals by code, and say what is loaded', async () => {
      const text = await edge.registry.metrics();
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
