import type { Decision, Playbook, PlaybookCampaign, PlaybookContent, PlaybookRule, Reason } from './playbook.js';
import { compileCondition, type RequestCondition } from './request-conditions.js';

/** xxHash64 with seed 0 of the text's UTF-8. Given in, because its implementation has to be loaded and the domain loads nothing. */
export type Hash64 = (text: string) => bigint;

/** Every answer that a rule can give, made at load: to decide is to choose one of these objects. */
export interface PreparedRule {
  readonly rule: PlaybookRule;
  readonly when: RequestCondition | null;
  /** Null when the rule has groups. */
  readonly decision: Decision | null;
  readonly groups: PreparedGroups | null;
}

export interface PreparedGroups {
  /** `clientId/campaignId/ruleId/`: none of the three can hold a slash. */
  readonly hashPrefix: string;
  /** Cumulative weights in ten-thousandths, rising to 10000: group i is drawn when the bucket is below the i-th and not below the one before. */
  readonly below: readonly number[];
  readonly decisions: readonly Decision[];
}

export interface PreparedCampaign {
  readonly campaign: PlaybookCampaign;
  /** Milliseconds since 1970; ∓Infinity for no bound. A campaign that is not running has an empty interval. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly disabled: Decision;
  readonly stale: Decision;
  readonly fallback: Decision;
  /** By rising priority. */
  readonly rules: readonly PreparedRule[];
  /** Distinct lists of the rules that a customer's segments let through, by rising priority; the first is the unknown customers'. */
  readonly candidates: readonly (readonly PreparedRule[])[];
  /** Membership → index into `candidates`; empty when no rule of the campaign asks for a segment. */
  readonly candidatesOf: Uint32Array;
}

/** One playbook and one audience's memberships, ready to decide. */
export interface Plan {
  readonly playbook: Playbook;
  readonly memberships: readonly (readonly string[])[];
  readonly campaigns: ReadonlyMap<string, PreparedCampaign>;
  readonly hash64: Hash64;
}

/** A playbook that names contents it does not hold, or weights that do not sum: it is refused as a whole. */
export class PlaybookInconsistent extends Error {
  readonly code = 'PLAYBOOK_INCONSISTENT';
}

/** Ten-thousandths: what the weights of a rule's groups sum to, and the number of buckets customers fall into. */
export const bucketCount = 10_000;

/**
 * Works out the candidate rules of each campaign and membership.
 * @throws PlaybookInconsistent, ConditionUnknown.
 */
export function prepare(playbook: Playbook, memberships: readonly (readonly string[])[], hash64: Hash64): Plan {
  return toTheEnd(preparing(playbook, memberships, hash64));
}

function toTheEnd<Result>(steps: Generator<undefined, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Memberships in one step: an audience may have tens of thousands. */
const membershipsAtOnce = 1_024;

/**
 * The same in steps of a millisecond at most, so that a serving process can answer requests in between. What an earlier plan of the same playbook
 * compiled is taken over: a new audience costs the candidate lists only.
 */
export function* preparing(
  playbook: Playbook,
  memberships: readonly (readonly string[])[],
  hash64: Hash64,
  earlier?: Plan,
): Generator<undefined, Plan> {
  const membershipsOf = yield* membershipsBySegment(memberships, 0);
  const campaigns = new Map<string, PreparedCampaign>();
  for (const [campaignId, campaign] of Object.entries(playbook.campaigns)) {
    const known = earlier?.playbook === playbook ? earlier.campaigns.get(campaignId) : undefined;
    const ready = known ?? compileCampaign(playbook, campaign);
    campaigns.set(campaignId, { ...ready, ...(yield* candidatesFor(ready.rules, memberships.length, membershipsOf)) });
    yield;
  }
  return { playbook, memberships, campaigns, hash64 };
}

/** Of the memberships from `first` on. */
function* membershipsBySegment(memberships: readonly (readonly string[])[], first: number): Generator<undefined, Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (let membership = first; membership < memberships.length; membership += 1) {
    for (const segmentId of memberships[membership]!) {
      const list = found.get(segmentId);
      if (list) list.push(membership);
      else found.set(segmentId, [membership]);
    }
    if (membership % membershipsAtOnce === 0) yield;
  }
  return found;
}

type CompiledCampaign = Omit<PreparedCampaign, 'candidates' | 'candidatesOf'>;

function compileCampaign(playbook: Playbook, campaign: PlaybookCampaign): CompiledCampaign {
  const contentOf = (contentId: string | null): PlaybookContent | null => {
    if (contentId === null) return null;
    const content = Object.hasOwn(playbook.contents, contentId) ? playbook.contents[contentId] : undefined;
    if (!content)
      throw new PlaybookInconsistent(`campaign ${campaign.campaignId} shows content ${contentId}, which the playbook does not hold`);
    return content;
  };
  const answer = (reason: Reason, content: PlaybookContent | null, rule?: PlaybookRule, group: string | null = null): Decision =>
    Object.freeze({ content, segmentId: rule?.segmentId ?? null, ruleId: rule?.ruleId ?? null, group, reason });

  const rules = campaign.rules
    .map((rule): PreparedRule => {
      const when = rule.when === null ? null : compileCondition(rule.when, playbook.timeZone);
      if (rule.groups === null) return { rule, when, decision: answer('TARGETING_MATCH', contentOf(rule.contentId), rule), groups: null };
      let sum = 0;
      const below = rule.groups.map(({ weight }) => {
        sum += weight;
        return sum;
      });
      if (sum !== bucketCount)
        throw new PlaybookInconsistent(`the groups of rule ${rule.ruleId} of campaign ${campaign.campaignId} weigh ${sum}`);
      const decisions = rule.groups.map((group) => answer('SPLIT', contentOf(group.contentId), rule, group.groupId));
      const hashPrefix = `${playbook.clientId}/${campaign.campaignId}/${rule.ruleId}/`;
      return { rule, when, decision: null, groups: { hashPrefix, below, decisions } };
    })
    .sort((a, b) => a.rule.priority - b.rule.priority);

  const running = campaign.status === 'running';
  const fallback = contentOf(campaign.defaultContentId);
  return {
    campaign,
    startsAt: running ? bound(campaign.startsAt, Number.NEGATIVE_INFINITY) : Number.POSITIVE_INFINITY,
    endsAt: bound(campaign.endsAt, Number.POSITIVE_INFINITY),
    disabled: answer('DISABLED', null),
    stale: answer('STALE', fallback),
    fallback: answer('DEFAULT', fallback),
    rules,
  };
}

function bound(time: string | null, none: number): number {
  if (time === null) return none;
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed)) throw new PlaybookInconsistent(`${time} is no time`);
  return parsed;
}

/**
 * The plan for memberships that begin with the plan's own: an audience whose increments brought sets of segments that nobody had before.
 * Costs the new ones only, so that it can be done between two requests.
 */
export function extend(plan: Plan, memberships: readonly (readonly string[])[]): Plan {
  const first = plan.memberships.length;
  if (memberships.length === first) return plan;
  const added = toTheEnd(membershipsBySegment(memberships, first));
  const campaigns = new Map<string, PreparedCampaign>();
  for (const [campaignId, ready] of plan.campaigns) {
    campaigns.set(campaignId, { ...ready, ...toTheEnd(candidatesFor(ready.rules, memberships.length, added, ready)) });
  }
  return { ...plan, memberships, campaigns };
}

type Candidates = Pick<PreparedCampaign, 'candidates' | 'candidatesOf'>;

/**
 * Only memberships that hold a segment of the campaign get a list of their own, and equal lists are one: a campaign costs four bytes a
 * membership, or none when it asks for no segment.
 */
function* candidatesFor(
  rules: readonly PreparedRule[],
  membershipCount: number,
  membershipsOf: ReadonlyMap<string, readonly number[]>,
  earlier?: Candidates,
): Generator<undefined, Candidates> {
  const segments = [...new Set(rules.flatMap(({ rule }) => (rule.segmentId === null ? [] : [rule.segmentId])))];
  const candidates = earlier ? [...earlier.candidates] : [reachable(rules.filter(({ rule }) => rule.segmentId === null))];
  if (segments.length === 0) return { candidates, candidatesOf: new Uint32Array(0) };

  // Which of the campaign's segments each membership holds, as bits from the first membership that is new.
  const first = earlier?.candidatesOf.length ?? 0;
  const words = Math.ceil(segments.length / 32);
  const held = new Uint32Array((membershipCount - first) * words);
  for (const [place, segmentId] of segments.entries()) {
    for (const [at, membership] of (membershipsOf.get(segmentId) ?? []).entries()) {
      held[(membership - first) * words + (place >>> 5)]! |= 1 << (place & 31);
      if (at % membershipsAtOnce === 0) yield;
    }
  }
  const candidatesOf = new Uint32Array(membershipCount);
  if (earlier) candidatesOf.set(earlier.candidatesOf);
  const indexBySet = new Map<string, number>();
  for (let membership = first; membership < membershipCount; membership += 1) {
    if (membership % membershipsAtOnce === 0) yield;
    const own = held.subarray((membership - first) * words, (membership - first + 1) * words);
    if (own.every((word) => word === 0)) continue;
    const key = own.join();
    let index = indexBySet.get(key);
    if (index === undefined) {
      const holds = (segmentId: string) => ((own[segments.indexOf(segmentId) >>> 5]! >>> (segments.indexOf(segmentId) & 31)) & 1) === 1;
      index = candidates.push(reachable(rules.filter(({ rule }) => rule.segmentId === null || holds(rule.segmentId)))) - 1;
      indexBySet.set(key, index);
    }
    candidatesOf[membership] = index;
  }
  return { candidates, candidatesOf };
}

/** Up to the first rule without a condition: what comes after it is never asked. */
function reachable(rules: readonly PreparedRule[]): PreparedRule[] {
  const last = rules.findIndex(({ when }) => when === null);
  return last < 0 ? [...rules] : rules.slice(0, last + 1);
}
