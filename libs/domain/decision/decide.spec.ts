import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import xxhash from 'xxhash-wasm';
import type { Criteria } from '../criteria/criteria.js';
import { decide, unknownCustomer } from './decide.js';
import { explain } from './explain.js';
import { extend, PlaybookInconsistent, prepare, preparing } from './plan.js';
import type { Playbook, PlaybookCampaign, PlaybookContent, PlaybookGroup, PlaybookRule, RequestFacts } from './playbook.js';

const { h64 } = await xxhash();
const hash64 = (text: string) => h64(text);

const content = (contentId: string): PlaybookContent => ({
  contentId,
  type: 'image',
  address: `https://cdn.example/${contentId}.png`,
  body: null,
  destination: null,
  width: null,
  height: null,
  alt: null,
});
const contents = Object.fromEntries(['plain', 'ten', 'twenty', 'cash', 'vip'].map((id) => [id, content(id)]));
const rule = (ruleId: string, priority: number, rest: Partial<PlaybookRule>): PlaybookRule => ({
  ruleId,
  priority,
  segmentId: null,
  when: null,
  contentId: null,
  groups: null,
  ...rest,
});
const group = (groupId: string, weight: number, contentId: string | null): PlaybookGroup => ({
  groupId,
  weight,
  contentId,
  control: contentId === null,
});
const campaign = (rules: PlaybookRule[], rest: Partial<PlaybookCampaign> = {}): PlaybookCampaign => ({
  campaignId: 'spring',
  status: 'running',
  startsAt: null,
  endsAt: null,
  defaultContentId: 'plain',
  rules,
  ...rest,
});
const playbook = (...campaigns: PlaybookCampaign[]): Playbook => ({
  format: 1,
  clientId: 'golf',
  timeZone: 'UTC',
  currency: 'USD',
  origins: [],
  sampleRate: 1,
  snapshotMaxAgeSeconds: 60,
  contents,
  campaigns: Object.fromEntries(campaigns.map((one) => [one.campaignId, one])),
});
const request: RequestFacts = {
  time: Date.parse('2026-11-23T12:00:00.000Z'),
  url: null,
  referrer: null,
  placementId: null,
  device: 'desktop',
  browser: null,
  country: null,
  context: {},
};
const fourGroups = [group('none', 2500, null), group('ten', 2500, 'ten'), group('twenty', 2500, 'twenty'), group('cash', 2500, 'cash')];
const memberships = [[], ['repeat'], ['vip'], ['repeat', 'vip'], ['elsewhere']];
const [nowhere, repeat, vip, both, elsewhere] = [0, 1, 2, 3, 4];

describe('a decision', () => {
  const rules = [
    rule('for-vip', 1, { segmentId: 'vip', contentId: 'vip' }),
    rule('for-repeat', 2, { segmentId: 'repeat', contentId: 'ten' }),
    rule('cart', 3, { when: { field: 'context.cart_items', op: 'gte', value: 3 }, contentId: 'cash' }),
  ];
  const plan = prepare(playbook(campaign(rules)), memberships, hash64);
  const of = (membership: number, facts = request, stale = false) => decide(plan, 'spring', membership, 'c1', facts, stale)!;

  it('gives the first rule by priority whose segment the customer is in', () => {
    expect(of(repeat)).toEqual({
      content: contents.ten,
      segmentId: 'repeat',
      ruleId: 'for-repeat',
      group: null,
      reason: 'TARGETING_MATCH',
    });
    expect(of(vip).ruleId).toBe('for-vip');
    expect(of(both).ruleId).toBe('for-vip');
  });

  it('gives the default content to the unknown and to those in no segment of the campaign', () => {
    for (const membership of [unknownCustomer, nowhere, elsewhere, 77]) {
      expect(of(membership)).toEqual({ content: contents.plain, segmentId: null, ruleId: null, group: null, reason: 'DEFAULT' });
    }
  });

  it('asks rules without a segment of everyone, the unknown too', () => {
    const cart = { ...request, context: { cart_items: '4' } };
    for (const membership of [unknownCustomer, nowhere]) expect(of(membership, cart).ruleId).toBe('cart');
    expect(of(repeat, cart).ruleId).toBe('for-repeat');
  });

  it('is nothing while the campaign does not run', () => {
    const nothing = { content: null, segmentId: null, ruleId: null, group: null, reason: 'DISABLED' };
    const answers = (rest: Partial<PlaybookCampaign>, time = request.time, stale = false) =>
      decide(prepare(playbook(campaign(rules, rest)), memberships, hash64), 'spring', repeat, 'c1', { ...request, time }, stale);
    for (const status of ['draft', 'paused', 'ended'] as const) {
      expect(answers({ status })).toEqual(nothing);
      expect(answers({ status }, request.time, true)).toEqual(nothing);
    }
    const bounds = { startsAt: '2026-11-23T10:00:00.000Z', endsAt: '2026-11-23T11:00:00.000Z' };
    const [start, end] = [Date.parse(bounds.startsAt), Date.parse(bounds.endsAt)];
    expect([start - 1, start, end - 1, end].map((time) => answers(bounds, time)?.reason)).toEqual([
      'DISABLED',
      'TARGETING_MATCH',
      'TARGETING_MATCH',
      'DISABLED',
    ]);
  });

  it('is the default content while the audience is too old', () => {
    expect(of(repeat, request, true)).toEqual({ content: contents.plain, segmentId: null, ruleId: null, group: null, reason: 'STALE' });
  });

  it('is undefined for a campaign that is not there', () => {
    expect(decide(plan, 'autumn', repeat, 'c1', request, false)).toBeUndefined();
    expect(decide(plan, 'constructor', repeat, 'c1', request, false)).toBeUndefined();
  });

  it('allocates nothing: equal answers are the same object', () => expect(of(repeat)).toBe(of(repeat)));
});

describe('groups', () => {
  const split = rule('r1', 10, { segmentId: 'repeat', groups: fourGroups });
  const groupOf = (rules: PlaybookRule[], customerId: string) =>
    decide(prepare(playbook(campaign(rules)), memberships, hash64), 'spring', repeat, customerId, request, false)?.group;
  const customers = Array.from({ length: 200 }, (_, index) => `customer-${index}`);

  it('share 100,000 customers out by their weights', () => {
    const plan = prepare(playbook(campaign([split])), memberships, hash64);
    const counts = new Map<string | null, number>();
    for (let index = 0; index < 100_000; index++) {
      const decision = decide(plan, 'spring', repeat, `0190c3f2-${index}`, request, false)!;
      counts.set(decision.group, (counts.get(decision.group) ?? 0) + 1);
    }
    // Four standard deviations of a binomial of 100,000 × ¼.
    expect([...counts.keys()].sort()).toEqual(['cash', 'none', 'ten', 'twenty']);
    for (const count of counts.values()) expect(Math.abs(count - 25_000)).toBeLessThan(550);
  });

  it('show a control group nothing', () => {
    const plan = prepare(playbook(campaign([rule('r1', 1, { groups: [group('control', 10_000, null)] })])), [], hash64);
    expect(decide(plan, 'spring', unknownCustomer, 'c1', request, false)).toEqual({
      content: null,
      segmentId: null,
      ruleId: 'r1',
      group: 'control',
      reason: 'SPLIT',
    });
  });

  it('never draw a group that weighs nothing', () => {
    const plan = prepare(playbook(campaign([rule('r1', 1, { groups: [group('a', 0, 'ten'), group('b', 10_000, 'ten')] })])), [], hash64);
    for (const customer of customers) expect(decide(plan, 'spring', unknownCustomer, customer, request, false)?.group).toBe('b');
  });

  it('keep their customers when other rules, priorities and conditions change', () => {
    const others = [rule('r0', 1, { segmentId: 'vip', contentId: 'vip' }), rule('r2', 20, { contentId: 'ten' })];
    const changed = { ...split, priority: 15, when: { all: [] } };
    for (const customer of customers) expect(groupOf([...others, changed], customer)).toBe(groupOf([split], customer));
  });

  it('are drawn anew in another rule', () => {
    const moved = customers.filter((customer) => groupOf([{ ...split, ruleId: 'r9' }], customer) !== groupOf([split], customer));
    expect(moved.length).toBeGreaterThan(customers.length / 2);
  });
});

describe('preparing', () => {
  it('refuses a playbook that shows what it does not hold, or whose weights do not sum', () => {
    const refused = (rules: PlaybookRule[], rest: Partial<PlaybookCampaign> = {}) =>
      expect(() => prepare(playbook(campaign(rules, rest)), memberships, hash64)).toThrow(PlaybookInconsistent);
    refused([rule('r', 1, { contentId: 'lost' })]);
    refused([rule('r', 1, { contentId: 'constructor' })]);
    refused([], { defaultContentId: 'lost' });
    refused([rule('r', 1, { groups: [group('a', 4000, 'ten'), group('b', 4000, null)] })]);
    refused([], { startsAt: 'soon' });
  });

  it('makes one list for equal sets of the segments that a campaign asks for', () => {
    const many = Array.from({ length: 1000 }, (_, index) => [`other-${index}`, ...(index % 2 ? ['vip'] : [])]);
    const plan = prepare(playbook(campaign([rule('r', 1, { segmentId: 'vip', contentId: 'vip' })])), many, hash64);
    expect(plan.campaigns.get('spring')?.candidates.length).toBe(2);
  });

  it('takes over what an earlier plan of the same playbook compiled', () => {
    const book = playbook(campaign([rule('r', 1, { segmentId: 'vip', contentId: 'vip' })]));
    const earlier = prepare(book, [[]], hash64);
    const steps = preparing(book, memberships, hash64, earlier);
    let step = steps.next();
    while (!step.done) step = steps.next();
    expect(step.value.campaigns.get('spring')?.rules).toBe(earlier.campaigns.get('spring')?.rules);
    expect(decide(step.value, 'spring', both, 'c', request, false)?.ruleId).toBe('r');
  });
});

describe('a plan extended by new memberships', () => {
  it('decides like one prepared with all of them', () => {
    const rules = [
      rule('both', 1, { segmentId: 'vip', when: { field: 'request.device', op: 'eq', value: 'mobile' }, contentId: 'vip' }),
      rule('repeat', 2, { segmentId: 'repeat', contentId: 'ten' }),
      rule('rest', 3, { contentId: 'cash' }),
    ];
    const book = playbook(campaign(rules), { ...campaign([rule('all', 1, { contentId: 'vip' })]), campaignId: 'autumn' });
    const whole = prepare(book, memberships, hash64);
    for (let known = 0; known <= memberships.length; known++) {
      const extended = extend(prepare(book, memberships.slice(0, known), hash64), memberships);
      for (let membership = -1; membership < memberships.length; membership++) {
        for (const campaignId of ['spring', 'autumn']) {
          for (const device of ['mobile', 'desktop'] as const) {
            const answer = (plan: typeof whole) => decide(plan, campaignId, membership, 'c', { ...request, device }, false);
            expect(answer(extended)).toEqual(answer(whole));
          }
        }
      }
    }
  });
});

describe('an explanation', () => {
  it('tells each rule considered, whether it matched, and why not', () => {
    const rules = [
      rule('for-vip', 1, { segmentId: 'vip', contentId: 'vip' }),
      rule('evening', 2, { when: { field: 'request.hour', op: 'gte', value: 18 }, contentId: 'ten' }),
      rule('split', 3, { segmentId: 'repeat', groups: [group('control', 10_000, null)] }),
    ];
    const plan = prepare(playbook(campaign(rules)), memberships, hash64);
    const { steps } = explain(plan, 'spring', repeat, 'c1', request, false)!;
    expect(steps).toEqual([
      'The customer is in: repeat.',
      'Rule for-vip (priority 1) did not match: the customer is not in segment vip.',
      'Rule evening (priority 2) did not match: request.hour gte 18: it was 12.',
      expect.stringMatching(/^Rule split \(priority 3\) matched; group control was drawn \(bucket \d+ is in 0–9999\): nothing\.$/),
    ]);
    expect(explain(plan, 'spring', unknownCustomer, 'c1', request, false)!.steps.at(-1)).toBe(
      'No rule matched: the default content, content plain.',
    );
    expect(explain(plan, 'spring', repeat, 'c1', request, true)!.steps).toEqual([
      'The audience was older than 60 s: the default content, content plain.',
    ]);
  });

  it('agrees with the decision, whatever the campaign, the customer and the request', () => {
    const segments = ['a', 'b', 'c'];
    const leaf: fc.Arbitrary<Criteria> = fc.oneof(
      fc.record({ field: fc.constant('request.hour'), op: fc.constantFrom('gte' as const, 'lt' as const), value: fc.nat(23) }),
      fc.record({ field: fc.constant('context.n'), op: fc.constantFrom('eq' as const, 'neq' as const, 'gt' as const), value: fc.nat(3) }),
      fc.record({ field: fc.constant('request.device'), op: fc.constant('in' as const), value: fc.subarray(['mobile', 'desktop']) }),
    );
    const { tree } = fc.letrec<{ tree: Criteria }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('tree'), { maxLength: 3 }) }),
        fc.record({ not: tie('tree') }),
      ),
    }));
    const anyRule = fc.record({
      segmentId: fc.option(fc.constantFrom(...segments)),
      when: fc.option(tree),
      shown: fc.oneof(fc.constant({ contentId: 'ten', groups: null }), fc.constant({ contentId: null, groups: fourGroups })),
    });
    const anyCampaign = fc.record({
      status: fc.constantFrom('running' as const, 'running' as const, 'running' as const, 'paused' as const),
      startsAt: fc.option(fc.constant('2026-11-23T12:00:00.000Z')),
      endsAt: fc.option(fc.constant('2026-11-24T12:00:00.000Z')),
      defaultContentId: fc.option(fc.constant('plain')),
      rules: fc
        .array(anyRule, { maxLength: 6 })
        .map((list) => list.map(({ shown, ...rest }, index) => rule(`r${index}`, (index * 7) % 11, { ...rest, ...shown }))),
    });
    const anyRequest = fc.record({
      time: fc.integer({ min: request.time - 7_200_000, max: request.time + 90_000_000 }),
      device: fc.constantFrom('mobile' as const, 'desktop' as const, 'bot' as const),
      context: fc.oneof(fc.constant({}), fc.record({ n: fc.constantFrom('0', '1', '2.0', 'x') })),
    });
    const sets = fc.array(fc.subarray(segments), { maxLength: 4 });
    fc.assert(
      fc.property(
        anyCampaign,
        sets,
        fc.integer({ min: -1, max: 4 }),
        fc.uuid(),
        anyRequest,
        fc.boolean(),
        (some, audience, member, customer, asked, stale) => {
          const membership = Math.min(member, audience.length - 1);
          const plan = prepare(playbook(campaign(some.rules, some)), audience, hash64);
          const facts = { ...request, ...asked };
          const explained = explain(plan, 'spring', membership, customer, facts, stale)!;
          expect(explained.decision).toBe(decide(plan, 'spring', membership, customer, facts, stale));
          expect(explained.steps.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});
