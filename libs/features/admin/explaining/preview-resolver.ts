import { Inject } from '@nestjs/common';
import { Args, ArgsType, Field, ID, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { IsOptional, IsString } from 'class-validator';
import {
  explain,
  type JsonLike,
  type Plan,
  parseDefinitionId,
  parseOpaqueId,
  prepare,
  type RequestFacts,
  rejected,
  unknownCustomer,
} from '#libs/domain';
import { type Announcement, customerHash, readPlaybook } from '#libs/snapshots';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import { Content } from '../contents/content-types.js';
import { refused } from '../graphql/errors.js';
import { JsonScalar } from '../graphql/scalars.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { type NewestAudience, NewestAudiences } from '../snapshots/newest-audiences.js';
import { Chosen, chosenBy, stepsMeaning } from './explanation-types.js';

@ArgsType()
class PreviewArgs {
  @Field(() => ID)
  @IsString()
  clientId!: string;
  @Field(() => ID)
  @IsString()
  campaignId!: string;
  @Field(() => ID)
  @IsString()
  customerId!: string;
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsString()
  placementId?: string | null;
  @Field(() => JsonScalar, { nullable: true, description: 'As in `POST /q`: an object of names and values.' })
  @IsOptional()
  context?: JsonLike;
}

@ObjectType({ description: 'What an answer would be.' })
class DecisionPreview extends Chosen {
  @Field(() => Content, { nullable: true, description: 'As it is defined now.' })
  content!: Content | null;
  @Field(() => [String], { description: stepsMeaning })
  steps!: readonly string[];
}

@Resolver(() => DecisionPreview)
export class PreviewResolver {
  private kept:
    | { readonly clientId: string; readonly version: string; readonly audience: NewestAudience | null; readonly plan: Plan }
    | undefined;

  constructor(
    private readonly read: ReadSide,
    private readonly audiences: NewestAudiences,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => DecisionPreview, {
    nullable: true,
    description:
      'What this customer would be shown now, by the newest snapshots, on a desktop computer; recorded nowhere. Null before the first playbook, and for a campaign that it does not hold.',
  })
  async previewDecision(@Args() args: PreviewArgs, @Asker() caller: Caller): Promise<DecisionPreview | null> {
    const { clientId, campaignId } = args;
    const definitions = await this.read.client(caller, clientId);
    const customerId = parseOpaqueId(args.customerId);
    if (customerId === undefined) throw refused(rejected('ID_INVALID', 'this is no customer’s id', ['customerId']));
    if (parseDefinitionId(campaignId) === undefined) throw refused(rejected('ID_INVALID', 'this is no campaign’s id', ['campaignId']));
    const { publication, clock } = this.parts;
    const [announced, announcedAudience, audience] = await Promise.all([
      publication.current(clientId, 'playbook'),
      publication.current(clientId, 'audience'),
      this.audiences.of(clientId),
    ]);
    if (announced === null) return null;
    const plan = await this.planOf(clientId, announced, audience);
    const { playbook } = plan;
    const membership = audience?.lookup.membershipOf(customerHash(customerId), customerId) ?? unknownCustomer;
    const now = clock().getTime();
    const ageMs = announcedAudience === null ? 0 : now - Date.parse(announcedAudience.builtAt);
    const isStale = playbook.snapshotMaxAgeSeconds !== null && ageMs > playbook.snapshotMaxAgeSeconds * 1000;
    const explained = explain(plan, campaignId, membership, customerId, requestOf(args, now), isStale);
    if (explained === undefined) return null;
    const chosen = chosenBy(explained.decision);
    const content = (chosen.contentId === null ? undefined : definitions.contents.get(chosen.contentId)) ?? null;
    return { ...chosen, content, steps: explained.steps };
  }

  /** The last one is kept: who previews asks for many at once. */
  private async planOf(clientId: string, announced: Announcement, audience: NewestAudience | null): Promise<Plan> {
    const { kept } = this;
    if (kept?.clientId === clientId && kept.version === announced.version && kept.audience === audience) return kept.plan;
    const playbook = readPlaybook(await this.parts.publication.fetch(announced));
    const plan = prepare(playbook, audience?.lookup.memberships ?? [], customerHash);
    this.kept = { clientId, version: announced.version, audience, plan };
    return plan;
  }
}

function requestOf({ context, placementId }: PreviewArgs, time: number): RequestFacts {
  const given = typeof context === 'object' && context !== null && !Array.isArray(context) ? Object.entries(context) : [];
  return {
    time,
    url: null,
    referrer: null,
    placementId: placementId ?? null,
    device: 'desktop',
    browser: null,
    country: null,
    context: Object.fromEntries(given.filter(([, value]) => typeof value !== 'object').map(([name, value]) => [name, String(value)])),
  };
}
