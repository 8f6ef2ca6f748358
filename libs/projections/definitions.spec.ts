import { describe, expect, it } from '@jest/globals';
import {
  type CampaignEvent,
  type ClientEvent,
  type Codec,
  type ContentEvent,
  campaignCodec,
  campaignStream,
  clientCodec,
  clientStream,
  contentCodec,
  contentStream,
  type SegmentEvent,
  type SnapshotEvent,
  segmentCodec,
  segmentStream,
  snapshotCodec,
  snapshotStream,
  UnreadableEvent,
} from '#libs/domain';
import type { Position } from '#libs/event-log';
import { audienceSegmentIds, scopeOf, segmentCriteria } from './audience-definitions.js';
import { compilePlaybook } from './compile-playbook.js';
import { type DefinitionEvent, Definitions, definitionsFold } from './definitions.js';

let last = 0n;
function recorded<Event>(codec: Codec<Event>, stream: string, event: Event, clientId = 'golf'): DefinitionEvent {
  const { type, schema, data } = codec.encode(event);
  last += 10n;
  return { type, data, stream, position: last as Position, metadata: { schema, clientId } };
}
const client = (event: ClientEvent) => recorded(clientCodec, clientStream('golf'), event);
const content = (id: string, event: ContentEvent) => recorded(contentCodec, contentStream('golf', id), event);
const segment = (id: string, event: SegmentEvent) => recorded(segmentCodec, segmentStream('golf', id), event);
const campaign = (id: string, event: CampaignEvent) => recorded(campaignCodec, campaignStream('golf', id), event);
const requested = (kind: 'audience' | 'playbook' | null) =>
  recorded<SnapshotEvent>(snapshotCodec, snapshotStream('golf', kind), { type: 'SnapshotRequested', kind });

const settings = {
  name: 'Golf',
  timeZone: 'Europe/London',
  origins: ['https://shop.example'],
  sampleRate: 0.5,
  snapshotIntervalSeconds: 900,
  snapshotMaxAgeSeconds: null,
};
const registered = client({ type: 'ClientRegistered', clientId: 'golf', currency: 'GBP', ...settings });
const image = { contentType: 'image', body: null, destination: null, width: 1, height: 1, alt: null } as const;
const ten = content('ten.off', { type: 'ContentRegistered', contentId: 'ten.off', ...image, address: 'https://a.example/10' });
const buyers = segment('buyers', {
  type: 'SegmentDefined',
  segmentId: 'buyers',
  name: 'Buyers',
  criteria: { field: 'orders.count', op: 'gte', value: 1 },
});
const others = segment('others', {
  type: 'SegmentDefined',
  segmentId: 'others',
  name: 'Others',
  criteria: { not: { segment: 'buyers' } },
});
const spring = campaign('spring', {
  type: 'CampaignCreated',
  campaignId: 'spring',
  name: 'Spring',
  defaultContentId: null,
  startsAt: null,
  endsAt: '2026-04-01T00:00:00.000Z',
});
const rule = { ruleId: 'r1', priority: 1, segmentId: 'buyers', when: null, contentId: 'ten.off', groups: null };
const rulesSet = campaign('spring', { type: 'CampaignRulesSet', rules: [rule] });
const started = campaign('spring', { type: 'CampaignStarted' });
const all = [registered, ten, buyers, others, spring, rulesSet, started];

function foldOf(events: readonly DefinitionEvent[]): Definitions {
  return events.reduce(definitionsFold.apply, definitionsFold.initial());
}
function golf(events: readonly DefinitionEvent[]) {
  const found = foldOf(events).get('golf');
  if (found === undefined) throw new Error('golf is not there');
  return found;
}

describe('the fold of definitions', () => {
  it('knows a client with all that is defined for it', () => {
    const definitions = golf(all);
    expect(definitions.client).toEqual({ clientId: 'golf', currency: 'GBP', ...settings });
    expect([...definitions.contents.keys()]).toEqual(['ten.off']);
    expect(definitions.contents.get('ten.off')).toMatchObject({ contentId: 'ten.off', type: 'image', address: 'https://a.example/10' });
    expect([...definitions.segments.keys()]).toEqual(['buyers', 'others']);
    expect(definitions.campaigns.get('spring')).toMatchObject({ status: 'running', rules: [rule], endsAt: '2026-04-01T00:00:00.000Z' });
  });

  it('says where the newest definition stands, and the newest that an audience depends on', () => {
    const definitions = golf(all);
    expect(definitions.changedAt).toBe(started.position);
    expect(definitions.audienceChangedAt).toBe(others.position);
    const renamed = client({ type: 'ClientRevised', name: 'Golf & more' });
    expect(golf([...all, renamed])).toMatchObject({ changedAt: renamed.position, audienceChangedAt: others.position });
    const moved = client({ type: 'ClientRevised', timeZone: 'UTC' });
    expect(golf([...all, moved])).toMatchObject({ changedAt: moved.position, audienceChangedAt: moved.position });
  });

  it('knows when a snapshot was last asked for, which is no change of a definition', () => {
    const both = requested(null);
    const audience = requested('audience');
    const definitions = golf([...all, both, audience]);
    expect(definitions.requestedAt).toEqual({ audience: audience.position, playbook: both.position });
    expect(definitions.changedAt).toBe(started.position);
    expect(golf(all).requestedAt).toEqual({ audience: null, playbook: null });
  });

  it('changes what was revised, and only that', () => {
    const definitions = golf([
      ...all,
      segment('buyers', { type: 'SegmentRevised', name: 'Good buyers' }),
      segment('others', { type: 'SegmentArchived' }),
      content('ten.off', { type: 'ContentRevised', ...image, address: 'https://a.example/11' }),
      campaign('spring', { type: 'CampaignPaused' }),
    ]);
    expect(definitions.segments.get('buyers')).toMatchObject({
      name: 'Good buyers',
      criteria: { field: 'orders.count' },
      status: 'active',
    });
    expect(definitions.segments.get('others')).toMatchObject({ status: 'archived' });
    expect(definitions.contents.get('ten.off')?.address).toBe('https://a.example/11');
    expect(definitions.campaigns.get('spring')).toMatchObject({ status: 'paused', rules: [rule] });
    expect(golf([...all, campaign('spring', { type: 'CampaignEnded' })]).campaigns.get('spring')?.status).toBe('ended');
  });

  it('gives out what does not change under the reader, and the same again while nothing changed', () => {
    const definitions = foldOf(all);
    const before = definitions.get('golf');
    expect(definitions.get('golf')).toBe(before);
    definitions.apply(segment('new', { type: 'SegmentDefined', segmentId: 'new', name: 'New', criteria: { all: [] } }));
    expect(before?.segments.has('new')).toBe(false);
    expect(definitions.get('golf')?.segments.has('new')).toBe(true);
  });

  it('keeps clients apart', () => {
    const tennis = recorded<ClientEvent>(
      clientCodec,
      clientStream('tennis'),
      { type: 'ClientRegistered', clientId: 'tennis', currency: 'USD', ...settings },
      'tennis',
    );
    const definitions = foldOf([...all, tennis]);
    expect([...definitions.clientIds()]).toEqual(['golf', 'tennis']);
    expect(definitions.size).toBe(2);
    expect(definitions.get('tennis')?.segments.size).toBe(0);
    expect(definitions.has('chess')).toBe(false);
  });

  it('folded again gives the same', () => {
    expect(golf(all)).toEqual(golf(all));
  });

  it('leaves other events alone, and refuses a version from the future', () => {
    const definitions = foldOf(all);
    definitions.apply({ ...ten, type: 'PageViewed', position: 999n as Position });
    expect(definitions.get('golf')?.changedAt).toBe(started.position);
    expect(() => definitions.apply({ ...ten, metadata: { schema: 2, clientId: 'golf' } })).toThrow(UnreadableEvent);
  });

  it('takes ten thousand segments, with reads between, in a moment', () => {
    const definitions = foldOf([registered]);
    for (let n = 0; n < 10_000; n++) {
      definitions.apply(segment(`s${n}`, { type: 'SegmentDefined', segmentId: `s${n}`, name: 'x', criteria: { all: [] } }));
      if (n % 1000 === 0) expect(definitions.get('golf')?.segments.size).toBe(n + 1);
    }
    expect(audienceSegmentIds(golf([registered]))).toEqual([]);
    expect(definitions.get('golf')?.segments.size).toBe(10_000);
  });
});

describe('a playbook', () => {
  it('holds what nodes need, sorted by id', () => {
    const constructorContent = { type: 'ContentRegistered', contentId: 'constructor', ...image, address: 'https://a.example/c' } as const;
    const playbook = compilePlaybook(golf([...all, content('constructor', constructorContent)]));
    expect(playbook).toMatchObject({
      format: 1,
      clientId: 'golf',
      timeZone: 'Europe/London',
      sampleRate: 0.5,
      snapshotMaxAgeSeconds: null,
    });
    expect(Object.keys(playbook.contents)).toEqual(['constructor', 'ten.off']);
    expect(playbook.campaigns.spring).toEqual({
      campaignId: 'spring',
      status: 'running',
      startsAt: null,
      endsAt: '2026-04-01T00:00:00.000Z',
      defaultContentId: null,
      rules: [rule],
    });
    expect(playbook.contents.toString).toBeUndefined();
  });

  it('is the same, byte for byte, in whatever order the definitions came', () => {
    const twenty = content('20', { type: 'ContentRegistered', contentId: '20', ...image, address: 'https://a.example/20' });
    const one = JSON.stringify(compilePlaybook(golf([registered, ten, twenty, buyers, spring, rulesSet, started])));
    const other = JSON.stringify(compilePlaybook(golf([registered, twenty, spring, buyers, ten, started, rulesSet])));
    expect(other).toBe(one);
  });
});

describe('what an audience is judged by', () => {
  it('is the active segments, and the criteria of all', () => {
    const definitions = golf([...all, segment('others', { type: 'SegmentArchived' })]);
    expect(audienceSegmentIds(definitions)).toEqual(['buyers']);
    expect(Object.keys(segmentCriteria(definitions))).toEqual(['buyers', 'others']);
    expect(scopeOf(definitions.client)).toEqual({
      clientId: 'golf',
      timeZone: 'Europe/London',
      origins: ['https://shop.example'],
      currency: 'GBP',
    });
  });

  it('has nobody in the segments of a cycle, which a race of two admins can close; those beside it are as they were', () => {
    const cycle = segment('buyers', { type: 'SegmentRevised', criteria: { segment: 'others' } });
    const beside = segment('beside', { type: 'SegmentDefined', segmentId: 'beside', name: 'B', criteria: { segment: 'buyers' } });
    const criteria = segmentCriteria(golf([...all, cycle, beside]));
    expect({ ...criteria }).toEqual({ buyers: { any: [] }, others: { any: [] }, beside: { segment: 'buyers' } });
  });
});
