import { parseCriteria } from '../criteria/parse.js';
import { type Rejected, rejected } from '../decider.js';
import type { PlaybookGroup, PlaybookRule } from '../decision/playbook.js';
import { parseDefinitionId } from '../ids.js';
import { jsonBytes } from '../json.js';
import type { Known } from '../known.js';
import { idInvalid } from '../refusals.js';

/** A rule as it was given; `when` is unchecked. Absent and null are the same. */
export interface GivenRule {
  readonly ruleId: string;
  readonly priority: number;
  readonly segmentId?: string | null | undefined;
  readonly when?: unknown;
  readonly contentId?: string | null | undefined;
  readonly groups?: readonly GivenGroup[] | null | undefined;
}

export interface GivenGroup {
  readonly groupId: string;
  readonly weight: number;
  readonly contentId?: string | null | undefined;
  readonly control?: boolean | null | undefined;
}

export const rulesPerCampaignMax = 500;
export const groupsPerRuleMax = 100;
/** All rules of a campaign as JSON, in bytes: they are one event, which must fit into one append. */
export const rulesBytesMax = 600_000;
/** The weights of a rule's groups sum to this. */
export const weightsSum = 10_000;
const priorityMax = 2 ** 31 - 1;

/** The rules by rising priority, in one form, or the first refusal. `before`: the rules so far; segments that they name may stay when archived. */
export function checkRules(
  given: readonly GivenRule[],
  known: Known,
  before: readonly PlaybookRule[],
): { readonly rules: readonly PlaybookRule[] } | Rejected {
  if (given.length > rulesPerCampaignMax)
    return rejected('LIMIT_REACHED', `a campaign has at most ${rulesPerCampaignMax} rules`, ['rules']);
  const ruleIds = new Set<string>();
  const priorities = new Set<number>();
  const rules: PlaybookRule[] = [];
  for (const [index, one] of given.entries()) {
    const place = ['rules', String(index)];
    if (parseDefinitionId(one.ruleId) === undefined) return idInvalid([...place, 'ruleId']);
    if (ruleIds.has(one.ruleId)) return rejected('RULE_EXISTS', `two rules are named ${one.ruleId}`, [...place, 'ruleId']);
    ruleIds.add(one.ruleId);
    if (!Number.isInteger(one.priority) || Math.abs(one.priority) > priorityMax) {
      return rejected('PRIORITY_INVALID', 'a priority is a whole number of 32 bits', [...place, 'priority']);
    }
    if (priorities.has(one.priority))
      return rejected('PRIORITY_TAKEN', `two rules have the priority ${one.priority}`, [...place, 'priority']);
    priorities.add(one.priority);
    const rule = checkRule(one, known, before, place);
    if ('rejected' in rule) return rule;
    rules.push(rule);
  }
  rules.sort((a, b) => a.priority - b.priority);
  if (jsonBytes(rules) > rulesBytesMax) {
    return rejected('LIMIT_REACHED', `the rules of a campaign have at most ${rulesBytesMax} bytes as JSON`, ['rules']);
  }
  return { rules };
}

function checkRule(given: GivenRule, known: Known, before: readonly PlaybookRule[], place: readonly string[]): PlaybookRule | Rejected {
  const { ruleId, priority } = given;
  const segmentId = given.segmentId ?? null;
  if (segmentId !== null) {
    const refusal = refuseSegment(segmentId, known, before, [...place, 'segmentId']);
    if (refusal !== undefined) return refusal;
  }
  const condition = given.when == null ? { criteria: null } : parseCriteria(given.when, 'request');
  if ('invalid' in condition) return rejected('CRITERIA_INVALID', condition.invalid.message, [...place, 'when', ...condition.invalid.path]);
  const contentId = given.contentId ?? null;
  const givenGroups = given.groups ?? null;
  if ((contentId === null) === (givenGroups === null)) return rejected('RULE_CONTENT', 'a rule has either a content or groups', place);
  if (contentId !== null && !known.contents.has(contentId)) return contentUnknown(contentId, [...place, 'contentId']);
  const groups = givenGroups === null ? null : checkGroups(givenGroups, known, [...place, 'groups']);
  if (groups !== null && 'rejected' in groups) return groups;
  return { ruleId, priority, segmentId, when: condition.criteria, contentId, groups };
}

function refuseSegment(segmentId: string, known: Known, before: readonly PlaybookRule[], field: readonly string[]): Rejected | undefined {
  const segment = known.segments.get(segmentId);
  if (segment === undefined) return rejected('SEGMENT_UNKNOWN', `there is no segment ${segmentId}`, field);
  if (segment.status === 'active' || before.some((rule) => rule.segmentId === segmentId)) return undefined;
  return rejected('SEGMENT_ARCHIVED', `the segment ${segmentId} is archived`, field);
}

function checkGroups(given: readonly GivenGroup[], known: Known, place: readonly string[]): readonly PlaybookGroup[] | Rejected {
  if (given.length > groupsPerRuleMax) return rejected('LIMIT_REACHED', `a rule has at most ${groupsPerRuleMax} groups`, place);
  const groupIds = new Set<string>();
  const groups: PlaybookGroup[] = [];
  for (const [index, { groupId, weight, contentId = null, control }] of given.entries()) {
    const field = [...place, String(index)];
    if (parseDefinitionId(groupId) === undefined) return idInvalid([...field, 'groupId']);
    if (groupIds.has(groupId)) return rejected('GROUP_EXISTS', `two groups are named ${groupId}`, [...field, 'groupId']);
    groupIds.add(groupId);
    if (contentId !== null && !known.contents.has(contentId)) return contentUnknown(contentId, [...field, 'contentId']);
    groups.push({ groupId, weight, contentId, control: control ?? false });
  }
  const sum = groups.reduce((total, group) => total + group.weight, 0);
  if (sum !== weightsSum) return rejected('WEIGHTS_DO_NOT_SUM', `the weights sum to ${sum}, not to ${weightsSum}`, place);
  const odd = groups.findIndex(({ weight }) => !Number.isInteger(weight) || weight < 0);
  if (odd >= 0) return rejected('WEIGHT_INVALID', 'a weight is a whole number, 0 or more', [...place, String(odd), 'weight']);
  return groups;
}

function contentUnknown(contentId: string, field: readonly string[]): Rejected {
  return rejected('CONTENT_UNKNOWN', `there is no content ${contentId}`, field);
}
