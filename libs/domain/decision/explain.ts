import { bucketOf, drawn } from './decide.js';
import type { Plan, PreparedGroups, PreparedRule } from './plan.js';
import type { Decision, RequestFacts } from './playbook.js';

export interface ExplainedDecision {
  readonly decision: Decision;
  /** In order: each rule considered, whether it matched, and why not; whole English sentences. */
  readonly steps: readonly string[];
}

/** The decision of `decide` for the same arguments, with the way to it. Walks all rules instead of the prepared candidates, so that it checks these too. */
export function explain(
  plan: Plan,
  campaignId: string,
  membership: number,
  customerId: string,
  request: RequestFacts,
  audienceStale: boolean,
): ExplainedDecision | undefined {
  const prepared = plan.campaigns.get(campaignId);
  if (prepared === undefined) return undefined;
  const { campaign } = prepared;
  const steps: string[] = [];
  const at = new Date(request.time).toISOString();

  if (campaign.status !== 'running') {
    steps.push(`Campaign ${campaignId} is not running: it is ${campaign.status === 'draft' ? 'a draft' : campaign.status}.`);
    return { decision: prepared.disabled, steps };
  }
  if (campaign.startsAt !== null && request.time < prepared.startsAt) {
    steps.push(`Campaign ${campaignId} starts at ${campaign.startsAt}; it was ${at}.`);
    return { decision: prepared.disabled, steps };
  }
  if (campaign.endsAt !== null && request.time >= prepared.endsAt) {
    steps.push(`Campaign ${campaignId} ended at ${campaign.endsAt}; it was ${at}.`);
    return { decision: prepared.disabled, steps };
  }
  if (audienceStale) {
    steps.push(
      `The audience was older than ${plan.playbook.snapshotMaxAgeSeconds} s: the default content, ${contentName(prepared.stale)}.`,
    );
    return { decision: prepared.stale, steps };
  }

  const segments = membership < 0 ? undefined : (plan.memberships[membership] ?? []);
  if (segments === undefined) steps.push('The customer is unknown to the audience.');
  else steps.push(segments.length === 0 ? 'The customer is in no segment.' : `The customer is in: ${segments.join(', ')}.`);
  for (const rule of prepared.rules) {
    const name = `Rule ${rule.rule.ruleId} (priority ${rule.rule.priority})`;
    const reason = whyNot(rule, segments, request);
    if (reason !== undefined) {
      steps.push(`${name} did not match: ${reason}.`);
      continue;
    }
    const decision = rule.groups ? drawn(rule.groups, bucketOf(plan, rule.groups, customerId)) : (rule.decision as Decision);
    const draw = rule.groups ? `; ${describeDraw(rule.groups, decision, bucketOf(plan, rule.groups, customerId))}` : '';
    steps.push(`${name} matched${draw}: ${contentName(decision)}.`);
    return { decision, steps };
  }
  steps.push(`No rule matched: the default content, ${contentName(prepared.fallback)}.`);
  return { decision: prepared.fallback, steps };
}

function whyNot({ rule, when }: PreparedRule, segments: readonly string[] | undefined, request: RequestFacts): string | undefined {
  if (rule.segmentId !== null && !segments?.includes(rule.segmentId)) return `the customer is not in segment ${rule.segmentId}`;
  return when?.whyNot(request);
}

function describeDraw(groups: PreparedGroups, decision: Decision, bucket: number): string {
  const index = groups.decisions.indexOf(decision);
  return `group ${decision.group} was drawn (bucket ${bucket} is in ${groups.below[index - 1] ?? 0}–${(groups.below[index] ?? 0) - 1})`;
}

function contentName({ content }: Decision): string {
  return content === null ? 'nothing' : `content ${content.contentId}`;
}
