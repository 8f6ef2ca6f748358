import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { png } from './media.js';
import { Stage } from './stage.js';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url);

/** The samples of the page as they are written, by heading and place under it; which of them were tried. */
class Samples {
  private readonly blocks: { heading: string; language: string; text: string; tried: boolean }[] = [];

  constructor(page: string) {
    let heading = '';
    for (const [, title, language, text] of page.matchAll(/^## ([^\n]+)$|^```(\w+)\n(.*?)^```$/gms)) {
      if (title !== undefined) heading = title;
      else this.blocks.push({ heading, language: language as string, text: text as string, tried: false });
    }
  }

  take(heading: string, language: string, place = 0): string {
    const block = this.blocks.filter((one) => one.heading === heading && one.language === language)[place];
    if (block === undefined) throw new Error(`no sample ${place} in ${language} under "${heading}"`);
    block.tried = true;
    return block.text;
  }

  get count(): number {
    return this.blocks.length;
  }

  get untried(): string[] {
    return this.blocks.filter(({ tried }) => !tried).map(({ heading, text }) => `${heading}: ${text.slice(0, 60)}`);
  }
}

describe('docs/getting-started.md, as written', () => {
  let stage: Stage;
  let samples: Samples;
  /** The edge of this test in place of the one that the page names, and a limit for a machine that does much else. */
  const here = (text: string) =>
    text
      .replaceAll('http://127.0.0.1:8080', stage.proxy.origin)
      .replace('(document.documentElement, 800)', '(document.documentElement, 5000)');
  const sample = (heading: string, language: string, place = 0) => here(samples.take(heading, language, place));
  const slot = () => sample('Slots', 'html');
  const own = 'img[alt="This week\'s offers"]';

  beforeAll(async () => {
    samples = new Samples(await readFile(new URL('docs/getting-started.md', root), 'utf8'));
    stage = await Stage.open((site) => {
      site.put('/ten.png', { body: png, type: 'image/png' });
      site.put('/own-banner.png', { body: png, type: 'image/png' });
      site.put('/offers', '<h1>Offers</h1>');
      return {
        ten: { type: 'image', address: site.at('/ten.png'), destination: site.at('/offers'), width: 728, height: 90, alt: '10 % off' },
        cart: { type: 'html', body: '<p>Three and more: free delivery</p>' },
        stock: { type: 'json', body: '{"left": 3}' },
      };
    });
    const position = await stage.campaign('home', 'ten', [
      { ruleId: 'full', priority: 1, contentId: 'cart', when: { field: 'context.cart_items', op: 'gte', value: 3 } },
    ]);
    await stage.system.live('giftshop', position, 'PLAYBOOK');
  }, 120_000);
  afterEach(() => stage?.clear());
  afterAll(() => stage?.close());

  const show = async (head: string, body: string, slots = 1) => {
    const page = await stage.open('/', stage.page(head, body));
    return { page, said: await stage.said(page, slots) };
  };

  it('shows content with the whole snippet, and with the script alone', async () => {
    for (const place of [0, 1]) {
      const { page, said } = await show(sample('The snippet', 'html', place) + sample('Slots', 'html', 1), slot());
      expect(said).toEqual([expect.objectContaining({ shown: 'content', why: '' })]);
      expect(await stage.read(page, '[data-vt-campaign] a > img', 'image => image.alt')).toBe('10 % off');
      await page.setViewportSize({ width: 390, height: 700 });
      expect(await stage.read(page, '[data-vt-campaign] img', 'image => image.width')).toBeLessThan(390);
      expect(await page.evaluate('[shifts, wrong]')).toEqual([[], []]);
    }
  });

  it('shows the own content when the edge is away', async () => {
    stage.proxy.set(({ path }) => (path.startsWith('/q/') ? 'cut' : null));
    const { page, said } = await show(sample('The snippet', 'html'), slot());
    expect(said).toEqual([expect.objectContaining({ shown: 'fallback', why: 'unreachable' })]);
    expect(await page.isVisible(own)).toBe(true);
  });

  it('gives data to the page', async () => {
    const { page } = await show(sample('The snippet', 'html'), sample('Slots', 'html', 2));
    expect(await page.textContent('#stock')).toBe('Only 3 left.');
  });

  it('takes all behaviour calls', async () => {
    const page = await stage.open('/', stage.page(`<script>${sample('Behaviour', 'js')}</script>${sample('The snippet', 'html')}`, ''));
    const rows = await stage.behaviour(await stage.customer(page), 9);
    expect(rows.map(({ type }) => type)).toEqual([
      'Page Viewed',
      'Products Searched',
      'Product Viewed',
      'Product Added',
      'Product Removed',
      'Cart Viewed',
      'Checkout Started',
      'Email Provided',
      'Order Completed',
    ]);
    expect(JSON.stringify(rows)).not.toContain('ann@example.com');
  });

  it('lets conditions ask for the context, and the page name its customer', async () => {
    const calls = `<script>${sample('What the page knows', 'js')}${sample('What the page knows', 'js', 1)}</script>`;
    const { page, said } = await show(calls + sample('The snippet', 'html'), slot());
    expect(said[0].decision).toMatchObject({ customerId: 'customer-4711', ruleId: 'full', content: { contentId: 'cart' } });
    expect(await stage.customer(page)).toBe('customer-4711');
  });

  it('follows an application that changes its address itself', async () => {
    const { page } = await show(sample('The snippet', 'html'), slot());
    await page.evaluate(sample('What the page knows', 'js', 2));
    await stage.said(page, 2);
    const asked = JSON.parse(stage.proxy.requests('/q/').at(-1)?.body ?? '');
    expect(asked).toMatchObject({ page: stage.site.at('/cart'), referrer: stage.site.at('/'), context: { page_type: 'cart' } });
  });

  it('waits for consent', async () => {
    const consent = sample('Cookies and consent', 'html');
    const { page, said } = await show('', slot() + consent);
    expect(said).toEqual([expect.objectContaining({ shown: 'fallback', why: 'consent' })]);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByText('Yes, please').click();
    expect((await stage.behaviour(await stage.customer(page), 1))[0]).toMatchObject({ type: 'Page Viewed' });
    await page.getByText('No', { exact: true }).click();
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('works under the policy that it recommends, and with the snippet in files', async () => {
    const policy = `${sample('Content-Security-Policy', 'text').trim()}; default-src 'none'`;
    stage.site.put('/page', {
      body: stage
        .page(sample('Content-Security-Policy', 'html'), slot().replace(/ style="[^"]*"/, ''))
        .replace('nonce="watch"', 'nonce="r4nd0m"'),
      headers: { 'content-security-policy': policy },
    });
    const page = await stage.open('/page', null);
    expect(await stage.said(page, 1)).toEqual([expect.objectContaining({ shown: 'content' })]);
    expect(await page.evaluate('wrong')).toEqual([]);
    stage.site.put('/wait.css', { body: sample('Content-Security-Policy', 'css'), type: 'text/css' });
    stage.site.put('/wait.js', { body: sample('Content-Security-Policy', 'js'), type: 'text/javascript' });
    const files = `<link rel="stylesheet" href="/wait.css"><script src="/wait.js"></script>${sample('The snippet', 'html', 1)}`;
    stage.site.put('/files', {
      body: stage.page(files, slot()),
      headers: { 'content-security-policy': `script-src 'self' 'nonce-watch' ${stage.proxy.origin}` },
    });
    const second = await stage.open('/files', null);
    expect(await stage.said(second, 1)).toEqual([expect.objectContaining({ shown: 'content' })]);
    expect(await second.evaluate('typeof vitrine.until')).toBe('number');
  });

  it('shows a page in a frame, and an image where no script runs', async () => {
    const framed = sample('Frames, and pages without scripts', 'html').replace(`${stage.proxy.origin}/demo/`, stage.site.at('/banner'));
    stage.site.put('/banner', stage.page(sample('The snippet', 'html'), slot()));
    const page = await stage.open('/portal', framed);
    await page.goto(stage.site.at('/portal', 'portal.test'));
    expect(await stage.said(await stage.frame(page, '/banner'), 1)).toEqual([expect.objectContaining({ shown: 'content' })]);
    const visitor = await stage.visitor({ javaScriptEnabled: false });
    const still = await stage.open('/still', `<!doctype html>${sample('Frames, and pages without scripts', 'html', 1)}`, visitor);
    await still.click(own);
    await still.waitForURL(stage.site.at('/offers'));
  });

  it('answers servers', async () => {
    const ask = async (place: number) => {
      const { stdout } = await run('bash', [
        '-c',
        samples.take('From your server', 'sh', place).replaceAll('http://127.0.0.1:8080', stage.system.edge),
      ]);
      return JSON.parse(stdout);
    };
    expect(await ask(0)).toMatchObject({ customerId: 'customer-4711', content: { contentId: 'ten' } });
    expect(await ask(1)).toEqual({ accepted: 1, rejected: [] });
  });

  it('declares its types', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-types-'));
    try {
      await writeFile(join(folder, 'page.ts'), samples.take('TypeScript', 'ts'));
      const declarations = fileURLToPath(new URL('libs/tag/types/vitrine-tag.d.ts', root));
      const compiler = fileURLToPath(new URL('node_modules/typescript7/bin/tsc', root));
      await run(process.execPath, [compiler, '--ignoreConfig', '--strict', '--noEmit', '--lib', 'dom,es2021', 'page.ts', declarations], {
        cwd: folder,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says on the console what the page says that it does', async () => {
    stage.site.put('/', stage.page(sample('The snippet', 'html'), slot() + slot().replace('"home"', '"nowhere"')));
    const page = await (await stage.visitor()).newPage();
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    await page.goto(stage.site.at('/?vt_debug'));
    await stage.said(page, 2);
    expect(lines.join('\n')).toMatch(/slot home shows content/);
    expect(lines.join('\n')).toMatch(/slot nowhere shows fallback error CAMPAIGN_UNKNOWN/);
  });

  it('has no sample that is not tried', () => {
    expect(samples.count).toBeGreaterThan(15);
    expect(samples.untried).toEqual([]);
  });
});
