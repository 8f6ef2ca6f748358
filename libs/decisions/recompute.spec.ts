import { describe, expect, it } from '@jest/globals';
import type { ContentServedFact, Playbook } from '#libs/domain';
import { AudienceBuilder, customerHash, encodeIncrement, playbookImage, SnapshotCorrupt, segmentSet } from '#libs/snapshots';
import { rowsOf } from '../snapshots/testing/rows.js';
import { recompute, recomputeFrom } from './recompute.js';

const segmentIds = ['repeat', 'vip'];
const playbook: Playbook = {
  format: 1,
  clientId: 'golf',
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  origins: [],
  sampleRate: 1,
  snapshotMaxAgeSeconds: 60,
  contents: {
    plain: { contentId: 'plain', type: 'text', address: null, body: 'Hello', destination: null, width: null, height: null, alt: null },
    ten: { contentId: 'ten', type: 'text', address: null, body: '10 % off', destination: null, width: null, height: null, alt: null },
  },
  campaigns: {
    spring: {
      campaignId: 'spring',
      status: 'running',
      startsAt: null,
      endsAt: null,
      defaultContentId: 'plain',
      rules: [
        {
          ruleId: 'late',
          priority: 1,
          segmentId: null,
          when: { field: 'request.hour', op: 'eq', value: 0 },
          contentId: 'plain',
          groups: null,
        },
        { ruleId: 'vips', priority: 2, segmentId: 'vip', when: null, contentId: 'ten', groups: null },
      ],
    },
  },
};
const served: ContentServedFact = {
  decisionId: '0190c3f2-1111-7222-8333-444455556666',
  campaignId: 'spring',
  customerId: 'ann',
  sessionId: null,
  placementId: null,
  contentId: 'ten',
  segmentId: 'vip',
  ruleId: 'vips',
  group: null,
  reason: 'TARGETING_MATCH',
  playbook: '0123456789abcdef',
  audience: '0123456789abcdef+1',
  audienceBuiltAt: '2026-11-23T10:00:00.000Z',
  sampleRate: 1,
  time: '2026-11-23T10:00:30.000Z',
  form: 'json',
  request: { url: null, referrer: null, device: 'desktop', browser: null, country: null, context: {} },
};

async function snapshots() {
  const builder = new AudienceBuilder(segmentIds);
  await builder.take(rowsOf(segmentIds, new Map([['ann', ['repeat']]])));
  const place = { base: '0123456789abcdef', sequence: 1, segments: segmentIds.length };
  const bytes = encodeIncrement(place, [{ hash: customerHash('ann'), set: segmentSet(segmentIds, ['vip']) }]);
  return { playbook: playbookImage(playbook), audience: { image: builder.image().bytes, increments: [{ bytes }] } };
}

describe('a past answer, computed again', () => {
  it('comes from the increments that its audience version counts', async () => {
    const { playbook: book, audience } = await snapshots();
    const again = recompute(served, { playbook: book, audience });
    expect(again).toMatchObject({ agrees: true, decision: { ruleId: 'vips' } });
    expect(again.steps).toEqual([
      'The customer is in: vip.',
      'Rule late (priority 1) did not match: request.hour eq 0: it was 11.',
      'Rule vips (priority 2) matched: content ten.',
    ]);
    const before = { ...served, audience: '0123456789abcdef' };
    expect(recompute(before, { playbook: book, audience: { ...audience, increments: [] } })).toMatchObject({
      agrees: false,
      decision: { reason: 'DEFAULT' },
    });
  });

  it('knows that the audience was too old, and that there was none', async () => {
    const { playbook: book, audience } = await snapshots();
    const stale = { ...served, contentId: 'plain', segmentId: null, ruleId: null, reason: 'STALE', time: '2026-11-23T10:01:00.001Z' };
    expect(recompute(stale, { playbook: book, audience }).agrees).toBe(true);
    const { audienceBuiltAt: _, ...none } = { ...stale, reason: 'DEFAULT', audience: null };
    expect(recompute(none, { playbook: book, audience: null })).toMatchObject({ agrees: true });
  });

  it('does not agree with what was never answered', async () => {
    const named = await snapshots();
    expect(recompute({ ...served, contentId: 'plain' }, named).agrees).toBe(false);
    expect(recompute({ ...served, campaignId: 'autumn' }, named)).toEqual({
      decision: null,
      steps: ['The playbook 0123456789abcdef has no campaign autumn.'],
      agrees: false,
    });
    expect(() => recompute(served, { ...named, playbook: named.playbook.subarray(1) })).toThrow(SnapshotCorrupt);
  });

  it('is nothing once a named version is past retention', async () => {
    const { playbook: book, audience } = await snapshots();
    const publication = (kept: { playbook?: Uint8Array; audience?: Uint8Array }) => ({
      fetchVersion: async (_client: string, kind: 'audience' | 'playbook') => kept[kind] ?? null,
      increments: async () => [],
    });
    expect(await recomputeFrom(publication({}), 'golf', served)).toBeNull();
    expect(await recomputeFrom(publication({ playbook: book }), 'golf', served)).toBeNull();
    // The image is kept, its increment is not.
    expect(await recomputeFrom(publication({ playbook: book, audience: audience.image }), 'golf', served)).toBeNull();
  });
});
