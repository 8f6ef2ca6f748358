import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { System, until } from '../system.js';
import { launchChromium } from './chromium.js';

const wide = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

/** Waits until an expression holds in the page. Asked from outside: the shop's policy lets nothing be evaluated within. */
async function holds(page: Page, expression: string): Promise<void> {
  await until(expression, 60_000, async () => {
    try {
      return Boolean(await page.evaluate(expression));
    } catch (error) {
      // A page that is being left cannot say; the next one can.
      if (String(error).includes('context was destroyed')) return false;
      throw error;
    }
  });
}

/** The demo shop as people see it: every act is a real event, every change of a page comes from the running system. */
describe('the demo shop, in a browser', () => {
  let system: System;
  let browser: Browser;
  /** What no page may have: errors on the console, loads from elsewhere, loads that failed. */
  let faults: string[] = [];

  beforeAll(async () => {
    [system, browser] = await Promise.all([System.start({}, ['--demo']), launchChromium()]);
    await until('the demo is set up', 120_000, () => system.printed.includes('Queries to try'));
  }, 180_000);
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    const found = faults;
    faults = [];
    expect(found).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await system?.dispose();
  });

  /** A browser that was never here. */
  async function visitor(viewport = wide): Promise<Page> {
    const isPhone = viewport === phone;
    const context = await browser.newContext({ viewport, baseURL: system.edge, isMobile: isPhone, hasTouch: isPhone });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 404/.test(message.text())) faults.push(`console: ${message.text()}`);
    });
    page.on('pageerror', ({ message }) => faults.push(`error: ${message}`));
    page.on('request', (request) => {
      if (!/^(data:|about:|blob:)/.test(request.url()) && new URL(request.url()).origin !== system.edge)
        faults.push(`foreign: ${request.url()}`);
    });
    return page;
  }

  const hero = (page: Page) => page.locator('[data-vt-campaign=home]');
  const offer = (page: Page) => page.locator('[data-vt-campaign=basket]');
  const strip = (page: Page) => page.locator('#strip');
  const decided = (page: Page) => holds(page, `[...document.querySelectorAll('[data-vt-campaign]')].every((slot) => slot.dataset.vtShown)`);
  /** What the strip says that another look would show; then looks. The page itself has not changed until then. */
  async function lookAgain(page: Page, words: string): Promise<void> {
    await holds(page, `document.querySelector('.strip-look')?.textContent.includes(${JSON.stringify(words)})`);
    expect(await page.locator('main').textContent()).not.toContain(words);
    expect(await page.locator('.badge').textContent()).toBe('You would now see something else');
    await page.locator('#look-again').click();
    await holds(page, `document.querySelector('main')?.textContent.includes(${JSON.stringify(words)})`);
  }
  async function press(page: Page, action: 'more' | 'less'): Promise<void> {
    const count = Number(await page.locator('.line-count').first().textContent());
    await page.locator(`button[value=${action}]`).first().click();
    await holds(page, `document.querySelector('.line-count')?.textContent === '${count + (action === 'more' ? 1 : -1)}'`);
    await decided(page);
  }
  const customerOf = async (page: Page) => (await page.context().cookies()).find(({ name }) => name === 'vt_c_giftshop')?.value as string;

  it('changes with what a visitor does, says so before, and attributes the order to the offer', async () => {
    const page = await visitor();
    await page.goto('/demo/');
    expect(await hero(page).getByRole('heading').textContent()).toBe('Small gifts, well chosen');
    await lookAgain(page, 'Start with what everybody takes home');
    await strip(page).getByText('On the first visit, nothing bought yet (first-visit)').waitFor();

    await page.locator('.cards .card-link').first().click();
    await page.waitForURL('**/demo/p/*');
    await page.locator('form[data-add] .button-large').click();
    await holds(page, `document.getElementById('basket-count').textContent === '1'`);
    expect(await page.locator('#said').textContent()).toContain('is in your basket');
    await strip(page)
      .getByText(/You put something into the basket, and \d+\.\d s later the system knew\./)
      .waitFor();
    await page.goto('/demo/');
    expect(await hero(page).getByRole('heading').textContent()).toBe('Your basket is waiting for you');

    await page.locator('.head-basket').click();
    await decided(page);
    expect(await offer(page).textContent()).toBe('');
    for (const _ of [1, 2, 3]) {
      await press(page, 'more');
      await press(page, 'less');
    }
    await lookAgain(page, 'Keep it this time: 15 % off this order');
    await strip(page).getByText('Took things out of the basket, three times over (undecided)').waitFor();
    await offer(page).getByRole('link', { name: 'Use STAY15' }).click();
    await page.getByText('STAY15, when you complete this order').waitFor();
    const customer = await customerOf(page);

    await page.getByRole('link', { name: 'Check out' }).click();
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.waitForURL('**/demo/thanks');
    const orderId = await page.locator('#order-id').textContent();
    await lookAgain(page, 'Your code is used up');
    await strip(page).getByText('Of all who ever ordered with a coupon: 1 customer, 1 order, ').waitFor();
    // That look was the page loaded again: still one order.
    await until('the order with its coupon, once, and the click on the offer', 30_000, async () => {
      const orders = await system.select(
        `SELECT order_id, coupon FROM orders WHERE client_id = 'giftshop' AND customer_id = '${customer}'`,
      );
      const clicks = await system.select(
        `SELECT campaign_id, content_id FROM behaviour WHERE client_id = 'giftshop' AND customer_id = '${customer}' AND type = 'Content Clicked' AND campaign_id = 'basket'`,
      );
      return orders.length === 1 && orders[0].order_id === orderId && orders[0].coupon === 'STAY15' && clicks.length === 1;
    });
    const told = await system.select(`SELECT DISTINCT type FROM behaviour WHERE client_id = 'giftshop' AND customer_id = '${customer}'`);
    expect(told.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'Page Viewed',
        'Product Viewed',
        'Product Added',
        'Product Removed',
        'Cart Viewed',
        'Checkout Started',
        'Order Completed',
      ]),
    );

    await page.goto('/demo/');
    expect(await hero(page).getByRole('heading').textContent()).toBe('Something to go with it?');
    await strip(page).locator('details').first().waitFor();
    await strip(page).getByRole('link', { name: 'The whole explanation' }).first().click();
    await page.getByText('Computed again from the event log and the very snapshots that answered: the same.').waitFor();
    expect(await page.locator('.steps li').count()).toBeGreaterThan(1);
  }, 240_000);

  it('lets one be a customer of the data, and somebody new', async () => {
    const page = await visitor();
    await page.goto('/demo/people');
    const best = page.locator('.person', { hasText: 'best-customers' });
    const customer = (await best.locator('form').getAttribute('data-become')) as string;
    const promised = await best.locator('dd').nth(3).textContent();
    await best.getByRole('button').click();
    await page.waitForURL('**/demo/');
    expect(await hero(page).getByRole('heading').textContent()).toBe(promised);
    await strip(page).locator('.strip-visitor code').getByText(customer, { exact: true }).waitFor();
    expect(await customerOf(page)).toBe(customer);

    await page.goto('/demo/people');
    await page.getByRole('button', { name: 'Be somebody new' }).click();
    await page.waitForURL('**/demo/');
    expect(await hero(page).getByRole('heading').textContent()).toBe('Small gifts, well chosen');
    expect(await customerOf(page)).not.toBe(customer);
  }, 120_000);

  it('searches, and reports what was searched for', async () => {
    const page = await visitor();
    await page.goto('/demo/');
    await page.locator('#q').fill('red bunting "><b>');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/demo/search?*');
    await decided(page);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('“red bunting "><b>”');
    const customer = await customerOf(page);
    await until('the search is known', 30_000, async () => {
      const rows = await system.select(
        `SELECT properties FROM behaviour WHERE client_id = 'giftshop' AND customer_id = '${customer}' AND type = 'Products Searched'`,
      );
      return rows.some(({ properties }) => JSON.stringify(properties).includes('red bunting'));
    });
  }, 120_000);

  it('can be used with the keyboard alone, and shows where one is', async () => {
    const page = await visitor();
    await page.goto('/demo/p/22423');
    const focused = () =>
      page.evaluate(`(() => {
        const element = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const { width, height } = element.getBoundingClientRect();
        return { text: (element.getAttribute('aria-label') ?? element.textContent).trim(), tag: element.tagName, seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && width > 8 && height > 8 };
      })()`) as Promise<{ text: string; tag: string; seen: boolean }>;
    await page.keyboard.press('Tab');
    expect(await focused()).toEqual({ text: 'Skip to the goods', tag: 'A', seen: true });
    const passed: string[] = [];
    for (let steps = 0; steps < 40 && passed.at(-1) !== 'Add to basket'; steps += 1) {
      await page.keyboard.press('Tab');
      const { text, seen } = await focused();
      expect([text, seen]).toEqual([text, true]);
      passed.push(text);
    }
    expect(passed).toEqual(expect.arrayContaining(['Search', 'Be someone else', 'Christmas', 'Home & Garden', 'Add to basket']));
    await page.keyboard.press('Enter');
    await holds(page, `document.getElementById('basket-count').textContent === '1'`);
    await holds(page, `document.activeElement.matches('form[data-add] .button-large')`);
    await page.goto('/demo/checkout');
    await page.locator('form[action="/demo/order"] button').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/demo/thanks');
  }, 120_000);

  it.each([phone, wide])(
    'fits a window of $width pixels, nothing wider than it, every picture there',
    async (viewport) => {
      const page = await visitor(viewport);
      await page.goto('/demo/cart');
      await page.request.post('/demo/basket', { form: { code: '22423', action: 'add' } });
      await page.request.post('/demo/basket', { form: { code: '23300', action: 'add' } });
      const paths = ['/', '/c/home', '/search?q=heart', '/p/82486', '/cart', '/checkout', '/people', '/explain/none', '/p/nothing'];
      for (const path of paths) {
        await page.goto(`/demo${path}`);
        await decided(page);
        await strip(page).locator('.strip-visitor').waitFor();
        const { scrolled, width, broken } = (await page.evaluate(`({
        scrolled: document.documentElement.scrollWidth,
        width: document.documentElement.clientWidth,
        broken: [...document.images].filter(({ complete, naturalWidth }) => complete && naturalWidth === 0).length,
      })`)) as { scrolled: number; width: number; broken: number };
        expect([path, scrolled, broken]).toEqual([path, width, 0]);
      }
    },
    180_000,
  );

  it('moves nothing when the slots are decided', async () => {
    const page = await visitor(phone);
    await page.goto('/demo/');
    await page.addInitScript(`
      window.shifts = 0;
      new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifts += value; }).observe({ type: 'layout-shift', buffered: true });
    `);
    await page.reload();
    await decided(page);
    await strip(page).locator('details').first().waitFor();
    expect(await page.evaluate('window.shifts')).toBeLessThan(0.05);
  }, 120_000);
});
