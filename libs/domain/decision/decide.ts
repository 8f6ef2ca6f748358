import type { Plan, PreparedCampaign, PreparedGroups, PreparedRule } from './plan.js';
import { bucketCount } from './plan.js';
import type { Decision, RequestFacts } from './playbook.js';

/** The membership of a customer whom the audience does not hold. */
export const unknownCustomer = -1;

/** What this customer is shown by this campaign, and why; undefined when the playbook has no such campaign. */
export function decide(
  plan: Plan,
  campaignId: string,
  membership: number,
  customerId: string,
  request: RequestFacts,
  audienceStale: boolean,
): Decision | undefined {
  const campaign = plan.campaigns.get(campaignId);
  if (campaign === undefined) return undefined;
  return decideIn(campaign, membership, request, audienceStale, (groups) => bucketOf(plan, groups, customerId));
}

/** The same within one campaign, where the caller knows the customer's bucket. Allocates nothing: the answers were made at load. */
export function decideIn(
  campaign: PreparedCampaign,
  membership: number,
  request: RequestFacts,
  audienceStale: boolean,
  bucket: (groups: PreparedGroups) => number,
): Decision {
  if (request.time < campaign.startsAt || request.time >= campaign.endsAt) return campaign.disabled;
  if (audienceStale) return campaign.stale;
  const rules = candidateRules(campaign, membership);
  for (let index = 0; index < rules.length; index++) {
    const prepared = rules[index] as PreparedRule;
    if (prepared.when === null || prepared.when.holds(request)) {
      return prepared.groups === null ? (prepared.decision as Decision) : drawn(prepared.groups, bucket(prepared.groups));
    }
  }
  return campaign.fallback;
}

/** The rules to ask in order, for a membership of the plan's audience or an unknown customer. */
export function candidateRules(campaign: PreparedCampaign, membership: number): readonly PreparedRule[] {
  const index = membership < 0 ? 0 : (campaign.candidatesOf[membership] ?? 0);
  return campaign.candidates[index] as readonly PreparedRule[];
}

/** 0–9999; depends on the rule and the customer alone, so that a customer's group outlives every change of other rules, and of this rule's conditions. */
export function bucketOf(plan: Plan, groups: PreparedGroups, customerId: string): number {
  return Number(plan.hash64(groups.hashPrefix + customerId) % BigInt(bucketCount));
}

export function drawn(groups: PreparedGroups, bucket: number): Decision {
  let index = 0;
  while (bucket >= (groups.below[index] as number)) index++;
  return groups.decisions[index] as Decision;
}
