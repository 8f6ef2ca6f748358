import { describe, expect, it } from '@jest/globals';
import { bodyBytesMax, slotsMax } from '../limits.js';
import { type AnswerJson, type AskedEdge } from './asked-edge.js';

/** Who asks, from where, and for how many slots. */
export function callersSuite(asked: AskedEdge): void {
  const { get, post, errorOf, served } = asked;

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
      for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xc3]]) {
        const body = Buffer.concat([
          Buffer.from('{"customerId":"a'),
          Buffer.from(wrong),
          Buffer.from('","slots":[{"campaignId":"spring"}]}'),
        ]);
        expect(await errorOf(await post('/q/golf', body))).toEqual([400, 'BODY_MALFORMED']);
      }
      expect(await errorOf(await post('/q/tennis', '{"slots":[]}'))).toEqual([404, 'CLIENT_UNKNOWN']);
      expect(await errorOf(await post('/q/golf/spring', '{"slots":[]}'))).toEqual([405, 'METHOD_NOT_ALLOWED']);
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
}
