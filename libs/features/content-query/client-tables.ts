import { type Decision, decide, type Plan, type RequestFacts, unknownCustomer } from '#libs/domain';
import type { AudienceLookup, SharedImage } from '#libs/snapshots';

/** What a node answers one client's queries from: replaced as a whole, never changed. */
export interface ClientTables {
  readonly clientId: string;
  readonly plan: Plan;
  readonly playbookVersion: string;
  /** Null: every customer is unknown. */
  readonly audience: LoadedAudience | null;
  /** Older audiences are STALE; Infinity when the client has set no age. */
  readonly audienceAgeMaxMs: number;
}

export interface LoadedAudience {
  readonly lookup: AudienceLookup;
  /** What the lookup reads, in memory that other threads can be given: who answers from it elsewhere retains it. */
  readonly image: SharedImage;
  /** `<image>` or `<image>+<increment>`. */
  readonly version: string;
  /** When it was built or last incremented: milliseconds since 1970, and RFC 3339. */
  readonly builtAtMs: number;
  readonly builtAt: string;
}

/** From a parsed request to its decision: memory only, nothing awaited. Undefined when the client has no such campaign. */
export function decideFor(tables: ClientTables, campaignId: string, customerId: string, request: RequestFacts): Decision | undefined {
  const { audience } = tables;
  if (audience === null) return decide(tables.plan, campaignId, unknownCustomer, customerId, request, false);
  const membership = audience.lookup.membershipOfId(customerId);
  return decide(tables.plan, campaignId, membership, customerId, request, request.time - audience.builtAtMs > tables.audienceAgeMaxMs);
}
