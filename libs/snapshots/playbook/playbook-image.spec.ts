import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Playbook } from '#libs/domain';
import { SnapshotCorrupt } from '../errors.js';
import { checksum } from '../hash.js';
import { playbookImage, readPlaybook } from './playbook-image.js';

const absent = { destination: null, width: null, height: null, alt: null };
const playbook: Playbook = {
  format: 1,
  clientId: 'golf',
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  origins: ['https://golf.example'],
  sampleRate: 0.25,
  snapshotMaxAgeSeconds: null,
  contents: {
    hero: {
      contentId: 'hero',
      type: 'image',
      address: 'https://cdn.example/hero.png',
      body: null,
      ...absent,
      width: 728,
      height: 90,
      alt: 'Grüße',
    },
    'b.2': { contentId: 'b.2', type: 'html', address: null, body: '<b>"10 %"</b>\u2028', ...absent },
  },
  campaigns: {
    spring: {
      campaignId: 'spring',
      status: 'running',
      startsAt: '2026-11-01T00:00:00Z',
      endsAt: null,
      defaultContentId: 'hero',
      rules: [
        {
          ruleId: 'r1',
          priority: 1,
          segmentId: 'repeat',
          when: {
            all: [
              { not: { field: 'request.device', op: 'eq', value: 'bot' } },
              { any: [{ field: 'request.hour', op: 'in', value: [8, 9] }] },
            ],
          },
          contentId: null,
          groups: [
            { groupId: 'none', weight: 2500, contentId: null, control: true },
            { groupId: 'ten', weight: 7500, contentId: 'b.2', control: false },
          ],
        },
        { ruleId: 'r2', priority: 2.5, segmentId: null, when: null, contentId: 'hero', groups: null },
      ],
    },
  },
};

/** An image of whatever body, with a right check sum. */
function sealed(body: string): Uint8Array {
  const sum = checksum(Buffer.from(body)).toString(16).padStart(16, '0');
  return Buffer.from(`{"checksum":"${sum}","playbook":${body}}\n`);
}

describe('a playbook image', () => {
  it('says the playbook', () => {
    expect(readPlaybook(playbookImage(playbook))).toEqual(playbook);
    expect(JSON.parse(Buffer.from(playbookImage(playbook)).toString())).toEqual({ checksum: expect.any(String), playbook });
  });

  it('is the same bytes in whatever order it was made', () => {
    const turned = Object.fromEntries(Object.entries(playbook).reverse()) as unknown as Playbook;
    const contents = Object.fromEntries(Object.entries(playbook.contents).reverse());
    expect(Buffer.from(playbookImage({ ...turned, contents })).equals(playbookImage(playbook))).toBe(true);
  });

  it('is what it was', () => {
    const golden = readFileSync(new URL('../golden/playbook.v1.json', import.meta.url));
    expect(golden.equals(playbookImage(playbook))).toBe(true);
    expect(readPlaybook(golden)).toEqual(playbook);
  });

  it('has no content by the name of what every object has', () => {
    const { contents, campaigns } = readPlaybook(playbookImage(playbook));
    expect(contents.constructor).toBeUndefined();
    expect(campaigns.toString).toBeUndefined();
  });

  it('is refused when cut at any byte, or when any bit is flipped', () => {
    const bytes = playbookImage(playbook);
    for (let length = 0; length < bytes.length; length += 1) expect(() => readPlaybook(bytes.subarray(0, length))).toThrow(SnapshotCorrupt);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(() => readPlaybook(flipped)).toThrow(SnapshotCorrupt);
    }
  });

  it('is refused with the reason when it is from the future', () => {
    expect(() => readPlaybook(sealed('{"format":2,"clientId":{}}'))).toThrow('format 2 is newer than the 1 that is known here');
  });

  it.each<[string, (body: Record<string, never>) => unknown]>([
    ['no object', () => []],
    ['a client with another id', (body) => ({ ...body, clientId: '../golf' })],
    ['a sample rate of nothing', (body) => ({ ...body, sampleRate: 0 })],
    ['a content under another name', (body) => ({ ...body, contents: { ...playbook.contents, other: playbook.contents.hero } })],
    [
      'a content with address and body',
      (body) => ({ ...body, contents: { hero: { ...playbook.contents.hero, body: '' }, 'b.2': playbook.contents['b.2'] } }),
    ],
    ['a content that is not there', (body) => ({ ...body, contents: { hero: playbook.contents.hero } })],
    ['a status that there is not', (body) => ({ ...body, campaigns: { spring: { ...playbook.campaigns.spring, status: 'asleep' } } })],
    [
      'rules out of order',
      (body) => ({
        ...body,
        campaigns: { spring: { ...playbook.campaigns.spring, rules: [...playbook.campaigns.spring!.rules].reverse() } },
      }),
    ],
    [
      'a rule with neither content nor groups',
      (body) => ({
        ...body,
        campaigns: { spring: { ...playbook.campaigns.spring, rules: [{ ...playbook.campaigns.spring!.rules[1]!, contentId: null }] } },
      }),
    ],
    [
      'criteria that are too deep',
      (body) => ({
        ...body,
        campaigns: { spring: { ...playbook.campaigns.spring, rules: [{ ...playbook.campaigns.spring!.rules[1]!, when: deep(100) }] } },
      }),
    ],
  ])('is refused when its body is %s', (_, damage) => {
    expect(() => readPlaybook(sealed(JSON.stringify(damage(playbook as never))))).toThrow(SnapshotCorrupt);
  });
});

function deep(levels: number): unknown {
  return levels === 0 ? { all: [] } : { not: deep(levels - 1) };
}
