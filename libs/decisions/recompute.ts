import { type ContentServedFact, type Decision, explain, prepare, type RequestFacts, unknownCustomer } from '#libs/domain';
import { customerHash, type Increment, Overlay, readAudience, readPlaybook, type SnapshotPublication } from '#libs/snapshots';

/** A past answer, computed again from what it names. */
export interface RecomputedAnswer {
  /** Null when the named playbook has no such campaign, so that no answer could have come from it. */
  readonly decision: Decision | null;
  /** In order: each rule considered, whether it matched, and why not. */
  readonly steps: readonly string[];
  /** Content, segment, rule, group and reason are as recorded. */
  readonly agrees: boolean;
}

/** The bytes of the snapshots that an answer names. */
export interface NamedSnapshots {
  readonly playbook: Uint8Array;
  /** Null when the answer was given without an audience. `increments`: those that its version counts, in order. */
  readonly audience: { readonly image: Uint8Array; readonly increments: readonly Pick<Increment, 'bytes'>[] } | null;
}

/**
 * Computes a recorded answer again from the snapshot versions that it names.
 * Null when one of them is past retention. @throws SnapshotCorrupt, SnapshotsUnavailable.
 */
export async function recomputeFrom(
  publication: Pick<SnapshotPublication, 'fetchVersion' | 'increments'>,
  clientId: string,
  served: ContentServedFact,
): Promise<RecomputedAnswer | null> {
  const playbook = await publication.fetchVersion(clientId, 'playbook', served.playbook);
  if (playbook === null) return null;
  if (served.audience === null) return recompute(served, { playbook, audience: null });
  const { version, increment } = parseAudienceVersion(served.audience);
  const image = await publication.fetchVersion(clientId, 'audience', version);
  if (image === null) return null;
  const increments = increment === 0 ? [] : (await publication.increments(clientId, version, 0)).slice(0, increment);
  if (increments.length < increment) return null;
  return recompute(served, { playbook, audience: { image, increments } });
}

/** Pure. @throws SnapshotCorrupt, PlaybookInconsistent, ConditionUnknown for bytes that no node would have loaded. */
export function recompute(served: ContentServedFact, snapshots: NamedSnapshots): RecomputedAnswer {
  const playbook = readPlaybook(snapshots.playbook);
  const audience = overlayOf(served, snapshots.audience);
  const plan = prepare(playbook, audience?.memberships ?? [], customerHash);
  const membership = audience?.membershipOf(customerHash(served.customerId), served.customerId) ?? unknownCustomer;
  const request: RequestFacts = { ...served.request, time: Date.parse(served.time), placementId: served.placementId };
  const explained = explain(
    plan,
    served.campaignId,
    membership,
    served.customerId,
    request,
    wasStale(served, playbook.snapshotMaxAgeSeconds),
  );
  if (explained === undefined) {
    return { decision: null, steps: [`The playbook ${served.playbook} has no campaign ${served.campaignId}.`], agrees: false };
  }
  return { ...explained, agrees: agrees(served, explained.decision) };
}

function overlayOf(served: ContentServedFact, audience: NamedSnapshots['audience']): Overlay | undefined {
  if (audience === null || served.audience === null) return undefined;
  const overlay = new Overlay(readAudience(audience.image), parseAudienceVersion(served.audience).version);
  for (const increment of audience.increments) overlay.apply(increment.bytes);
  return overlay;
}

/** `<image>` or `<image>+<increment>`. */
function parseAudienceVersion(text: string): { version: string; increment: number } {
  const [version = '', increment = '0'] = text.split('+');
  return { version, increment: Number(increment) };
}

/** As a node looks at it: libs/features/content-query/client-tables.ts. */
function wasStale({ audienceBuiltAt, time }: ContentServedFact, maxAgeSeconds: number | null): boolean {
  if (audienceBuiltAt === undefined || maxAgeSeconds === null) return false;
  return Date.parse(time) - Date.parse(audienceBuiltAt) > maxAgeSeconds * 1000;
}

function agrees(served: ContentServedFact, decision: Decision): boolean {
  return (
    (decision.content?.contentId ?? null) === served.contentId &&
    decision.segmentId === served.segmentId &&
    decision.ruleId === served.ruleId &&
    decision.group === served.group &&
    decision.reason === served.reason
  );
}
