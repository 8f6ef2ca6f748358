import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { until } from '../system.js';
import { fresh, Stage } from './stage.js';

const slot = `<div id="hero" data-vt-campaign="hero"><i>own</i></div>`;
const push = (...call: unknown[]) => `window.vitrine.push(${JSON.stringify(call)})`;

describe('behaviour, in a browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(() => ({ hero: { type: 'text', body: 'Ten percent off' } }));
  }, 120_000);
  afterEach(() => stage?.clear());
  afterAll(() => stage?.close());

  const sent = () => stage.proxy.requests('/e/').flatMap(({ body }) => JSON.parse(body).batch as { type: string; messageId: string }[]);
  const types = async (customer: string, count: number) => (await stage.behaviour(customer, count)).map(({ type }) => type);
  const delivered = (page: Page) => page.waitForFunction(`Object.keys(localStorage).every((key) => !key.startsWith('vt_e_'))`);

  it('reports a page with its address and where the visitor came from, and the commerce calls, also those from before the script', async () => {
    const early = `<script>
      window.vitrine = window.vitrine || [];
      vitrine.push(['track', 'Product Viewed', { product_id: 'mug-1', price: 4.5, currency: 'GBP' }]);
    </script>`;
    const page = await stage.open(
      '/shop?utm_source=news&utm_campaign=spring',
      null,
      await visitorOf(stage.page(early + stage.snippet(), '')),
    );
    const customer = await stage.customer(page);
    for (const call of [
      ['track', 'Products Searched', { query: 'mug' }],
      ['track', 'Product Added', { product_id: 'mug-1', price: 4.5, quantity: 2 }],
      ['track', 'Product Removed', { product_id: 'mug-1', quantity: 1 }],
      ['track', 'Cart Viewed'],
      ['track', 'Checkout Started', { total: 4.5 }],
      ['track', 'Email Provided', { email: 'ann@example.com' }],
      [
        'track',
        'Order Completed',
        { order_id: fresh('o'), total: 4.5, currency: 'GBP', coupon: 'TEN', products: [{ product_id: 'mug-1', quantity: 1, price: 4.5 }] },
      ],
    ]) {
      await page.evaluate(push(...call));
    }
    const rows = await stage.behaviour(customer, 9);
    expect(rows.map(({ type }) => type)).toEqual([
      'Page Viewed',
      'Product Viewed',
      'Products Searched',
      'Product Added',
      'Product Removed',
      'Cart Viewed',
      'Checkout Started',
      'Email Provided',
      'Order Completed',
    ]);
    expect(rows[0]).toMatchObject({ url: stage.site.at('/shop?utm_source=news&utm_campaign=spring') });
    expect(rows[1]).toMatchObject({ product_id: 'mug-1' });
    expect(new Set(rows.map((row) => row.session_id))).toEqual(new Set([(await stage.cookies(page))['vt_s_giftshop']]));
    const [order] = await stage.system.select(`SELECT total, coupon FROM orders WHERE customer_id = '${customer}'`);
    expect(order).toMatchObject({ total: 4.5, coupon: 'TEN' });
    expect(
      await stage.system.select(`SELECT arrival_source, arrival_campaign, email_known FROM customers WHERE customer_id = '${customer}'`),
    ).toEqual([expect.objectContaining({ arrival_source: 'news', arrival_campaign: 'spring' })]);
    expect(await page.evaluate('wrong')).toEqual([]);
  });

  const visitorOf = async (page: string) => {
    stage.site.put('/shop', page);
    return stage.visitor();
  };

  it('keeps customer and session in cookies as the edge does, for two tabs and the pages after', async () => {
    const visitor = await stage.visitor();
    const first = await stage.open('/', stage.page(stage.snippet(), slot), visitor);
    await stage.said(first, 1);
    const cookies = await visitor.cookies();
    const about = (name: string) => {
      const { value, expires, httpOnly, sameSite, path, domain } =
        cookies.find((cookie) => cookie.name === name) ?? ({} as (typeof cookies)[0]);
      return { value, lives: Math.round((expires - Date.now() / 1000) / 3600), httpOnly, sameSite, path, domain };
    };
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const kept = { httpOnly: false, sameSite: 'Lax', path: '/', domain: 'shop.test', value: expect.stringMatching(uuid) };
    expect(about('vt_c_giftshop')).toEqual({ ...kept, lives: 400 * 24 });
    expect(about('vt_s_giftshop')).toEqual({ ...kept, lives: 12 });
    const second = await stage.open('/', null, visitor);
    await stage.said(second, 1);
    await Promise.all([first.evaluate(push('track', 'Cart Viewed')), second.evaluate(push('track', 'Checkout Started'))]);
    const rows = await stage.behaviour(await stage.customer(first), 6);
    expect(rows.map(({ type }) => type).sort()).toEqual([
      'Cart Viewed',
      'Checkout Started',
      'Content Viewed',
      'Content Viewed',
      'Page Viewed',
      'Page Viewed',
    ]);
    expect(new Set(rows.map((row) => row.session_id)).size).toBe(1);
  });

  it('begins a new session when the old one is over, and replaces cookies that are no ids', async () => {
    const visitor = await stage.visitor();
    const page = await stage.open('/', stage.page(stage.snippet(), ''), visitor);
    const customer = await stage.customer(page);
    const before = (await stage.cookies(page))['vt_s_giftshop'];
    await visitor.clearCookies({ name: 'vt_s_giftshop' });
    await page.evaluate(push('track', 'Cart Viewed'));
    const after = (await stage.cookies(page))['vt_s_giftshop'];
    expect(after).not.toBe(before);
    const rows = await stage.behaviour(customer, 2);
    expect(rows.map((row) => row.session_id)).toEqual([before, after]);
    await visitor.addCookies([{ name: 'vt_c_giftshop', value: '%00%01', url: stage.site.at('/') }]);
    await page.reload();
    const replaced = await stage.customer(page);
    expect(replaced).toMatch(/^[0-9a-f-]{36}$/);
    expect(replaced).not.toBe(customer);
  });

  describe('consent taken back', () => {
    const asking = () => stage.page(stage.snippet('data-consent="required"'), slot);
    const agreed = async (page: Page) => {
      await page.evaluate(push('consent', true));
      await stage.customer(page);
      await delivered(page);
    };
    /** Nothing is stored or sent by this page, whatever happens on it. */
    const isSilent = async (page: Page) => {
      const before = stage.proxy.requests('').length;
      await page.evaluate(push('track', 'Cart Viewed'));
      await page.evaluate(push('page'));
      await page.evaluate(`dispatchEvent(new Event('online'))`);
      // The tag sends 50 ms after what it gathers: what it would send is on its way before this request of the page's own.
      await page.evaluate(
        `new Promise((done) => setTimeout(done, 200)).then(() => fetch('${stage.proxy.origin}/e/nobody', { method: 'POST', body: '{}' }))`,
      );
      expect(
        stage.proxy
          .requests('')
          .slice(before)
          .map(({ path }) => path),
      ).toEqual(['/e/nobody']);
      expect(await page.evaluate('[document.cookie, Object.keys(localStorage)]')).toEqual(['', []]);
      expect(await page.evaluate('wrong')).toEqual([]);
    };

    it('in one window holds in all others, also for what waits there; and is given again by each itself', async () => {
      const visitor = await stage.visitor();
      const first = await stage.open('/', asking(), visitor);
      const second = await stage.open('/', null, visitor);
      for (const page of [first, second]) await agreed(page);
      const before = await stage.customer(second);
      stage.proxy.set(({ path }) => (path.startsWith('/e/') ? 'cut' : null));
      await second.evaluate(push('track', 'Checkout Started'));
      await until('it was tried', 5_000, () => stage.proxy.requests('/e/').some(({ body }) => body.includes('Checkout Started')));
      await first.evaluate(push('consent', false));
      // The browser says it to the other window in its own time.
      await until('nothing is stored', 5_000, () => second.evaluate(`document.cookie === '' && localStorage.length === 0`));
      stage.proxy.forget();
      await isSilent(second);
      await isSilent(first);
      await second.evaluate(push('consent', true));
      const after = await stage.customer(second);
      expect(after).not.toBe(before);
      await second.evaluate(push('track', 'Product Viewed', { product_id: 'p1' }));
      expect(await types(after, 1)).toEqual(['Product Viewed']);
    });

    it('on a page holds for the one before it, which the browser kept whole', async () => {
      const visitor = await stage.visitor();
      const page = await stage.open('/', asking(), visitor);
      await agreed(page);
      await page.evaluate('window.mark = 1');
      stage.site.put('/privacy', asking());
      await page.goto(stage.site.at('/privacy'));
      await page.evaluate(push('consent', false));
      await page.goBack({ waitUntil: 'commit' });
      expect(await page.evaluate('window.mark')).toBe(1);
      await isSilent(page);
    });
  });

  it('reads its own cookies behind others of the same name that hold no ids, as the parent domain may have set them', async () => {
    const visitor = await stage.visitor();
    const wrong = { domain: '.shop.test', path: '/' };
    await visitor.addCookies([
      { ...wrong, name: 'vt_c_giftshop', value: '%E0%80' },
      { ...wrong, name: 'vt_s_giftshop', value: 'x'.repeat(65) },
    ]);
    stage.site.put('/', stage.page(stage.snippet(), slot));
    const page = await visitor.newPage();
    const seen: (string | undefined)[] = [];
    for (let visit = 0; visit < 2; visit += 1) {
      await page.goto(stage.site.at('/', 'www.shop.test'));
      const [said] = await stage.said(page, 1);
      seen.push(said.decision.customerId);
    }
    expect(seen[1]).toBe(seen[0]);
    const rows = await stage.behaviour(seen[0] as string, 4);
    expect(new Set(rows.map((row) => row.session_id)).size).toBe(1);
    expect(rows[0].session_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes the customer that the page names, whatever is in the id, with a session of their own', async () => {
    const page = await stage.open('/', stage.page(stage.snippet(), slot));
    await stage.said(page, 1);
    const before = (await stage.cookies(page))['vt_s_giftshop'];
    const named = fresh(`Zoë; "x" <b>'`);
    await page.evaluate(push('customer', named));
    for (const wrong of ['', 'x'.repeat(65), 'a\u0000b', null, {}]) await page.evaluate(push('customer', wrong));
    await page.evaluate(push('track', 'Cart Viewed'));
    const [row] = await stage.behaviour(named, 1);
    expect(row).toMatchObject({ type: 'Cart Viewed' });
    expect(row.session_id).not.toBe(before);
    await page.reload();
    await stage.said(page, 1);
    expect(JSON.parse(stage.proxy.requests('/q/').at(-1)?.body ?? '')).toMatchObject({ customerId: named, sessionId: row.session_id });
    await page.evaluate(push('customer', 42));
    expect(await stage.customer(page)).toBe('42');
    expect(await page.evaluate('wrong')).toEqual([]);
  });

  it('loses nothing of a page that is left before it sends', async () => {
    stage.site.put('/next', '<h1>Next</h1>');
    const page = await stage.open('/', stage.page(stage.snippet(), ''));
    const customer = await stage.customer(page);
    await page.evaluate(`${push('track', 'Order Completed', { order_id: 'left', total: 10 })}; location.href = '/next'`);
    await page.waitForURL(stage.site.at('/next'));
    expect(await types(customer, 2)).toEqual(['Page Viewed', 'Order Completed']);
  });

  it('loses nothing of a page that is left while it sends', async () => {
    stage.site.put('/next', '<h1>Next</h1>');
    const page = await stage.open('/', stage.page(stage.snippet(), ''));
    const customer = await stage.customer(page);
    await delivered(page);
    stage.proxy.set(stage.proxy.hold('/e/'));
    await page.evaluate(push('track', 'Order Completed', { order_id: 'left', total: 10 }));
    await until('it is being sent', 10_000, () => stage.proxy.waiting === 1);
    await page.goto(stage.site.at('/next'));
    stage.proxy.release();
    expect(await types(customer, 2)).toEqual(['Page Viewed', 'Order Completed']);
    // The page after it cannot know that it arrived, and sends it once more: it counts once.
    await page.goto(stage.site.at('/'));
    await delivered(page);
    expect(sent().filter(({ type }) => type === 'Order Completed')).toHaveLength(2);
    expect(await types(customer, 3)).toEqual(['Page Viewed', 'Order Completed', 'Page Viewed']);
  });

  it('loses nothing of a page that is closed at once', async () => {
    const visitor = await stage.visitor();
    const page = await stage.open('/', stage.page(stage.snippet(), ''), visitor);
    const customer = await stage.customer(page);
    await page.evaluate(push('track', 'Cart Viewed'));
    await page.close({ runBeforeUnload: true });
    expect(await types(customer, 2)).toEqual(['Page Viewed', 'Cart Viewed']);
  });

  it('sends again what failed, in order, and each counts once', async () => {
    let failures = 0;
    stage.proxy.set(({ path }) =>
      path.startsWith('/e/') && failures++ < 3 ? ((['cut', { status: 503 }, 'lose answer'] as const)[failures - 1] ?? null) : null,
    );
    const page = await stage.open('/', stage.page(stage.snippet(), ''));
    const customer = await stage.customer(page);
    await page.evaluate(push('track', 'Product Added', { product_id: 'a' }));
    await page.evaluate(push('track', 'Product Removed', { product_id: 'a' }));
    await delivered(page);
    expect(failures).toBeGreaterThanOrEqual(4);
    expect(await types(customer, 3)).toEqual(['Page Viewed', 'Product Added', 'Product Removed']);
    const ids = new Map(sent().map(({ type, messageId }) => [type, messageId]));
    expect(new Set(sent().map(({ messageId }) => messageId))).toEqual(new Set(ids.values()));
  });

  it('keeps for the next page what could not be sent, with its time', async () => {
    const visitor = await stage.visitor();
    stage.proxy.set(({ path }) => (path.startsWith('/e/') ? 'cut' : null));
    const page = await stage.open('/', stage.page(stage.snippet(), ''), visitor);
    const customer = await stage.customer(page);
    await page.evaluate(push('track', 'Order Completed', { order_id: 'later', total: 7 }));
    await page.close();
    stage.proxy.set();
    const later = await visitor.newPage();
    await later.clock.install({ time: Date.now() + 60_000 });
    await later.goto(stage.site.at('/'));
    await delivered(later);
    const rows = await stage.behaviour(customer, 3);
    expect(rows.map(({ type }) => type)).toEqual(['Page Viewed', 'Order Completed', 'Page Viewed']);
    expect(rows[1].time < rows[2].time).toBe(true);
    const batch = JSON.parse(stage.proxy.requests('/e/').at(-1)?.body ?? '').batch;
    expect(batch.map(({ timestamp }: { timestamp?: string }) => typeof timestamp)).toEqual(['string', 'string', 'undefined']);
  });

  it('is not held up by what stands in its place on the disk', async () => {
    const visitor = await stage.visitor();
    const page = await stage.open('/', '<h1>Before</h1>', visitor);
    const now = Date.now();
    const odd = {
      a: 'not json',
      b: 'null',
      c: '[]',
      d: '{"messageId":"d"}',
      e: '{"messageId":"e","at":9e15}',
      f: `{"messageId":"f","type":"Cart Viewed","properties":{},"customerId":"odd","at":"${now - 60_000}"}`,
      g: `{"messageId":"other","type":"Cart Viewed","properties":{},"customerId":"odd","at":${now}}`,
      h: `{"messageId":"h","type":5,"at":${now}}`,
    };
    for (const [id, text] of Object.entries(odd)) {
      await page.evaluate(`localStorage.setItem('vt_e_giftshop.${id}', ${JSON.stringify(text)})`);
    }
    // Of the client giftshop_2, on the same host.
    await page.evaluate(`localStorage.setItem('vt_e_giftshop_2.a', 'not mine')`);
    const next = await stage.open('/', stage.page(stage.snippet(), ''), visitor);
    expect((await stage.behaviour(await stage.customer(next), 1))[0]).toMatchObject({ type: 'Page Viewed' });
    await next.waitForFunction(`Object.keys(localStorage).join() === 'vt_e_giftshop_2.a'`);
    expect(await next.evaluate('wrong')).toEqual([]);
    expect((await stage.behaviour('odd', 1)).map((row) => row.message_id)).toEqual(['f']);
  });

  it('does not send again what the edge refuses', async () => {
    const page = await stage.open('/', stage.page(stage.snippet(), ''));
    const customer = await stage.customer(page);
    await delivered(page);
    stage.proxy.set(({ path }) => (path.startsWith('/e/') ? { status: 400 } : null));
    await page.evaluate(push('track', 'Cart Viewed'));
    await delivered(page);
    stage.proxy.set();
    await page.evaluate(push('track', 'No Such Thing', {}));
    await page.evaluate(push('track', 'Checkout Started', { total: 5 }));
    expect(await types(customer, 2)).toEqual(['Page Viewed', 'Checkout Started']);
    expect(sent().map(({ type }) => type)).toEqual(['Page Viewed', 'Cart Viewed', 'No Such Thing', 'Checkout Started']);
  });

  it('holds 500 events while the edge is away, the latest ones, and sends them in requests that a browser takes', async () => {
    stage.proxy.set(({ path }) => (path.startsWith('/e/') ? 'cut' : null));
    const page = await stage.open('/', stage.page(stage.snippet(), ''));
    const customer = await stage.customer(page);
    await page.evaluate(
      `for (let n = 0; n < 510; n += 1) vitrine.push(['track', 'Product Viewed', { product_id: 'p' + n, about: 'ü'.repeat(100) }])`,
    );
    stage.proxy.forget();
    await page.evaluate(`dispatchEvent(new Event('online'))`);
    await delivered(page);
    const rows = await stage.behaviour(customer, 500);
    expect(rows.map((row) => row.product_id)).toEqual(Array.from({ length: 500 }, (_, index) => `p${index + 10}`));
    for (const { body } of stage.proxy.requests('/e/')) expect(Buffer.byteLength(body)).toBeLessThan(64 * 1024);
  });

  it('counts a page that a visitor goes back to, as it was', async () => {
    stage.site.put('/next', '<h1>Next</h1><a href="javascript:history.back()">back</a>');
    const page = await stage.open('/', stage.page(stage.snippet(), slot));
    await stage.said(page, 1);
    await page.evaluate('window.mark = 1');
    const customer = await stage.customer(page);
    await page.goto(stage.site.at('/next'));
    await page.goBack({ waitUntil: 'commit' });
    expect(await page.evaluate('window.mark')).toBe(1);
    expect(await page.textContent('#hero')).toBe('Ten percent off');
    await page.goForward({ waitUntil: 'commit' });
    expect((await types(customer, 3)).sort()).toEqual(['Content Viewed', 'Page Viewed', 'Page Viewed']);
    expect(stage.proxy.requests('/q/')).toHaveLength(1);
  });

  it('follows a page that changes its address itself: a view and a question for each', async () => {
    const page = await stage.open('/', stage.page(stage.snippet(), slot));
    await stage.said(page, 1);
    const customer = await stage.customer(page);
    await page.evaluate(`history.pushState(0, '', '/second');
      document.body.insertAdjacentHTML('beforeend', '<div id="more" data-vt-campaign="hero" data-vt-placement="side">own</div>');
      ${push('page', { context: { page_type: 'cart' } })}`);
    const said = await stage.said(page, 3);
    expect(said.slice(1).map(({ shown, decision }) => [shown, decision.placementId])).toEqual([
      ['content', null],
      ['content', 'side'],
    ]);
    expect(JSON.parse(stage.proxy.requests('/q/').at(-1)?.body ?? '')).toMatchObject({
      page: stage.site.at('/second'),
      referrer: stage.site.at('/'),
      context: { page_type: 'cart' },
    });
    // What the first page showed gives way to the page's own content when the edge has nothing for the next.
    stage.proxy.set(({ path }) => (path.startsWith('/q/') ? 'cut' : null));
    await page.evaluate(push('page', { url: '/third', referrer: 'https://elsewhere.example/' }));
    await stage.said(page, 5);
    expect(await page.textContent('#hero')).toBe('own');
    const rows = (await stage.behaviour(customer, 6)).filter(({ type }) => type === 'Page Viewed');
    expect(rows.map(({ url, referrer }) => [url, referrer])).toEqual([
      [stage.site.at('/'), null],
      [stage.site.at('/second'), stage.site.at('/')],
      [stage.site.at('/third'), 'https://elsewhere.example/'],
    ]);
    // An application may keep its pages apart behind the # alone.
    await page.evaluate(`location.hash = '#/cart'; ${push('page')}`);
    await stage.said(page, 7);
    expect(JSON.parse(stage.proxy.requests('/q/').at(-1)?.body ?? '').page).toBe(stage.site.at('/second#/cart'));
  });

  it('does nothing for a page that the browser only prepares, and all of it when somebody looks', async () => {
    // The driver of this browser stops pages that are prepared: here a page only believes that it is one.
    const visitor = await stage.visitor();
    await visitor.addInitScript(`Object.defineProperty(document, 'prerendering', { value: true, configurable: true })`);
    const page = await stage.open('/', stage.page(stage.snippet('', 1000), slot), visitor);
    await page.waitForFunction('vitrine.tag && performance.now() > vitrine.until || !vitrine.until');
    expect(await page.evaluate('[said.length, document.cookie]')).toEqual([0, '']);
    expect([...stage.proxy.requests('/q/'), ...stage.proxy.requests('/e/')]).toEqual([]);
    await page.evaluate(`delete document.prerendering; document.dispatchEvent(new Event('prerenderingchange'))`);
    expect(await stage.said(page, 1)).toEqual([expect.objectContaining({ shown: 'content' })]);
    expect((await types(await stage.customer(page), 2)).sort()).toEqual(['Content Viewed', 'Page Viewed']);
  });

  it('takes a page that was named before the script came for the first one', async () => {
    const early = `<script>window.vitrine = [['page', { url: '/named', context: { page_type: 'home' } }]]</script>`;
    const page = await stage.open('/', stage.page(early + stage.snippet('data-limit="none"'), slot));
    await stage.said(page, 1);
    const [asked, ...more] = stage.proxy.requests('/q/');
    expect(more).toEqual([]);
    expect(JSON.parse(asked?.body ?? '')).toMatchObject({ page: stage.site.at('/named'), context: { page_type: 'home' } });
    const rows = await stage.behaviour(await stage.customer(page), 2);
    expect(rows.map(({ type, url }) => [type, url])).toEqual([
      ['Page Viewed', stage.site.at('/named')],
      ['Content Viewed', null],
    ]);
  });

  it('reports content as seen when half of it was in the window, not before', async () => {
    const far =
      '<div style="height: 3000px"></div><div id="far" data-vt-campaign="hero" style="height: 100px"></div><div style="height: 3000px"></div>';
    const page = await stage.open('/', stage.page(stage.snippet(), far));
    await stage.said(page, 1);
    const customer = await stage.customer(page);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await page.evaluate(push('track', 'Cart Viewed'));
    expect(await types(customer, 2)).toEqual(['Page Viewed', 'Cart Viewed']);
    await page.locator('#far').scrollIntoViewIfNeeded();
    expect(await types(customer, 3)).toEqual(['Page Viewed', 'Cart Viewed', 'Content Viewed']);
  });

  it('works once when it is loaded twice, and with calls that are none', async () => {
    const odd = `<script>window.vitrine = [null, 5, 'x', [], ['nothing'], ['track'], ['track', 'Cart Viewed'], ['context', null], ['page'.length]]</script>`;
    const page = await stage.open('/', stage.page(odd + stage.snippet() + stage.script(), slot));
    await stage.said(page, 1);
    const customer = await stage.customer(page);
    await page.evaluate(
      `vitrine.push(null, ['constructor', 1], ['__proto__', 1], ['track', 'Checkout Started', { get total() { throw new Error('odd') } }])`,
    );
    await page.evaluate(push('track', 'Product Viewed', { product_id: 'p' }));
    expect((await types(customer, 4)).sort()).toEqual(['Cart Viewed', 'Content Viewed', 'Page Viewed', 'Product Viewed']);
    await until('both scripts came', 5000, () => stage.proxy.requests('/tag.js').length > 0);
    expect(await page.evaluate('[said.length, wrong]')).toEqual([1, []]);
    expect(stage.proxy.requests('/q/')).toHaveLength(1);
  });
});
