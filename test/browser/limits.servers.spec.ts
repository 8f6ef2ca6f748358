import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { until } from '../system.js';
import { png } from './media.js';
import { Stage } from './stage.js';

const slot = (campaign: string, id = campaign) =>
  `<div id="${id}" data-vt-campaign="${campaign}" style="width: 300px; height: 80px"><i>own</i></div>`;
const text = (page: Page, id: string) => page.locator(`#${id}`).textContent();

/** Every text that a slot has shown to someone, one after the other, and whether its neighbour below stayed where it was. */
const witness = `<script>
  window.shownTexts = [];
  (function look() {
    const hero = document.querySelector('#hero');
    if (hero && getComputedStyle(hero).visibility === 'visible' && shownTexts.at(-1) !== hero.innerText) shownTexts.push(hero.innerText);
    requestAnimationFrame(look);
  })();
</script>`;

describe('a limit, after which the page shows its own content, in a browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open((site) => {
      site.put('/ten.png', { body: png, type: 'image/png' });
      return {
        hero: { type: 'text', body: 'Ten percent off' },
        picture: { type: 'image', address: site.at('/ten.png', 'cdn.test'), width: 300, height: 80 },
        running: { type: 'script', address: site.at('/slow.js', 'cdn.test') },
      };
    });
    await stage.campaign('nothing', 'hero', [
      { ruleId: 'all', priority: 1, groups: [{ groupId: 'control', weight: 10_000, contentId: null, control: true }] },
    ]);
    await stage.campaign('bare', null, []);
    await stage.campaign('paused', 'hero', []);
    const { position } = await stage.system.command('pauseCampaign', 'CampaignInput!', { clientId: 'giftshop', campaignId: 'paused' });
    await stage.system.live('giftshop', position, 'PLAYBOOK');
  }, 120_000);
  afterEach(() => stage?.clear());
  afterAll(() => stage?.close());

  const shows = (page: Page, campaign: string, what: object) =>
    stage.said(page, 1).then((said) => expect(said.find((one) => one.campaign === campaign)).toMatchObject(what));

  it('shows content in place of the own one without a flicker, and moves nothing', async () => {
    const page = await stage.open('/', stage.page(witness + stage.snippet(), `${slot('hero')}${slot('picture')}<p id="below">below</p>`));
    const said = await stage.said(page, 2);
    expect(said.map(({ shown }) => shown)).toEqual(['content', 'content']);
    await page.waitForFunction('shownTexts.includes("Ten percent off")');
    expect(await page.evaluate('[shownTexts, shifts, wrong]')).toEqual([['Ten percent off'], [], []]);
    expect(stage.proxy.requests('/q/').map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /q/giftshop']);
  });

  it('asks once for all slots, with the page, where the visitor came from, and what the page said', async () => {
    stage.site.put('/from', `<a href="/to?utm_source=x">go</a>`);
    stage.site.put(
      '/to',
      stage.page(
        `<script>window.vitrine = [['context', { page_type: 'cart' }], ['context', { cart_items: 3 }]]</script>${stage.snippet()}`,
        slot('hero') + slot('picture'),
      ),
    );
    const page = await stage.open('/from', null);
    await page.click('a');
    await stage.said(page, 2);
    const [asked, ...more] = stage.proxy.requests('/q/');
    expect(more).toEqual([]);
    expect(asked?.headers['content-type']).toBe('text/plain;charset=UTF-8');
    const cookies = await stage.cookies(page);
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      customerId: cookies['vt_c_giftshop'],
      sessionId: cookies['vt_s_giftshop'],
      page: stage.site.at('/to?utm_source=x'),
      referrer: stage.site.at('/from'),
      context: { page_type: 'cart', cart_items: 3 },
      slots: [{ campaignId: 'hero' }, { campaignId: 'picture' }],
    });
  });

  it('shows the own content when the limit passes, and keeps it when the answer comes later', async () => {
    stage.proxy.set(stage.proxy.hold('/q/'));
    const page = await stage.open('/', stage.page(witness + stage.snippet('', 300), slot('hero')));
    await shows(page, 'hero', { shown: 'fallback', why: 'limit', decision: null });
    expect(await page.evaluate('said[0].at')).toBeGreaterThanOrEqual(300);
    expect(stage.proxy.waiting).toBe(1);
    const answered = page.waitForResponse((response) => response.url().includes('/q/'));
    stage.proxy.release();
    await (await answered).finished();
    // Whatever the tag does with the answer it has done within two frames.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await page.evaluate('[shownTexts, said.length, shifts, wrong]')).toEqual([['own'], 1, [], []]);
  });

  it('counts the limit from when the page began to wait, not from when the script came', async () => {
    stage.proxy.set(stage.proxy.hold('/tag.js'));
    const page = await stage.open('/', stage.page(witness + stage.snippet('', 200), slot('hero')), await stage.visitor());
    await page.waitForFunction('shownTexts[0] === "own"');
    stage.proxy.release();
    await shows(page, 'hero', { shown: 'fallback', why: 'limit' });
    expect(stage.proxy.requests('/q/')).toEqual([]);
    expect(await page.evaluate('shownTexts')).toEqual(['own']);
  });

  it('shows the own content while a picture or a script takes too long, and runs no script after that', async () => {
    let deliver: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    stage.site.put('/slow.js', {
      body: 'window.ranLate = 1',
      type: 'text/javascript',
      async *rest() {
        await slow;
        yield ';';
      },
    });
    const page = await stage.open('/', stage.page(stage.snippet('', 2000), slot('running') + slot('hero')));
    const said = await stage.said(page, 2);
    expect(said).toEqual([
      expect.objectContaining({ campaign: 'hero', shown: 'content' }),
      expect.objectContaining({ campaign: 'running', shown: 'fallback', why: 'limit' }),
    ]);
    const loaded = page.waitForEvent('requestfinished', (request) => request.url().endsWith('/slow.js'));
    deliver();
    await loaded;
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await page.evaluate('typeof ranLate')).toBe('undefined');
    expect(await text(page, 'running')).toBe('own');
  });

  it('asks for what a slow page has brought so far, in time for it, and for the rest when that has come', async () => {
    let finish: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      finish = resolve;
    });
    // It stops within the second slot, which is not asked for before all of its own content is there to be replaced.
    const half = slot('picture').replace('</div>', '<hr><b>more</b></div>');
    const [top = '', rest = ''] = stage.page(stage.snippet('', 3000), slot('hero') + half).split('<hr>');
    stage.site.put('/', {
      body: top,
      async *rest() {
        await end;
        yield rest;
      },
    });
    const page = await (await stage.visitor()).newPage();
    await page.goto(stage.site.at('/'), { waitUntil: 'commit' });
    expect(await stage.said(page, 1)).toEqual([expect.objectContaining({ campaign: 'hero', shown: 'content' })]);
    finish();
    expect((await stage.said(page, 2))[1]).toMatchObject({ campaign: 'picture' });
    expect(await text(page, 'picture')).toBe('');
  });

  it('waits for deferred scripts, which say what the page is', async () => {
    let finish: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      finish = resolve;
    });
    stage.site.put('/deferred.js', {
      body: `vitrine.push(['context', { page_type: 'cart' }])`,
      type: 'text/javascript',
      async *rest() {
        await end;
        yield ';';
      },
    });
    stage.site.put('/', stage.page(`${stage.snippet('', 15_000)}<script defer src="/deferred.js"></script>`, slot('hero')));
    const page = await (await stage.visitor()).newPage();
    await page.goto(stage.site.at('/'), { waitUntil: 'commit' });
    await page.waitForFunction('document.readyState === "interactive" && vitrine.tag !== undefined');
    finish();
    await stage.said(page, 1);
    expect(stage.proxy.requests('/q/').map(({ body }) => JSON.parse(body).context)).toEqual([{ page_type: 'cart' }]);
  });

  it('shows the own content when the edge is not there', async () => {
    stage.proxy.set(({ path }) => (path.startsWith('/q/') ? 'cut' : null));
    const page = await stage.open('/', stage.page(stage.snippet(), slot('hero')));
    await shows(page, 'hero', { shown: 'fallback', why: 'unreachable' });
    expect(await text(page, 'hero')).toBe('own');
    expect(await page.evaluate('wrong')).toEqual([]);
  });

  it('says why the edge refused', async () => {
    for (const [status, body, why] of [
      [503, '{"code":"NO_SNAPSHOT_YET","message":"…"}', 'error NO_SNAPSHOT_YET'],
      [429, '{"code":"TOO_MANY_REQUESTS","message":"…"}', 'error TOO_MANY_REQUESTS'],
      [502, '<h1>Bad gateway</h1>', 'unreachable'],
      [200, '{"decisions":[{"content":{"type":"image","address":"javascript:alert(1)"}}]}', 'unsupported'],
    ] as const) {
      stage.proxy.set(({ path }) => (path.startsWith('/q/') ? { status, body } : null));
      const page = await stage.open('/', stage.page(stage.snippet(), slot('hero')));
      await shows(page, 'hero', { shown: 'fallback', why });
      expect(await page.evaluate('wrong')).toEqual([]);
    }
  });

  it('shows nothing to a group that is to see nothing, and the own content where a campaign has none', async () => {
    const page = await stage.open('/', stage.page(stage.snippet(), slot('nothing') + slot('bare') + slot('paused')));
    const said = await stage.said(page, 3);
    expect(said).toEqual([
      expect.objectContaining({ campaign: 'nothing', shown: 'nothing', why: '' }),
      expect.objectContaining({ campaign: 'bare', shown: 'fallback', why: 'no content' }),
      expect.objectContaining({ campaign: 'paused', shown: 'fallback', why: 'disabled' }),
    ]);
    expect(await page.locator('#nothing').innerHTML()).toBe('');
    expect(await text(page, 'bare')).toBe('own');
    expect(await page.evaluate('shifts')).toEqual([]);
  });

  it('fills 64 slots of a page and leaves further ones as they are; ids of no form harm nobody but themselves', async () => {
    const many = Array.from({ length: 64 }, (_, index) => slot('hero', `s${index}`));
    const page = await stage.open('/', stage.page(stage.snippet(), [slot('" onload="x', 'bad'), ...many].join('')));
    const said = await stage.said(page, 65);
    expect(said.filter(({ shown }) => shown === 'content')).toHaveLength(63);
    expect(said.map(({ why }) => why).filter(Boolean)).toEqual(['error TOO_MANY_SLOTS', 'error CAMPAIGN_ID_MALFORMED']);
  });

  it('shows the own content when the node is stopped, and content again when it is back', async () => {
    await stage.system.stop();
    stage.proxy.set(({ path }) => (path.startsWith('/tag.js') ? null : 'cut'));
    const visitor = await stage.visitor();
    const page = await visitor.newPage();
    stage.site.put('/', stage.page(stage.snippet(), slot('hero')));
    await page.goto(stage.site.at('/'));
    // Nobody serves the tag either: then the snippet alone shows the page as it is.
    await page.waitForFunction(`!document.documentElement.classList.contains('vitrine-wait')`, undefined, { timeout: 15_000 });
    expect(await text(page, 'hero')).toBe('own');
    await stage.system.restart();
    stage.proxy.set();
    await until('the node answers', 20_000, async () => (await stage.system.decide('giftshop', 'hero')).reason === 'DEFAULT');
    await page.reload();
    await shows(page, 'hero', { shown: 'content' });
  });
});
