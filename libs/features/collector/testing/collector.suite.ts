import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CollectorOptions } from '../collector.module.js';
import { collectBatchMax, collectBodyBytesMax } from '../limits.js';
import { type CollectorUnderTest, startCollector } from './collector-under-test.js';

/** What a collector does over HTTP. */
export function collectorSuite(options: Pick<CollectorOptions, 'fastPath'>): void {
  let collector: CollectorUnderTest;
  let next = 0;
  beforeAll(async () => {
    collector = await startCollector(options);
    await collector.register('golf', { currency: 'USD', origins: ['https://shop.example'] });
    await collector.register('tennis');
  });
  afterAll(() => collector.close());

  const view = (change: object = {}) => ({
    type: 'Product Viewed',
    messageId: `m${++next}`,
    customerId: 'c1',
    properties: { product_id: 'p1' },
    ...change,
  });

  async function send(body: unknown, { to = '/e/golf', at = collector.url, ...init }: RequestInit & { to?: string; at?: string } = {}) {
    const response = await fetch(at + to, {
      method: 'POST',
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text === '' ? null : (JSON.parse(text) as Record<string, unknown>) };
  }
  const outcome = async (...args: Parameters<typeof send>) => {
    const { status, json } = await send(...args);
    return [status, json?.code];
  };

  describe('POST /e/{clientId}', () => {
    it('takes good items, names bad ones, and the good ones are in the log with what was said', async () => {
      const item = view({
        sessionId: 's1',
        timestamp: '2026-03-01T10:00:00+01:00',
        properties: { product_id: 'p1', price: 12.5, shade: 'blue' },
      });
      const { status, json } = await send(
        { batch: [item, { ...view(), customerId: '' }, 5, view({ type: 'Sold' })] },
        { to: '/e/golf?wait=log' },
      );
      expect(status).toBe(202);
      expect(json).toMatchObject({
        accepted: 1,
        rejected: [
          { index: 1, code: 'CUSTOMER_ID_INVALID', message: expect.any(String) },
          { index: 2, code: 'ITEM_INVALID' },
          { index: 3, code: 'TYPE_UNKNOWN' },
        ],
        position: expect.stringMatching(/^\d+$/),
      });
      const recorded = (await collector.recorded()).at(-1);
      expect(String(recorded?.position)).toBe(json?.position);
      expect(recorded?.stream).toMatch(/^behaviour-golf\.node-1\./);
      expect(recorded).toMatchObject({
        type: 'ProductViewed',
        metadata: { clientId: 'golf', schema: 1 },
        data: {
          type: 'Product Viewed',
          messageId: item.messageId,
          customerId: 'c1',
          sessionId: 's1',
          time: '2026-03-01T09:00:00.000Z',
          properties: { product_id: 'p1', price: '12.5', shade: 'blue' },
        },
      });
    });

    it('as a beacon sends it: text/plain, no type, with cookies', async () => {
      for (const type of ['text/plain;charset=UTF-8', 'application/json; charset=utf-8', 'Application/JSON']) {
        const { status, json } = await send({ batch: [view()] }, { headers: { 'content-type': type, cookie: 'vt_c_golf=c1' } });
        expect([type, status, json]).toEqual([type, 202, { accepted: 1, rejected: [] }]);
      }
      const untyped = await fetch(`${collector.url}/e/golf`, {
        method: 'POST',
        body: new TextEncoder().encode(JSON.stringify({ batch: [view()] })),
      });
      expect(untyped.status).toBe(202);
      expect(await outcome({ batch: [] }, { headers: { 'content-type': '' } })).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED']);
      expect(await outcome('<a/>', { headers: { 'content-type': 'application/xml' } })).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED']);
      expect(await outcome('{}', { headers: { 'content-encoding': 'gzip' } })).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED']);
    });

    it('repeats are accepted', async () => {
      const item = view();
      expect((await send({ batch: [item, item] })).json).toEqual({ accepted: 2, rejected: [] });
      expect((await send({ batch: [] }, { to: '/e/golf?wait=log' })).json).toEqual({ accepted: 0, rejected: [], position: null });
    });

    it('malformed requests are 400, each with a code', async () => {
      for (const body of ['', '{', 'null', '[]', '{}', '{"batch":{}}', '{"batch":null}', new Uint8Array([0x7b, 0xff, 0x7d])]) {
        expect([String(body), ...(await outcome(body))]).toEqual([String(body), 400, 'BODY_MALFORMED']);
      }
      expect(await outcome({ batch: [] }, { to: '/e/golf?wait=now' })).toEqual([400, 'WAIT_INVALID']);
      for (const id of ['-golf', 'go.lf', '%00', 'a'.repeat(65), 'golf%27', '..%2fgolf']) {
        expect([id, ...(await outcome({ batch: [] }, { to: `/e/${id}` }))]).toEqual([id, 400, 'CLIENT_ID_MALFORMED']);
      }
      expect(await outcome({ batch: [] }, { to: '/e/%ff' })).toEqual([400, expect.any(String)]);
      expect(await outcome({ batch: [] }, { to: '/e/golf/x' })).toEqual([404, 'NOT_FOUND']);
      expect(await outcome({ batch: [] }, { to: '/elsewhere' })).toEqual([404, 'NOT_FOUND']);
      const get = await fetch(`${collector.url}/e/golf`);
      expect([get.status, get.headers.get('allow'), ((await get.json()) as { code: string }).code]).toEqual([
        405,
        'POST, OPTIONS',
        'METHOD_NOT_ALLOWED',
      ]);
    });

    it('one hostile item costs itself', async () => {
      const body = `{"batch":[{"type":"Page Viewed","messageId":"h1","customerId":"c1","properties":{"__proto__":{"polluted":true}}},{"type":"Page Viewed","messageId":"h2","customerId":"c1","__proto__":{"a":1},"properties":{"url":"https://shop.example/'\\u0000"}}]}`;
      expect((await send(body)).json).toMatchObject({ accepted: 1, rejected: [{ index: 0, code: 'PROPERTY_INVALID' }] });
      expect(await outcome(`{"batch":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toEqual([202, undefined]);
    });

    it('limits of bytes and items', async () => {
      const pad = (bytes: number) => {
        const empty = JSON.stringify({ batch: [], pad: '' });
        return JSON.stringify({ batch: [], pad: 'x'.repeat(bytes - empty.length) });
      };
      expect(await outcome(pad(collectBodyBytesMax))).toEqual([202, undefined]);
      expect(await outcome(pad(collectBodyBytesMax + 1))).toEqual([413, 'BODY_TOO_LARGE']);
      expect(await outcome({ batch: Array(collectBatchMax).fill(0) })).toEqual([202, undefined]);
      expect(await outcome({ batch: Array(collectBatchMax + 1).fill(0) })).toEqual([413, 'BATCH_TOO_LONG']);
    });

    it('a client is unknown only once the log has said so', async () => {
      expect(await outcome({ batch: [view()] }, { to: '/e/nobody' })).toEqual([404, 'CLIENT_UNKNOWN']);
      await collector.register('new-one');
      expect(await outcome({ batch: [view()] }, { to: '/e/new-one' })).toEqual([202, undefined]);
    });

    it('refunds and updates need a key of this client, or of all', async () => {
      const batch = () => [view(), view({ type: 'Order Refunded' }), view({ type: 'Customer Updated', properties: { tier: 'gold' } })];
      const accepted = async (authorization?: string) => {
        const { json } = await send({ batch: batch() }, authorization === undefined ? {} : { headers: { authorization } });
        const rejected = (json as { rejected: { code: string }[] }).rejected;
        const codes = new Set(rejected.map(({ code }) => code));
        expect([...codes]).toEqual(json?.accepted === 3 ? [] : ['KEY_REQUIRED']);
        return json?.accepted;
      };
      expect(await accepted()).toBe(1);
      expect(await accepted('Bearer unknown')).toBe(1);
      expect(await accepted('Bearer tennis-token')).toBe(1);
      expect(await accepted('Basic golf-token')).toBe(1);
      expect(await accepted('Bearer golf-token')).toBe(3);
      expect(await accepted('bearer  all-token')).toBe(3);
    });

    it('no address stands in clear anywhere on the disk', async () => {
      const email = 'very.secret@address.example';
      await send(
        {
          batch: [
            view({ type: 'Email Provided', properties: { email } }),
            view({ type: 'Order Completed', properties: { total: 1, Email: email } }),
          ],
        },
        { to: '/e/golf?wait=log' },
      );
      const newest = (await collector.recorded()).slice(-2);
      for (const { data } of newest) expect(data.properties).toMatchObject({ email_sealed: expect.stringMatching(/^v1\./) });
      const files = readdirSync(collector.folder, { recursive: true, encoding: 'utf8' }).map((name) => join(collector.folder, name));
      for (const file of files)
        if (statSync(file).isFile()) expect([file, readFileSync(file).includes('very.secret')]).toEqual([file, false]);
    });

    it('CORS: everyone may send, declared origins with cookies', async () => {
      const from = async (origin: string | undefined, method = 'POST') => {
        const response = await fetch(`${collector.url}/e/golf`, {
          method,
          ...(method === 'POST' ? { body: JSON.stringify({ batch: [] }) } : {}),
          headers: {
            ...(origin === undefined ? {} : { origin }),
            ...(method === 'OPTIONS' ? { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } : {}),
          },
        });
        return [
          response.status,
          response.headers.get('access-control-allow-origin'),
          response.headers.get('access-control-allow-credentials'),
          response.headers.get('access-control-allow-headers'),
          response.headers.get('vary'),
        ];
      };
      expect(await from(undefined)).toEqual([202, '*', null, null, 'origin']);
      expect(await from('https://other.example')).toEqual([202, '*', null, null, 'origin']);
      expect(await from('https://shop.example')).toEqual([202, 'https://shop.example', 'true', null, 'origin']);
      expect(await from('https://shop.example', 'OPTIONS')).toEqual([204, 'https://shop.example', 'true', 'content-type', 'origin']);
      expect(await from('https://shop.example.evil.example', 'OPTIONS')).toEqual([204, '*', null, 'content-type', 'origin']);
      const refused = await fetch(`${collector.url}/e/golf`, { method: 'POST', body: '{', headers: { origin: 'https://shop.example' } });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([400, 'https://shop.example']);
    });

    it('counts by reason', async () => {
      const metrics = await collector.registry.metrics();
      for (const line of [
        /vitrine_behaviour_accepted_total\{client="golf",type="Product Viewed"\} \d+/,
        /vitrine_behaviour_rejected_total\{client="golf",code="KEY_REQUIRED"\} \d+/,
        /vitrine_collect_refused_total\{code="BODY_MALFORMED"\} \d+/,
        /vitrine_collect_seconds_count [1-9]/,
      ]) {
        expect(metrics).toMatch(line);
      }
    });
  });

  describe('a collector under pressure', () => {
    it('answers 429 past the rate of one client, whoever else sends', async () => {
      const slow = await startCollector({ ...options, requestsPerSecondMax: 3 });
      try {
        await slow.register('golf');
        await slow.register('tennis');
        const sent = await Promise.all(Array.from({ length: 8 }, () => send({ batch: [] }, { at: slow.url })));
        const refused = sent.filter(({ status }) => status === 429);
        expect(refused.length).toBeGreaterThanOrEqual(4);
        expect(refused[0]?.json?.code).toBe('TOO_MANY_REQUESTS');
        expect(refused[0]?.headers.get('retry-after')).toBe('1');
        expect(await outcome({ batch: [] }, { at: slow.url, to: '/e/tennis' })).toEqual([202, undefined]);
      } finally {
        await slow.close();
      }
    });

    it('answers 503 when the spool is full, and nothing that it accepted is lost', async () => {
      let away = true;
      const small = await startCollector({ ...options, spoolBytesMax: 64 * 1024, logAway: () => away });
      try {
        await small.register('golf');
        let accepted = 0;
        let last = await send({ batch: [] }, { at: small.url });
        for (let n = 0; n < 200 && last.status === 202; n++) {
          last = await send({ batch: [view({ properties: { note: 'x'.repeat(2000) } })] }, { at: small.url });
          if (last.status === 202) accepted++;
        }
        expect([last.status, last.json?.code, last.headers.get('retry-after')]).toEqual([503, 'SPOOL_FULL', '5']);
        expect(accepted).toBeGreaterThan(5);
        away = false;
        await small.facts.drained();
        expect((await small.recorded()).length).toBe(accepted);
        expect(await outcome({ batch: [view()] }, { at: small.url })).toEqual([202, undefined]);
      } finally {
        away = false;
        await small.close();
      }
    });

    it('tells an unavailable log from an unknown client', async () => {
      let away = false;
      const cut = await startCollector({ ...options, readsAway: () => away });
      try {
        away = true;
        expect(await outcome({ batch: [view()] }, { at: cut.url, to: '/e/nobody' })).toEqual([503, 'LOG_UNAVAILABLE']);
        away = false;
        expect(await outcome({ batch: [view()] }, { at: cut.url, to: '/e/nobody' })).toEqual([404, 'CLIENT_UNKNOWN']);
      } finally {
        away = false;
        await cut.close();
      }
    });
  });
}
