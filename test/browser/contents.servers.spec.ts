import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { mp4, png, wav, webm } from './media.js';
import { Stage } from './stage.js';

const slot = (name: string, own = `<i>own ${name}</i>`) =>
  `<div id="${name}" data-vt-campaign="${name}" data-vt-placement="p-${name}">${own}</div>`;

describe('every kind of content, in a browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open((site) => {
      site.put('/ten.png', { body: png, type: 'image/png' });
      site.put('/hello.wav', { body: wav, type: 'audio/wav' });
      site.put('/clip.webm', { body: webm, type: 'video/webm' });
      site.put('/run.js', {
        body: `document.currentScript.parentElement.append('ran from afar'); window.ranFromAfar = true`,
        type: 'text/javascript',
      });
      site.put('/banner.html', '<p>a page of its own</p><script>parent.postMessage("hello from the banner", "*")</script>');
      site.put('/live.m3u8', {
        body: `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\nsegment.m4s\n#EXT-X-ENDLIST\n`,
        type: 'application/vnd.apple.mpegurl',
        headers: { 'access-control-allow-origin': '*' },
      });
      site.put('/init.mp4', { body: mp4.init, type: 'video/mp4', headers: { 'access-control-allow-origin': '*' } });
      site.put('/segment.m4s', { body: mp4.segment, type: 'video/mp4', headers: { 'access-control-allow-origin': '*' } });
      const cdn = (path: string) => site.at(path, 'cdn.test');
      const destination = site.at('/offers');
      site.put('/offers', '<h1>Offers</h1>');
      return {
        image: { type: 'image', address: cdn('/ten.png'), destination, width: 120, height: 60, alt: '10 % off' },
        drawn: {
          type: 'image',
          body: '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><script>parent.hacked = 1</script></svg>',
        },
        text: { type: 'text', body: '<b>10 % off</b> & more', destination },
        plain: { type: 'text', body: 'only text' },
        html: { type: 'html', body: '<p>Free <b>delivery</b></p><script>window.ranFromHtml = 1</script>', destination },
        links: { type: 'html', body: '<p>See <a id="own-link" href="#here">these</a></p>', destination },
        article: { type: 'article', body: '<h2>How to wrap</h2><p>Fold.</p>' },
        survey: {
          type: 'survey',
          body: '<form onsubmit="return false"><label>Name <input name="n"></label><button id="send">Send</button></form>',
        },
        framed: { type: 'html', address: cdn('/banner.html'), width: 300, height: 80, alt: 'A banner' },
        script: { type: 'script', body: `document.currentScript.parentElement.append('ran here')` },
        afar: { type: 'script', address: cdn('/run.js') },
        faulty: { type: 'script', body: 'window.faultyRan = 1; throw new Error("a faulty content")' },
        json: { type: 'json', body: '{"discount":10}' },
        xml: { type: 'xml', body: '<discount>10</discount>' },
        audio: { type: 'audio', address: cdn('/hello.wav'), alt: 'A greeting' },
        video: { type: 'video', address: cdn('/clip.webm'), width: 160, height: 90 },
        stream: { type: 'stream', address: cdn('/live.m3u8'), width: 160, height: 90 },
        dash: { type: 'stream', address: cdn('/live.mpd') },
        missing: { type: 'image', address: cdn('/no-such.png') },
        silent: { type: 'audio', address: cdn('/no-such.wav') },
      };
    });
  }, 120_000);
  afterEach(() => stage?.clear());
  afterAll(() => stage?.close());

  const show = async (...names: string[]) => {
    const page = await stage.open('/', stage.page(stage.snippet(), names.map((name) => slot(name)).join('\n')));
    const said = await stage.said(page, names.length);
    return { page, said: (name: string) => said.find(({ campaign }) => campaign === name) };
  };
  const html = (page: Page, name: string) => page.locator(`#${name}`).innerHTML();

  it('shows an image with its size, its text and its link, which counts the click', async () => {
    const { page, said } = await show('image');
    expect(said('image')).toMatchObject({
      shown: 'content',
      why: '',
      decision: { placementId: 'p-image', content: { contentId: 'image' } },
    });
    const image = '#image a > img';
    expect(await stage.read(page, image, '({naturalWidth, width, height, alt}) => ({naturalWidth, width, height, alt})')).toEqual({
      naturalWidth: 1,
      width: 120,
      height: 60,
      alt: '10 % off',
    });
    expect(await page.getAttribute('#image', 'data-vt-shown')).toBe('content');
    const customer = await stage.customer(page);
    await page.click(image);
    await page.waitForURL(stage.site.at('/offers'));
    const rows = await stage.behaviour(customer, 3);
    expect(rows.filter(({ type }) => type === 'Content Clicked')).toEqual([
      expect.objectContaining({ decision_id: said('image').decision.decisionId, content_id: 'image' }),
    ]);
    expect(rows.map(({ type }) => type).sort()).toEqual(['Content Clicked', 'Content Viewed', 'Page Viewed']);
  });

  it('shows text as text, and HTML without running what is in it', async () => {
    const { page } = await show('text', 'plain', 'html', 'drawn', 'article');
    expect(await page.locator('#text > a').textContent()).toBe('<b>10 % off</b> & more');
    expect(await html(page, 'plain')).toBe('only text');
    expect(await page.locator('#html > a > p > b').textContent()).toBe('delivery');
    expect(await page.locator('#html script').count()).toBe(0);
    expect(await stage.read(page, '#drawn img', '({ naturalWidth }) => naturalWidth')).toBe(30);
    expect(await html(page, 'article')).toBe('<h2>How to wrap</h2><p>Fold.</p>');
    expect(await page.evaluate('[typeof ranFromHtml, typeof hacked]')).toEqual(['undefined', 'undefined']);
  });

  it('leaves links and forms of a content as they are, and reports their use once', async () => {
    const { page, said } = await show('links', 'survey');
    expect(await page.locator('#links > a').count()).toBe(0);
    const customer = await stage.customer(page);
    for (const selector of ['#own-link', '#own-link', '#survey input', '#send']) await page.click(selector);
    const rows = await stage.behaviour(customer, 5);
    const clicks = rows.filter(({ type }) => type === 'Content Clicked').map((row) => row.decision_id);
    expect(clicks.sort()).toEqual([said('links').decision.decisionId, said('survey').decision.decisionId].sort());
  });

  it('shows a page of its own in a frame that is no part of this page', async () => {
    const { page, said } = await show('framed');
    expect(said('framed').shown).toBe('content');
    expect(await stage.read(page, '#framed > iframe', '({ width, height, title }) => [width, height, title]')).toEqual([
      '300',
      '80',
      'A banner',
    ]);
    expect(await page.frameLocator('#framed > iframe').locator('p').textContent()).toBe('a page of its own');
    expect(await page.isVisible('#framed > iframe')).toBe(true);
  });

  it('runs scripts in their slot; one that fails leaves the page its own content', async () => {
    const { page, said } = await show('script', 'afar', 'faulty');
    expect(await page.locator('#script').textContent()).toContain('ran here');
    expect(await page.locator('#afar').textContent()).toBe('ran from afar');
    expect(await page.locator('#faulty').innerHTML()).toBe('<i>own faulty</i>');
    expect(said('faulty')).toMatchObject({ shown: 'fallback', why: 'content' });
    expect(await page.evaluate('wrong')).toEqual(['Uncaught Error: a faulty content']);
  });

  it('hands data to the page, which shows it', async () => {
    const { page, said } = await show('json', 'xml');
    expect(said('json')).toMatchObject({ shown: 'content', why: 'data', decision: { content: { type: 'json', body: '{"discount":10}' } } });
    expect(said('xml').decision.content.body).toBe('<discount>10</discount>');
    expect(await html(page, 'json')).toBe('<i>own json</i>');
  });

  it('gives audio, video and streams a player', async () => {
    const { page, said } = await show('audio', 'video', 'stream', 'dash');
    expect(await stage.read(page, '#audio > audio', '(player) => [player.controls, player.ariaLabel, player.duration > 0]')).toEqual([
      true,
      'A greeting',
      true,
    ]);
    expect(await stage.read(page, '#video > video', '(player) => [player.controls, player.width, player.height]')).toEqual([true, 160, 90]);
    expect(said('stream')).toMatchObject({ shown: 'content' });
    expect(await stage.read(page, '#stream > video', '(player) => player.readyState > 0')).toBe(true);
    expect(said('dash')).toMatchObject({ shown: 'fallback', why: 'unsupported' });
  });

  it('shows the own content of the page where a content does not load', async () => {
    const { page, said } = await show('missing', 'silent', 'no-such-campaign', '"><script>bad</script>'.replace(/["<>]/g, ''));
    for (const name of ['missing', 'silent'])
      expect(said(name)).toMatchObject({ shown: 'fallback', why: 'content', decision: { campaignId: name } });
    expect(said('no-such-campaign')).toMatchObject({ shown: 'fallback', why: 'error CAMPAIGN_UNKNOWN', decision: null });
    expect(await html(page, 'missing')).toBe('<i>own missing</i>');
    expect(await page.evaluate('wrong')).toEqual([]);
  });
});
