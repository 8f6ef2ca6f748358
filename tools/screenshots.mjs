/**
 * Pictures of the demo shop for the README, taken from the running demo: `npm run build && node tools/screenshots.mjs`. Starts it on free ports in
 * a folder of its own and drives Chromium (CHROMIUM names another than /usr/bin/chromium) as a visitor would; what is on the pictures is
 * what the system said. `--edge http://…` takes one that runs already.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'docs', 'screenshots');
const bytesMax = 200_000;

const [, , option, given] = process.argv;
const demo = option === '--edge' ? { edge: given, stop: async () => undefined } : await startDemo();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  mkdirSync(folder, { recursive: true });
  await takeAll();
} finally {
  await browser.close();
  await demo.stop();
}

async function takeAll() {
  const wide = await visitor({ width: 1440, height: 900 });
  await wide.goto('/demo/');
  await wide.decided();
  await wide.take('home-wide');

  await wide.goto('/demo/p/22423');
  await wide.page.click('form[data-add] .button-large');
  await wide.goto('/demo/p/20725');
  await wide.page.click('form[data-add] .button-large');
  for (let times = 0; times < 3; times += 1) {
    await wide.goto('/demo/cart');
    await wide.page.click('button[value=more]');
    await wide.page.waitForURL('**/demo/cart');
    await wide.page.click('button[value=less]');
    await wide.page.waitForURL('**/demo/cart');
  }
  await wide.page.waitForSelector('#look-again', { timeout: 60_000 });
  await wide.page.click('#look-again');
  await wide.page.waitForSelector('[data-vt-campaign=basket][data-vt-shown=content] .button');
  await wide.page.click('[data-vt-campaign=basket] .button');
  await wide.decided();
  await wide.take('basket-offer-wide');
  await wide.explained();
  await wide.page.locator('#strip details summary').first().click();
  await wide.take('strip-wide', { element: '#strip' });
  await wide.goto('/demo/people');
  await wide.take('people-wide');

  const phone = await visitor({ width: 390, height: 844 });
  await phone.goto('/demo/people');
  await phone.page.click('[data-become] >> nth=0');
  await phone.page.waitForURL('**/demo/');
  await phone.decided();
  await phone.take('home-phone');
  await phone.goto('/demo/p/22697');
  await phone.decided();
  await phone.take('product-phone');
}

async function visitor(viewport) {
  const context = await browser.newContext({
    viewport,
    locale: 'en-GB',
    baseURL: demo.edge,
    hasTouch: viewport.width < 600,
    isMobile: viewport.width < 600,
  });
  const page = await context.newPage();
  return {
    page,
    goto: (path) => page.goto(path, { waitUntil: 'load' }),
    decided: () => page.waitForFunction(() => [...document.querySelectorAll('[data-vt-campaign]')].every((slot) => slot.dataset.vtShown)),
    explained: () =>
      page.waitForFunction(
        () => document.querySelector('#strip details') !== null && document.querySelector('#ask-again') !== null,
        undefined,
        { timeout: 60_000 },
      ),
    async take(name, { element } = {}) {
      const path = join(folder, `${name}.png`);
      await page.evaluate(() => document.activeElement?.blur());
      await page.waitForFunction(() =>
        [...document.images].every(({ complete, naturalWidth, loading }) => (complete && naturalWidth > 0) || loading === 'lazy'),
      );
      if (element === undefined) await page.screenshot({ path, scale: 'css' });
      else await page.locator(element).screenshot({ path, scale: 'css' });
      const { size } = statSync(path);
      console.log(`${name}.png ${Math.round(size / 1000)} kB`);
      if (size > bytesMax) throw new Error(`${name}.png is larger than ${bytesMax} bytes`);
    },
  };
}

async function startDemo() {
  const data = mkdtempSync(join(tmpdir(), 'vitrine-screenshots-'));
  const free = Object.fromEntries(['EDGE', 'ADMIN', 'ANALYTICS', 'ANALYTICS_NATIVE'].map((name) => [`VITRINE_${name}_PORT`, '0']));
  const child = spawn(process.execPath, [join(root, 'bin/vitrine.mjs'), 'start', '--demo'], {
    env: { ...process.env, ...free, VITRINE_DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  const ended = new Promise((resolve) => child.once('close', resolve));
  const edge = await new Promise((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`the demo ended with ${code}`)));
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const address = /demo\s+(http:\/\/[^/\s]+)\/demo\//.exec(printed)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  return {
    edge,
    async stop() {
      child.kill('SIGINT');
      await ended;
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
