import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import { demoCampaigns } from '../definitions/campaigns.js';
import { demoContents } from '../definitions/contents.js';
import { couponOf } from '../definitions/coupons.js';
import { addDemo } from './demo-module.js';
import { RunningSystem } from './system.js';

describe('the demo shop, without the rest', () => {
  let server: FastifyInstance;
  const system = new RunningSystem();
  beforeAll(async () => {
    server = Fastify();
    addDemo(server, system);
    await server.ready();
  });
  afterAll(() => server.close());

  const get = (url: string, cookie = '') => server.inject({ url, headers: { cookie } });
  const post = (url: string, form: Record<string, string>, cookie = '', more: InjectOptions['headers'] = {}) =>
    server.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...more },
      payload: new URLSearchParams(form).toString(),
    });
  const basket = 'demo_cart=22423-1.20725-2';

  it('serves every page as HTML of its own, with landmarks, a language, and nothing foreign', async () => {
    for (const url of [
      '/demo/',
      '/demo/c/home',
      '/demo/p/22423',
      '/demo/search?q=bunting',
      '/demo/cart',
      '/demo/checkout',
      '/demo/thanks',
    ]) {
      const { headers, body } = await get(url, `${basket}; demo_order=D-0123456789/TEN/22423-1`);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self' 'nonce-");
      for (const part of ['<html lang="en-GB">', '<main id="main">', '<nav', '<header', '<footer', 'CC BY 4.0', 'times were moved']) {
        expect(body).toContain(part);
      }
      expect(body.match(/<h1/g)).toHaveLength(1);
      const loaded = [...body.matchAll(/<(?:script|img|link)[^>]*(?:src|href)="([^"]*)"/g)].map(([, address]) => address as string);
      expect(loaded.filter((address) => !address.startsWith('/'))).toEqual([]);
      for (const address of loaded.filter((path) => path.startsWith('/demo/'))) {
        expect([address, (await get(address)).statusCode]).toEqual([address, 200]);
      }
    }
  });

  it('says 404 in its own pages for what it does not have', async () => {
    const addresses = [
      '/demo/p/00000',
      '/demo/p/..%2f..%2fetc',
      '/demo/c/none',
      '/demo/nothing',
      '/demo/thanks',
      `/demo/p/${'9'.repeat(90)}`,
    ];
    for (const url of addresses) {
      const { statusCode, body } = await get(url);
      expect([url, statusCode]).toEqual([url, 404]);
      expect(body).toContain('Vitrine');
    }
    expect((await get('/demo/pictures/nope.svg')).statusCode).toBe(404);
    expect((await get('/demo/assets/..%2f..%2fdemo.ts')).statusCode).toBe(404);
    expect((await get('/demo')).headers.location).toBe('/demo/');
  });

  it('shows what visitors bring as text', async () => {
    const hostile = `"><script>alert(1)</script>'&amp;${'\u0000'}`;
    for (const url of ['/demo/search?q=', '/demo/cart?coupon=', '/demo/explain/', '/demo/c/', '/demo/p/']) {
      const { statusCode, body } = await get(url + encodeURIComponent(hostile));
      expect(statusCode).toBeLessThan(504);
      expect(body).not.toContain('<script>alert');
    }
    const { body } = await get(`/demo/search?q=${encodeURIComponent('</script><b>')}`);
    expect(JSON.parse(/<script type="application\/json" id="page">(.*?)<\/script>/s.exec(body)?.[1] ?? '')).toMatchObject({
      events: [['Products Searched', { query: '</script><b>' }]],
    });
    for (const url of ['/demo/search?q=a&q=b', '/demo/search?q[]=a', '/demo/?x=%', '/demo/cart?coupon=%00']) {
      expect((await get(url)).statusCode).toBeLessThan(500);
    }
    // Cut at 64 characters, this id ends within one.
    for (const id of [`${'a'.repeat(63)}😀`, `d-${'1'.repeat(70)}`]) {
      expect((await get(`/demo/explain/${encodeURIComponent(id)}`)).statusCode).toBe(404);
    }
    expect((await get('/demo/cart', 'demo_cart=%%%; demo_coupon=<b>; demo_order=; ;;=')).statusCode).toBe(200);
  });

  it('keeps a basket, also for a visitor without scripts', async () => {
    const added = await post('/demo/basket', { code: '20725', action: 'add' }, 'demo_cart=22423-1');
    expect([added.statusCode, added.headers.location]).toEqual([303, '/demo/cart']);
    expect(added.headers['set-cookie']).toContain('demo_cart=22423-1.20725-1; Path=/demo;');
    const answered = await post('/demo/basket', { code: '20725', action: 'add' }, basket, { accept: 'application/json' });
    expect(answered.json()).toEqual({ name: 'Lunch Bag Red Retro Spot', items: 4 });
    expect((await post('/demo/basket', { code: 'nope', action: 'add' })).statusCode).toBe(404);
    expect((await post('/demo/basket', { code: '20725', action: 'explode' }, basket)).headers['set-cookie']).toContain('22423-1.20725-2');
    expect((await get('/demo/cart', `${basket}; demo_coupon=TEN`)).body).toContain('TEN, when you complete this order');
  });

  it('places an order once, however often its form is sent, with its coupon', async () => {
    const checkout = await get('/demo/checkout', `${basket}; demo_coupon=STAY15`);
    const orderId = /name="order_id" value="([^"]+)"/.exec(checkout.body)?.[1] as string;
    const placed = await post('/demo/order', { order_id: orderId }, `${basket}; demo_coupon=STAY15`);
    expect([placed.statusCode, placed.headers.location]).toEqual([303, '/demo/thanks']);
    const cookies = [placed.headers['set-cookie']].flat() as string[];
    expect(cookies.find((cookie) => cookie.startsWith('demo_order'))).toContain(`demo_order=${orderId}/STAY15/22423-1.20725-2;`);
    expect(cookies.filter((cookie) => cookie.includes('Max-Age=0')).map((cookie) => cookie.split('=')[0])).toEqual([
      'demo_cart',
      'demo_coupon',
    ]);
    // Sent again, by when the basket is empty: the same order is shown.
    const again = await post('/demo/order', { order_id: orderId }, `demo_order=${orderId}/STAY15/22423-1.20725-2`);
    expect(again.headers['set-cookie']).toBeUndefined();
    const { body } = await get('/demo/thanks', `demo_order=${orderId}/STAY15/22423-1.20725-2`);
    const { events } = JSON.parse(/id="page">(.*?)<\/script>/s.exec(body)?.[1] ?? '');
    expect(events).toEqual([
      ['Order Completed', expect.objectContaining({ order_id: orderId, coupon: 'STAY15', total: '16.59', currency: 'GBP' })],
    ]);
    expect((await get('/demo/checkout')).headers.location).toBe('/demo/cart');
  });

  it('knows the codes that its contents name, and has every content that its campaigns name', () => {
    const named = demoContents.flatMap(({ body }) => [...body.matchAll(/coupon=(\w+)/g)].map(([, code]) => code as string));
    expect(named.length).toBeGreaterThanOrEqual(6);
    for (const code of named) expect(couponOf(code)?.code).toBe(code);
    const contents = new Set(demoContents.map(({ contentId }) => contentId));
    const wanted = [...JSON.stringify(demoCampaigns).matchAll(/"(?:defaultC|c)ontentId":"([^"]+)"/g)].map(([, id]) => id as string);
    expect(wanted.filter((id) => !contents.has(id))).toEqual([]);
  });

  describe('while the admin', () => {
    const asked = [
      '/demo/about?c=12348&slot=home:top',
      '/demo/why/d-1',
      '/demo/facts',
      '/demo/coupons',
      '/demo/people',
      '/demo/explain/d-1',
    ];
    const everythingSays = async (words: string) => {
      for (const url of asked) {
        const { statusCode, body } = await get(url);
        expect([url, statusCode]).toEqual([url, 503]);
        expect(body).toContain(words);
        expect(body).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|vk_/);
      }
      expect((await get('/demo/')).statusCode).toBe(200);
    };
    let silent: Server | undefined;
    afterAll(() => {
      silent?.closeAllConnections();
      silent?.close();
    });

    it('is not there yet, says so and goes on', () => everythingSays('still being set up'));

    it('is away, says so and goes on', async () => {
      system.connect({ url: 'http://127.0.0.1:1', key: 'vk_secret' });
      await everythingSays('does not answer');
    });

    it('does not answer in time, says so and goes on', async () => {
      silent = createServer(() => undefined);
      await new Promise<void>((resolve) => silent?.listen(0, '127.0.0.1', resolve));
      system.connect({ url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, key: 'vk_secret', waitMsMax: 50 });
      await everythingSays('does not answer');
    });
  });

  it('asks about nobody and about no ids', async () => {
    expect((await get('/demo/about')).json()).toMatchObject({ code: 'NOBODY' });
    expect((await get('/demo/about?c=')).statusCode).toBe(400);
    expect((await get(`/demo/about?c=${'x'.repeat(65)}`)).statusCode).toBe(400);
    expect((await get('/demo/about', 'vt_c_giftshop=%')).json()).toMatchObject({ code: 'NOBODY' });
  });
});
