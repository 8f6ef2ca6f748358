import { describe, expect, it } from '@jest/globals';
import { Devices } from './devices.js';
import { userAgentsMax } from './limits.js';

const agents: [string, string, string | null][] = [
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0', 'desktop', 'firefox'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36', 'desktop', 'chrome'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
    'desktop',
    'edge',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'mobile',
    'safari',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
    'tablet',
    'safari',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
    'mobile',
    'samsung internet',
  ],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'bot', 'googlebot'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36', 'bot', 'chrome'],
  ['', 'desktop', null],
  ['\u0000()();;', 'desktop', null],
];

describe('devices', () => {
  it.each(agents)('%s', (agent, device, browser) => expect(new Devices().of(agent)).toEqual({ device, browser }));

  it('are unnamed without a user agent', () => expect(new Devices().of(undefined)).toEqual({ device: 'desktop', browser: null }));

  it('are remembered up to a limit', () => {
    const devices = new Devices();
    const first = devices.of('Firefox/1');
    expect(devices.of('Firefox/1')).toBe(first);
    for (let index = 0; index < userAgentsMax; index++) devices.of(`thing ${index}`);
    expect(devices.of('Firefox/1')).not.toBe(first);
    expect(devices.of('Firefox/1')).toEqual(first);
  });
});
