import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { png } from './media.js';
import { fresh, Stage } from './stage.js';
import { TlsFront } from './tls-front.js';

const slot = (campaign: string) => `<div id="${campaign}" data-vt-campaign="${campaign}"><i>own</i></div>`;
const push = (...call: unknown[]) => `window.vitrine.push(${JSON.stringify(call)})`;

describe('where browsers and pages allow less', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open((site) => {
      site.put('/ten.png', { body: png, type: 'image/png' });
      site.put('/run.js', { body: `document.currentScript.parentElement.append('ran from afar')`, type: 'text/javascript' });
      site.put('/banner.html', '<p>a page of its own</p>');
      site.put('/offers', '<h1>Offers</h1>');
      const cdn = (path: string) => site.at(path, 'cdn.test');
      return {
        hero: { type: 'text', body: 'Ten percent off', destination: site.at('/offers') },
        image: { type: 'image', address: cdn('/ten.png'), destination: site.at('/offers'), width: 90, height: 60, alt: 'Ten off' },
        drawn: { type: 'image', body: '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"/>' },
        html: { type: 'html', body: '<p>Free delivery</p>' },
        framed: { type: 'article', address: cdn('/banner.html') },
        script: { type: 'script', body: `document.currentScript.parentElement.append('ran here')` },
        afar: { type: 'script', address: cdn('/run.js') },
      };
    });
  }, 120_000);
  afterEach(() => stage?.clear());
  afterAll(() => stage?.close());

  const all = ['hero', 'image', 'drawn', 'html', 'framed', 'script', 'afar'];
  /** The policy of docs/getting-started.md, on a page that forbids everything else. */
  const policy = () =>
    [
      `default-src 'none'`,
      `script-src 'nonce-watch'`,
      `style-src 'nonce-watch'`,
      `connect-src ${stage.proxy.origin}`,
      `img-src ${stage.site.at('', 'cdn.test')} data:`,
      `frame-src ${stage.site.at('', 'cdn.test')}`,
    ].join('; ');
  const guarded = async (contentSecurityPolicy: string, names: readonly string[]) => {
    stage.site.put('/', {
      body: stage.page(stage.snippet('nonce="watch"'), names.map(slot).join('')),
      headers: { 'content-security-policy': contentSecurityPolicy },
    });
    const page = await stage.open('/', null);
    const said = await stage.said(page, names.length);
    return { page, said: (name: string) => said.find(({ campaign }) => campaign === name) };
  };
  const wrong = (page: Page) => page.evaluate('wrong');

  it('shows and runs everything under a strict Content-Security-Policy with its nonce', async () => {
    const { page, said } = await guarded(policy(), all);
    for (const name of all) expect(said(name)).toMatchObject({ shown: 'content' });
    expect(await page.textContent('#script')).toContain('ran here');
    expect(await page.textContent('#afar')).toBe('ran from afar');
    expect(await wrong(page)).toEqual([]);
    expect((await stage.behaviour(await stage.customer(page), 1))[0]).toMatchObject({ type: 'Page Viewed' });
  });

  it('does so under Trusted Types, when the policy names vitrine', async () => {
    const { page, said } = await guarded(`${policy()}; require-trusted-types-for 'script'; trusted-types vitrine`, all);
    for (const name of all) expect(said(name)).toMatchObject({ shown: 'content' });
    expect(await wrong(page)).toEqual([]);
  });

  it('shows the own content of the page for what its policy blocks', async () => {
    const { said } = await guarded(
      `script-src ${stage.proxy.origin} 'sha256-none' 'unsafe-hashes' 'nonce-watch'; img-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
      ['hero', 'image', 'html', 'script', 'afar'],
    );
    expect(said('hero')).toMatchObject({ shown: 'content' });
    for (const name of ['image', 'html', 'script', 'afar']) expect(said(name)).toMatchObject({ shown: 'fallback', why: 'content' });
  });

  it('shows the own content, and goes on working, where the policy does not let it ask', async () => {
    const { page, said } = await guarded(`connect-src 'none'`, ['hero']);
    expect(said('hero')).toMatchObject({ shown: 'fallback', why: 'unreachable' });
    expect((await stage.cookies(page))['vt_c_giftshop']).toBeDefined();
  });

  it('works in a frame on another site, where no cookie stays: the edge says who it is, for that page', async () => {
    stage.site.put('/banner', stage.page(stage.snippet(), slot('hero')));
    const page = await stage.open(
      '/portal',
      `<h1>Portal</h1><iframe id="ad" src="${stage.site.at('/banner')}" width="300" height="100"></iframe>`,
    );
    await page.goto(stage.site.at('/portal', 'portal.test'));
    const frame = await stage.frame(page, '/banner');
    const [said] = await stage.said(frame, 1);
    expect(said.shown).toBe('content');
    expect(await frame.evaluate('[document.cookie, wrong]')).toEqual(['', []]);
    const asked = JSON.parse(stage.proxy.requests('/q/').at(-1)?.body ?? '');
    expect([asked.customerId, asked.sessionId]).toEqual([undefined, undefined]);
    const rows = await stage.behaviour(said.decision.customerId, 2);
    expect(rows.map(({ type, session_id }) => [type, session_id])).toEqual([
      ['Page Viewed', null],
      ['Content Viewed', null],
    ]);
    await page.frameLocator('#ad').locator('a').click();
    await page.waitForURL(stage.site.at('/offers'));
  });

  it('knows a visitor again over https, in a frame on another site for that site alone, as this browser keeps cookies apart there', async () => {
    const fronts = [await TlsFront.before(stage.site.port), await TlsFront.before(Number(new URL(stage.proxy.origin).port))] as const;
    try {
      const shop = (path: string, host = 'shop.test') => `https://${host}:${fronts[0].port}${path}`;
      const snippet = stage.snippet().replace(stage.proxy.origin, `https://edge.test:${fronts[1].port}`);
      stage.site.put('/banner', stage.page(snippet, slot('hero')));
      stage.site.put('/portal', `<iframe src="${shop('/banner')}" width="300" height="100"></iframe>`);
      const visitor = await stage.visitor({ ignoreHTTPSErrors: true });
      const page = await visitor.newPage();
      const customers: string[] = [];
      for (const [address, framed] of [
        [shop('/portal', 'portal.test'), true],
        [shop('/portal', 'portal.test'), true],
        [shop('/banner'), false],
      ] as const) {
        await page.goto(address);
        const [said] = await stage.said(framed ? await stage.frame(page, shop('/banner')) : page, 1);
        expect(said.shown).toBe('content');
        customers.push(said.decision.customerId);
      }
      expect(customers[1]).toBe(customers[0]);
      expect(customers[2]).not.toBe(customers[0]);
      expect(
        (await visitor.cookies()).map(({ name, secure, sameSite, partitionKey }) => [name, secure, sameSite, partitionKey]).sort(),
      ).toEqual([
        ['vt_c_giftshop', true, 'None', undefined],
        ['vt_c_giftshop', true, 'None', 'https://portal.test'],
        ['vt_s_giftshop', true, 'None', undefined],
        ['vt_s_giftshop', true, 'None', 'https://portal.test'],
      ]);
    } finally {
      for (const front of fronts) await front.close();
    }
  });

  it('works in a frame without an origin of its own', async () => {
    stage.site.put('/banner', stage.page(stage.snippet(), slot('hero')));
    const page = await stage.open('/portal', `<iframe id="ad" sandbox="allow-scripts" src="${stage.site.at('/banner')}"></iframe>`);
    const frame = await stage.frame(page, '/banner');
    const [said] = await stage.said(frame, 1);
    expect(said.shown).toBe('content');
    expect(await frame.evaluate('wrong')).toEqual([]);
    expect((await stage.behaviour(said.decision.customerId, 1))[0]).toMatchObject({ type: 'Page Viewed' });
  });

  it('works where cookies are refused, as someone else on each page; the page may say who it is', async () => {
    const visitor = await stage.visitor();
    const page = await visitor.newPage();
    const session = await visitor.newCDPSession(page);
    await session.send('Emulation.setDocumentCookieDisabled', { disabled: true });
    stage.site.put('/', stage.page(stage.snippet(), slot('hero')));
    const customers: string[] = [];
    for (let visit = 0; visit < 2; visit += 1) {
      await page.goto(stage.site.at('/'));
      const [said] = await stage.said(page, 1);
      expect(said.shown).toBe('content');
      customers.push(said.decision.customerId);
      expect((await stage.behaviour(said.decision.customerId, 2)).map(({ type }) => type)).toEqual(['Page Viewed', 'Content Viewed']);
    }
    expect(new Set(customers).size).toBe(2);
    const named = fresh('ann');
    await page.evaluate(push('customer', named));
    await page.evaluate(push('track', 'Cart Viewed'));
    expect((await stage.behaviour(named, 1))[0]).toMatchObject({ type: 'Cart Viewed' });
    // Without an answer nobody says who it is; what happened is not lost.
    stage.proxy.set(({ path }) => (path.startsWith('/q/') ? 'cut' : null));
    await page.goto(stage.site.at('/'));
    await stage.said(page, 1);
    await page.evaluate(push('track', 'Checkout Started', { total: 1 }));
    await page.goto(stage.site.at('/offers'));
    const sent = stage.proxy.requests('/e/').flatMap(({ body }) => JSON.parse(body).batch as { type: string; customerId: string }[]);
    const unnamed = sent.find(({ type }) => type === 'Checkout Started')?.customerId ?? '';
    expect((await stage.behaviour(unnamed, 2)).map(({ type }) => type)).toEqual(['Page Viewed', 'Checkout Started']);
  });

  it('goes by the cookie of the edge where the page is on the same host and cannot see it', async () => {
    stage.proxy.set(({ path }) =>
      path === '/shop' ? { status: 200, type: 'text/html', body: stage.page(stage.snippet(), slot('hero')) } : null,
    );
    const visitor = await stage.visitor();
    const page = await visitor.newPage();
    await page.goto(`${stage.proxy.origin}/q/giftshop/hero?f=body`);
    const kept = (await visitor.cookies()).find(({ name }) => name === 'vt_c_giftshop')?.value ?? '';
    await page.goto(`${stage.proxy.origin}/shop`);
    expect((await stage.said(page, 1))[0].decision.customerId).toBe(kept);
    await page.evaluate(push('track', 'Cart Viewed'));
    expect((await stage.behaviour(kept, 3)).map(({ type }) => type).sort()).toEqual(['Cart Viewed', 'Content Viewed', 'Page Viewed']);
  });

  it('shows an image that leads on where no script runs', async () => {
    const customer = fresh('mail');
    const address = (form: string) => `${stage.proxy.origin}/q/giftshop/image?c=${customer}&amp;p=hero&amp;f=${form}`;
    const visitor = await stage.visitor({ javaScriptEnabled: false });
    const page = await stage.open(
      '/',
      `<!doctype html>${stage.snippet()}<div data-vt-campaign="image"><noscript><a href="${address('click')}"><img src="${address('redirect')}" width="90" height="60" alt="Ten off"></a></noscript></div>`,
      visitor,
    );
    expect(await page.isVisible('noscript img, img')).toBe(true);
    await page.waitForLoadState('load');
    expect(stage.site.asked).toContain('/ten.png');
    await page.click('img');
    await page.waitForURL(stage.site.at('/offers'));
    expect((await stage.behaviour(customer, 1))[0]).toMatchObject({ type: 'Content Clicked', content_id: 'image' });
  });

  describe('consent', () => {
    const open = (more = '', limitMs = 5000) =>
      stage.open('/', stage.page(more + stage.snippet('data-consent="required"', limitMs), slot('hero')));
    const stored = (page: Page) => page.evaluate('[document.cookie, Object.keys(localStorage).length]');

    it('stores and sends nothing before it is given', async () => {
      const page = await open('', 300);
      await page.evaluate(push('track', 'Cart Viewed'));
      await page.evaluate(push('customer', 'ann'));
      expect(await stage.said(page, 1)).toEqual([expect.objectContaining({ shown: 'fallback', why: 'consent' })]);
      expect(await stored(page)).toEqual(['', 0]);
      expect([...stage.proxy.requests('/q/'), ...stage.proxy.requests('/e/')]).toEqual([]);
      const named = fresh('ann');
      await page.evaluate(push('customer', named));
      await page.evaluate(push('consent', true));
      expect((await stage.behaviour(named, 2)).map(({ type }) => type)).toEqual(['Page Viewed', 'Cart Viewed']);
      // Nothing changes under the visitor's eyes; the next page has it.
      expect(await page.textContent('#hero')).toBe('own');
      expect(stage.proxy.requests('/q/')).toEqual([]);
    });

    it('shows content at once when it is known, and when it is given within the limit', async () => {
      const known = await open(`<script>window.vitrine = [['consent', true]]</script>`);
      expect((await stage.said(known, 1))[0]).toMatchObject({ shown: 'content' });
      const given = await open();
      await given.waitForFunction('vitrine.tag !== undefined');
      await given.evaluate(push('consent', true));
      expect((await stage.said(given, 1))[0]).toMatchObject({ shown: 'content' });
    });

    it('knows whom the page named while it was refused', async () => {
      const named = fresh('ann');
      const page = await open(`<script>window.vitrine = [['consent', false], ['customer', '${named}']]</script>`);
      await page.waitForFunction('vitrine.tag !== undefined');
      expect(await stored(page)).toEqual(['', 0]);
      await page.evaluate(push('consent', true));
      await page.evaluate(push('track', 'Cart Viewed'));
      expect((await stage.behaviour(named, 1)).map(({ type }) => type)).toEqual(['Cart Viewed']);
    });

    it('deletes what it kept when it is refused or taken back, and does nothing more', async () => {
      const page = await open(`<script>window.vitrine = [['consent', true]]</script>`);
      const customer = await stage.customer(page);
      expect((await stage.behaviour(customer, 2)).map(({ type }) => type)).toEqual(['Page Viewed', 'Content Viewed']);
      stage.proxy.set(({ path }) => (path.startsWith('/e/') ? 'cut' : null));
      await page.evaluate(push('track', 'Cart Viewed'));
      expect(await stored(page)).toEqual([expect.stringContaining('vt_c_giftshop'), 1]);
      await page.evaluate(push('consent', false));
      expect(await stored(page)).toEqual(['', 0]);
      stage.proxy.forget();
      await page.evaluate(push('track', 'Checkout Started', { total: 1 }));
      await page.evaluate(push('page', {}));
      expect((await stage.said(page, 2))[1]).toMatchObject({ shown: 'fallback', why: 'consent' });
      await page.goto(stage.site.at('/offers'));
      expect([...stage.proxy.requests('/q/'), ...stage.proxy.requests('/e/')]).toEqual([]);
    });
  });

  it('says on the console what it did, and why, when the address asks for it', async () => {
    stage.site.put('/', stage.page(stage.snippet(), slot('hero') + slot('no-such')));
    const page = await (await stage.visitor()).newPage();
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    await page.goto(stage.site.at('/'));
    await stage.said(page, 2);
    await stage.behaviour(await stage.customer(page), 2);
    expect(lines).toEqual([]);
    await page.goto(stage.site.at('/?vt_debug'));
    await stage.said(page, 2);
    await page.evaluate(push('track', 'Order Completed', { total: 5, currency: 'XYZ' }));
    await page.waitForFunction(`Object.keys(localStorage).length === 0`);
    const spoken = lines.join('\n');
    for (const words of ['[vitrine] begins', 'slot hero shows content', 'slot no-such shows fallback error CAMPAIGN_UNKNOWN', 'CURRENCY']) {
      expect(spoken).toContain(words);
    }
  });
});
