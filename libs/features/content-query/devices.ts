import bowser from 'bowser';
import type { RequestFacts } from '#libs/domain';
import { userAgentLengthMax, userAgentsMax } from './limits.js';

export type Device = Pick<RequestFacts, 'device' | 'browser'>;

const unnamed: Device = { device: 'desktop', browser: null };
const robots = /bot\b|bot\/|crawl|spider|slurp|scraper|headless|lighthouse|preview|facebookexternalhit|pingdom|monitor/i;

// Families as merchants write them, where bowser's name is longer.
const families: Readonly<Record<string, string>> = {
  'microsoft edge': 'edge',
  'internet explorer': 'ie',
  'samsung internet for android': 'samsung internet',
  'opera touch': 'opera',
  'chrome webview': 'chrome',
};

/** Reads user agents; an agent once read is remembered, because reading one costs about 50 µs and pages repeat them. */
export class Devices {
  private readonly known = new Map<string, Device>();

  of(userAgent: string | undefined): Device {
    if (userAgent === undefined || userAgent === '') return unnamed;
    const agent = userAgent.length > userAgentLengthMax ? userAgent.slice(0, userAgentLengthMax) : userAgent;
    const known = this.known.get(agent);
    if (known !== undefined) return known;
    const read = readUserAgent(agent);
    if (this.known.size >= userAgentsMax) {
      const oldest = this.known.keys().next();
      if (!oldest.done) this.known.delete(oldest.value);
    }
    this.known.set(agent, read);
    return read;
  }
}

function readUserAgent(agent: string): Device {
  const { browser, platform } = bowser.parse(agent);
  const name = browser.name?.toLowerCase();
  const family = name === undefined || name === '' ? null : (families[name] ?? name);
  if (robots.test(agent) || platform.type === 'bot') return { device: 'bot', browser: family };
  return { device: platform.type === 'mobile' || platform.type === 'tablet' ? platform.type : 'desktop', browser: family };
}
