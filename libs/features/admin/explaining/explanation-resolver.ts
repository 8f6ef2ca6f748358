import { Inject } from '@nestjs/common';
import { Args, ID, Query, Resolver } from '@nestjs/graphql';
import { recomputeFrom } from '#libs/decisions';
import type { ContentServedFact } from '#libs/domain';
import type { RecordedEvent } from '#libs/event-log';
import { Asker, type Caller, mayReach } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { chosenBy, Explanation } from './explanation-types.js';

/** The longest text that is looked for among decisions. */
const decisionIdLengthMax = 200;

@Resolver(() => Explanation)
export class ExplanationResolver {
  constructor(
    private readonly read: ReadSide,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => Explanation, { nullable: true, description: 'Null for an answer that is not known (yet).' })
  async explainDecision(@Args('decisionId', { type: () => ID }) decisionId: string, @Asker() caller: Caller): Promise<Explanation | null> {
    if (decisionId.length > decisionIdLengthMax) return null;
    await this.read.tablesSeen(caller);
    const found = await this.parts.analytics.findDecision(decisionId);
    if (found === null || !mayReach(caller, found.clientId)) return null;
    const event = await this.parts.log.readAt(found.position);
    if (event === undefined || event.type !== 'ContentServed') return null;
    const served = servedOf(event);
    const recorded = { ...served, clientId: found.clientId };
    const computed = await recomputeFrom(this.parts.publication, found.clientId, served);
    if (computed === null)
      return { recorded, recomputed: null, agrees: null, steps: ['A snapshot that the answer names is past retention.'] };
    const recomputed = computed.decision === null ? null : { ...recorded, ...chosenBy(computed.decision) };
    return { recorded, recomputed, agrees: computed.agrees, steps: computed.steps };
  }
}

function servedOf({ data }: RecordedEvent): ContentServedFact {
  // Only nodes write this type, and the projection has read this very event by its codec before the table could name it.
  return data as unknown as ContentServedFact;
}
