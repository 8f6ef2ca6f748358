import { describe, expect, it } from '@jest/globals';
import { rejected } from '../decider.js';
import type { Known } from '../known.js';
import { given } from '../testing/given.js';
import { type CampaignEvent, campaign, campaignStream } from './campaign.js';
import type { GivenRule } from './rules.js';

const known: Known = {
  contents: new Map([
    ['ten', { body: null }],
    ['twenty', { body: null }],
  ]),
  segments: new Map([
    ['buyers', { criteria: { all: [] }, status: 'active' }],
    ['gone', { criteria: { all: [] }, status: 'archived' }],
  ]),
  campaigns: new Map(),
};
const about = { clientId: 'golf', campaignId: 'spring', known };
const create = { type: 'CreateCampaign', ...about, name: 'Spring' } as const;
const created: CampaignEvent = {
  type: 'CampaignCreated',
  campaignId: 'spring',
  name: 'Spring',
  defaultContentId: null,
  startsAt: null,
  endsAt: null,
};
const started: CampaignEvent = { type: 'CampaignStarted' };
const paused: CampaignEvent = { type: 'CampaignPaused' };
const ended: CampaignEvent = { type: 'CampaignEnded' };
const start = { type: 'StartCampaign', ...about } as const;
const pause = { type: 'PauseCampaign', ...about } as const;
const end = { type: 'EndCampaign', ...about } as const;
const setRules = (...rules: GivenRule[]) => ({ type: 'SetCampaignRules', ...about, rules }) as const;
const refused = (code: string, ...field: string[]) => rejected(code, '', field);

describe('creating a campaign', () => {
  it('keeps name, default content and schedule, in UTC', () => {
    given(campaign, []).when(create).then([created]);
    given(campaign, [])
      .when({ ...create, defaultContentId: 'ten', startsAt: '2026-03-01T00:00:00+01:00', endsAt: '2026-04-01T00:00:00Z' })
      .then([{ ...created, defaultContentId: 'ten', startsAt: '2026-02-28T23:00:00.000Z', endsAt: '2026-04-01T00:00:00.000Z' }]);
  });

  it('refuses what cannot be', () => {
    given(campaign, [created]).when(create).then(refused('CAMPAIGN_EXISTS', 'campaignId'));
    given(campaign, [])
      .when({ ...create, campaignId: 'a/b' })
      .then(refused('ID_INVALID', 'campaignId'));
    given(campaign, [])
      .when({ ...create, known: null })
      .then(refused('CLIENT_UNKNOWN', 'clientId'));
    given(campaign, [])
      .when({ ...create, name: '' })
      .then(refused('NAME_INVALID', 'name'));
    given(campaign, [])
      .when({ ...create, defaultContentId: 'none' })
      .then(refused('CONTENT_UNKNOWN', 'defaultContentId'));
    given(campaign, [])
      .when({ ...create, startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-01T00:00:00Z' })
      .then(refused('PERIOD_INVALID', 'endsAt'));
    given(campaign, [])
      .when({ ...create, startsAt: 'tomorrow' })
      .then(refused('PERIOD_INVALID', 'startsAt'));
    given(campaign, [])
      .when({ ...create, endsAt: '2026-02-30T00:00:00Z' })
      .then(refused('PERIOD_INVALID', 'endsAt'));
  });
});

describe('the rules of a campaign', () => {
  const groups = [
    { groupId: 'none', weight: 2500, control: true },
    { groupId: 'ten', weight: 2500, contentId: 'ten' },
    { groupId: 'twenty', weight: 5000, contentId: 'twenty', control: null },
  ];
  const plain: GivenRule = { ruleId: 'r1', priority: 1, contentId: 'ten' };

  it('are set as a whole, by rising priority, with segment, condition, content or groups', () =>
    given(campaign, [created])
      .when(
        setRules(
          { ruleId: 'late', priority: 20, segmentId: null, when: { op: 'gte', field: 'request.hour', value: 18 }, contentId: 'ten' },
          { ruleId: 'split', priority: -1, segmentId: 'buyers', groups },
        ),
      )
      .then([
        {
          type: 'CampaignRulesSet',
          rules: [
            {
              ruleId: 'split',
              priority: -1,
              segmentId: 'buyers',
              when: null,
              contentId: null,
              groups: [
                { groupId: 'none', weight: 2500, contentId: null, control: true },
                { groupId: 'ten', weight: 2500, contentId: 'ten', control: false },
                { groupId: 'twenty', weight: 5000, contentId: 'twenty', control: false },
              ],
            },
            {
              ruleId: 'late',
              priority: 20,
              segmentId: null,
              when: { field: 'request.hour', op: 'gte', value: 18 },
              contentId: 'ten',
              groups: null,
            },
          ],
        },
      ]));

  it('set again as they are change nothing; set to none they are gone', () => {
    const rule = { ...plain, segmentId: null, when: null, contentId: 'ten', groups: null };
    const set: CampaignEvent = { type: 'CampaignRulesSet', rules: [rule] };
    given(campaign, [created, set]).when(setRules(plain)).then([]);
    given(campaign, [created, set])
      .when(setRules())
      .then([{ type: 'CampaignRulesSet', rules: [] }]);
  });

  it.each<[string, string[], GivenRule[]]>([
    ['ID_INVALID', ['rules', '0', 'ruleId'], [{ ...plain, ruleId: '' }]],
    ['RULE_EXISTS', ['rules', '1', 'ruleId'], [plain, { ...plain, priority: 2 }]],
    ['PRIORITY_TAKEN', ['rules', '1', 'priority'], [plain, { ...plain, ruleId: 'r2' }]],
    ['PRIORITY_INVALID', ['rules', '0', 'priority'], [{ ...plain, priority: 1.5 }]],
    ['SEGMENT_UNKNOWN', ['rules', '0', 'segmentId'], [{ ...plain, segmentId: 'nobody' }]],
    ['SEGMENT_ARCHIVED', ['rules', '0', 'segmentId'], [{ ...plain, segmentId: 'gone' }]],
    ['CONTENT_UNKNOWN', ['rules', '0', 'contentId'], [{ ...plain, contentId: 'none' }]],
    ['RULE_CONTENT', ['rules', '0'], [{ ruleId: 'r1', priority: 1 }]],
    ['RULE_CONTENT', ['rules', '0'], [{ ...plain, groups }]],
    ['CRITERIA_INVALID', ['rules', '0', 'when', 'field'], [{ ...plain, when: { field: 'orders.count', op: 'gte', value: 1 } }]],
    ['CRITERIA_INVALID', ['rules', '0', 'when', 'all', '0'], [{ ...plain, when: { all: [{ segment: 'buyers' }] } }]],
    ['ID_INVALID', ['rules', '0', 'groups', '0', 'groupId'], [{ ruleId: 'r1', priority: 1, groups: [{ groupId: 'a b', weight: 10_000 }] }]],
    ['WEIGHTS_DO_NOT_SUM', ['rules', '0', 'groups'], [{ ruleId: 'r1', priority: 1, groups: groups.slice(1) }]],
    ['WEIGHTS_DO_NOT_SUM', ['rules', '0', 'groups'], [{ ruleId: 'r1', priority: 1, groups: [] }]],
    ['WEIGHTS_DO_NOT_SUM', ['rules', '0', 'groups'], [{ ruleId: 'r1', priority: 1, groups: [{ groupId: 'a', weight: Number.NaN }] }]],
    [
      'WEIGHT_INVALID',
      ['rules', '0', 'groups', '1', 'weight'],
      [
        {
          ruleId: 'r1',
          priority: 1,
          groups: [
            { groupId: 'a', weight: 10_001 },
            { groupId: 'b', weight: -1 },
          ],
        },
      ],
    ],
    [
      'GROUP_EXISTS',
      ['rules', '0', 'groups', '1', 'groupId'],
      [
        {
          ruleId: 'r1',
          priority: 1,
          groups: [
            { groupId: 'a', weight: 5000 },
            { groupId: 'a', weight: 5000 },
          ],
        },
      ],
    ],
    [
      'CONTENT_UNKNOWN',
      ['rules', '0', 'groups', '0', 'contentId'],
      [{ ruleId: 'r1', priority: 1, groups: [{ groupId: 'a', weight: 10_000, contentId: 'none' }] }],
    ],
    ['LIMIT_REACHED', ['rules'], Array.from({ length: 501 }, (_, n) => ({ ...plain, ruleId: `r${n}`, priority: n }))],
  ])('are refused with %s at %j', (code, field, rules) =>
    given(campaign, [created])
      .when(setRules(...rules))
      .then(refused(code, ...field)),
  );

  it('keep a segment that was archived under them', () => {
    const before: CampaignEvent = {
      type: 'CampaignRulesSet',
      rules: [{ ruleId: 'r1', priority: 1, segmentId: 'gone', when: null, contentId: 'ten', groups: null }],
    };
    const { outcome } = given(campaign, [created, before]).when(setRules({ ...plain, segmentId: 'gone', contentId: 'twenty' }));
    expect(outcome).toMatchObject([{ type: 'CampaignRulesSet' }]);
  });

  it('fit into one append', () => {
    const when = { field: 'request.url', op: 'in', value: Array.from({ length: 1000 }, () => 'x'.repeat(700)) };
    given(campaign, [created])
      .when(setRules({ ...plain, when }))
      .then(refused('CRITERIA_INVALID', 'rules', '0', 'when'));
    const half = { ...when, value: when.value.slice(0, 500) };
    given(campaign, [created])
      .when(setRules({ ...plain, when: half }, { ...plain, ruleId: 'r2', priority: 2, when: half }))
      .then(refused('LIMIT_REACHED', 'rules'));
  });
});

describe('the life of a campaign', () => {
  it('starts, pauses, starts again and ends', () => {
    given(campaign, [created]).when(start).then([started]);
    given(campaign, [created, started]).when(pause).then([paused]);
    given(campaign, [created, started, paused]).when(start).then([started]);
    given(campaign, [created, started, paused]).when(end).then([ended]);
    given(campaign, [created]).when(end).then([ended]);
  });

  it('takes a repeat for what it is', () => {
    given(campaign, [created, started]).when(start).then([]);
    given(campaign, [created, started, paused]).when(pause).then([]);
    given(campaign, [created, ended]).when(end).then([]);
  });

  it('does not pause what never ran', () => given(campaign, [created]).when(pause).then(refused('CAMPAIGN_NOT_STARTED', 'campaignId')));

  it('is over when it has ended', () => {
    for (const command of [start, pause, setRules()]) {
      given(campaign, [created, started, ended]).when(command).then(refused('CAMPAIGN_ENDED', 'campaignId'));
    }
  });

  it('has begun with its creation', () => {
    for (const command of [start, pause, end, setRules()]) {
      given(campaign, []).when(command).then(refused('CAMPAIGN_UNKNOWN', 'campaignId'));
    }
  });
});

it('has a stream of its own', () => expect(campaignStream('golf', 'spring')).toBe('campaign-golf.spring'));
