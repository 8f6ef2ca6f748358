/** What the tests of the tag need: the running system with a client and campaigns, a browser, pages of others, and a proxy before the edge. */
import { randomBytes } from 'node:crypto';
import type { Browser, BrowserContext, BrowserContextOptions, Frame, Page } from 'playwright-core';
import { System, until } from '../system.js';
import { launchChromium } from './chromium.js';
import { EdgeProxy } from './proxy.js';
import { Site } from './site.js';

export const clientId = 'giftshop';

/** One content, and a campaign of the same name that shows it to everyone. */
export interface Shown {
  readonly type: string;
  readonly address?: string;
  readonly body?: string;
  readonly destination?: string;
  readonly width?: number;
  readonly height?: number;
  readonly alt?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: details of events and rows of tables, looked into by tests.
type Loose = any;

export class Stage {
  private readonly contexts: BrowserContext[] = [];

  private constructor(
    readonly system: System,
    readonly browser: Browser,
    readonly site: Site,
    readonly proxy: EdgeProxy,
    private readonly opened: (() => Promise<unknown>)[],
  ) {}

  /** `contents`: campaigns by name; may name addresses of the site. */
  static async open(contents: (site: Site) => Readonly<Record<string, Shown>> = () => ({})): Promise<Stage> {
    const opened: (() => Promise<unknown>)[] = [];
    try {
      const kept = async <T>(opening: Promise<T>, close: (it: T) => Promise<unknown>): Promise<T> => {
        const it = await opening;
        opened.push(() => close(it));
        return it;
      };
      const site = await kept(Site.open(), (it) => it.close());
      const both = await Promise.allSettled([kept(launchChromium(), (it) => it.close()), kept(System.start(), (it) => it.dispose())]);
      const [browser, system] = both.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      }) as [Browser, System];
      const proxy = await kept(
        EdgeProxy.open(() => system.edge),
        (it) => it.close(),
      );
      const stage = new Stage(system, browser, site, proxy, opened);
      await stage.define(contents(site));
      return stage;
    } catch (error) {
      for (const close of opened.reverse()) await close();
      throw error;
    }
  }

  private async define(contents: Readonly<Record<string, Shown>>): Promise<void> {
    const { system } = this;
    await system.command('registerClient', 'RegisterClientInput!', {
      clientId,
      name: 'Gift shop',
      timeZone: 'UTC',
      currency: 'GBP',
      origins: [],
    });
    const names = Object.entries(contents);
    await Promise.all(
      names.map(([contentId, { type, ...shown }]) =>
        system.command('registerContent', 'RegisterContentInput!', { clientId, contentId, type: type.toUpperCase(), ...shown }),
      ),
    );
    const positions = await Promise.all(names.map(([name]) => this.campaign(name, name, [])));
    for (const position of positions) await system.live(clientId, position, 'PLAYBOOK');
  }

  /** A running campaign; the log's position after it. */
  async campaign(campaignId: string, defaultContentId: string | null, rules: readonly object[]): Promise<string> {
    await this.system.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId, name: campaignId, defaultContentId });
    if (rules.length > 0) await this.system.command('setCampaignRules', 'SetCampaignRulesInput!', { clientId, campaignId, rules });
    return (await this.system.command('startCampaign', 'CampaignInput!', { clientId, campaignId })).position;
  }

  /** The whole snippet of docs/getting-started.md. */
  snippet(attributes = '', limitMs = 5000): string {
    const nonce = /nonce="[^"]*"/.exec(attributes)?.[0] ?? '';
    return `<style ${nonce}>.vitrine-wait [data-vt-campaign]:not([data-vt-shown]) { visibility: hidden }</style>
<script ${nonce}>
  (function (root) {
    window.vitrine = window.vitrine || [];
    vitrine.until = performance.now() + ${limitMs};
    root.classList.add('vitrine-wait');
    setTimeout(function () { root.classList.remove('vitrine-wait') }, ${limitMs});
  })(document.documentElement);
</script>
${this.script(`data-limit="${limitMs}" ${attributes}`)}`;
  }

  script(attributes = ''): string {
    return `<script async src="${this.proxy.origin}/tag.js" data-client="${clientId}" ${attributes}></script>`;
  }

  /** A page of the shop, with what its slots said kept in `window.said` and everything that went wrong in `window.wrong`. */
  page(head: string, body: string): string {
    return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>${watching}${head}</head><body>${body}</body></html>`;
  }

  /** A visitor with cookies of their own. */
  async visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext(options);
    this.contexts.push(context);
    return context;
  }

  /** Opens a page in a window of a new visitor. */
  async open(path: string, page: string | null, context?: BrowserContext): Promise<Page> {
    if (page !== null) this.site.put(path, page);
    const window = await (context ?? (await this.visitor())).newPage();
    await window.goto(this.site.at(path), { waitUntil: 'domcontentloaded' });
    return window;
  }

  /** What the slots said of themselves, once so many have. */
  async said(page: Page | Frame, slots: number): Promise<Loose[]> {
    // Not waitForFunction, which evaluates text within the page: strict policies forbid that.
    await until(`what ${slots} slots say`, 15_000, () => page.evaluate<boolean>(`said.length >= ${slots}`));
    return page.evaluate('said');
  }

  /** The frame in a page, once it shows that page. */
  async frame(page: Page, path: string): Promise<Frame> {
    const address = path.startsWith('/') ? this.site.at(path) : path;
    const found = () => page.frames().find((frame) => frame.url() === address);
    await until(`the frame ${path}`, 10_000, async () => (await found()?.evaluate('document.readyState')) === 'complete');
    return found() as Frame;
  }

  /** What a function, written as text, reads of the first element of that selector. */
  read(page: Page, selector: string, of: string): Promise<Loose> {
    return page.evaluate(`(${of})(document.querySelector(${JSON.stringify(selector)}))`);
  }

  /** The events of a customer in the tables, oldest first, once there are so many. The view shows each event once, however often it came. */
  async behaviour(customerId: string, count: number): Promise<Loose[]> {
    let rows: Loose[] = [];
    const columns =
      'type, message_id, session_id, url, referrer, product_id, decision_id, content_id, toString(properties) AS properties, time';
    await until(`${count} events of ${customerId}`, 20_000, async () => {
      rows = await this.system.select(
        `SELECT ${columns} FROM behaviour WHERE client_id = '${clientId}' AND customer_id = '${customerId.replaceAll("'", "\\'")}' ORDER BY log_position`,
      );
      return rows.length >= count;
    });
    return rows;
  }

  /** The cookies of ours that the page can see. */
  async cookies(page: Page): Promise<Record<string, string>> {
    const text = await page.evaluate<string>('document.cookie');
    return Object.fromEntries(
      text
        .split('; ')
        .filter(Boolean)
        .map((pair) => pair.split('=') as [string, string]),
    );
  }

  async customer(page: Page): Promise<string> {
    await until('a customer', 10_000, () => page.evaluate<boolean>(`document.cookie.includes('vt_c_${clientId}=')`));
    return decodeURIComponent((await this.cookies(page))[`vt_c_${clientId}`] as string);
  }

  /** Between tests: windows closed, the proxy passes all. */
  async clear(): Promise<void> {
    for (const context of this.contexts.splice(0)) await context.close();
    this.proxy.forget();
  }

  async close(): Promise<void> {
    for (const close of this.opened.reverse()) await close();
  }
}

/** An id that no other test has. */
export const fresh = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;

const watching = `<script nonce="watch">
  window.said = []; window.wrong = []; window.shifts = [];
  addEventListener('vitrine:slot', ({ target, detail }) => said.push({ campaign: target.dataset.vtCampaign, at: performance.now(), html: target.innerHTML, ...detail }));
  addEventListener('error', ({ message, error }) => error && wrong.push(message));
  addEventListener('unhandledrejection', ({ reason }) => wrong.push(String(reason)));
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => wrong.push(effectiveDirective + ' ' + blockedURI));
  new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => shifts.push(value))).observe({ type: 'layout-shift', buffered: true });
</script>`;
