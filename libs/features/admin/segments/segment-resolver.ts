import { Inject } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { JsonLike } from '#libs/domain';
import type { SegmentDefinition } from '#libs/projections';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide, requireDefinitionId } from '../access/read-side.js';
import type { Written } from '../access/write-side.js';
import { questionOf } from '../customers/question.js';
import { type Connection, PageArgs, pageOf } from '../graphql/connection.js';
import { CriteriaScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { NewestAudiences } from '../snapshots/newest-audiences.js';
import { ArchiveSegment, DefineSegment, ReviseSegment } from './segment-commands.js';
import {
  ArchiveSegmentInput,
  DefineSegmentInput,
  ReviseSegmentInput,
  Segment,
  SegmentConnection,
  SegmentPayload,
  SegmentPreview,
} from './segment-types.js';

@Resolver(() => Segment)
export class SegmentResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly read: ReadSide,
    private readonly audiences: NewestAudiences,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => Segment, { nullable: true })
  async segment(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('segmentId', { type: () => ID }) segmentId: string,
    @Asker() caller: Caller,
  ): Promise<Segment | null> {
    const { segments } = await this.read.client(caller, clientId);
    requireDefinitionId(segmentId, 'segmentId');
    const found = segments.get(segmentId);
    return found === undefined ? null : shown(clientId, found);
  }

  @Query(() => SegmentConnection, { description: 'In the order of definition, archived ones too.' })
  async segments(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args() page: PageArgs,
    @Asker() caller: Caller,
  ): Promise<Connection<Segment>> {
    const { segments } = await this.read.client(caller, clientId);
    return pageOf(
      [...segments.values()].map((segment) => shown(clientId, segment)),
      ({ segmentId }) => segmentId,
      page,
    );
  }

  @Query(() => SegmentPreview, {
    description:
      '`asOf`: what the answer would have been then, from the events whose time is not after it (default: now). It may be slower; it is exact.',
  })
  async segmentPreview(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('criteria', { type: () => CriteriaScalar }) criteria: JsonLike,
    @Args('asOf', { type: () => DateTimeScalar, nullable: true }) asOf: Date | null | undefined,
    @Asker() caller: Caller,
  ): Promise<SegmentPreview> {
    const question = questionOf(await this.read.client(caller, clientId), criteria, ['criteria']);
    await this.read.tablesSeen(caller);
    const { size, knownMembers, knownCustomers, sample } = await this.parts.analytics.preview({
      ...question,
      asOf: asOf ?? this.parts.clock(),
    });
    return { size, share: knownCustomers === 0 ? 0 : knownMembers / knownCustomers, sample };
  }

  @ResolveField('size', () => SafeIntScalar, { nullable: true, description: 'Members in the newest audience; null before the first.' })
  async size(@Parent() { clientId, segmentId }: Segment): Promise<number | null> {
    return (await this.audiences.of(clientId))?.sizeOf(segmentId) ?? null;
  }

  @Mutation(() => SegmentPayload)
  async defineSegment(@Args('input') input: DefineSegmentInput, @Asker() caller: Caller): Promise<SegmentPayload> {
    return payload(input, await this.commands.execute(new DefineSegment(caller, input)));
  }

  @Mutation(() => SegmentPayload)
  async reviseSegment(@Args('input') input: ReviseSegmentInput, @Asker() caller: Caller): Promise<SegmentPayload> {
    return payload(input, await this.commands.execute(new ReviseSegment(caller, input)));
  }

  @Mutation(() => SegmentPayload)
  async archiveSegment(@Args('input') input: ArchiveSegmentInput, @Asker() caller: Caller): Promise<SegmentPayload> {
    return payload(input, await this.commands.execute(new ArchiveSegment(caller, input)));
  }
}

function shown(clientId: string, segment: SegmentDefinition): Segment {
  return { ...segment, clientId };
}

function payload({ clientId, segmentId }: ArchiveSegmentInput, { definitions, position, userErrors }: Written): SegmentPayload {
  const segment = definitions?.segments.get(segmentId);
  return { segment: segment === undefined ? null : shown(clientId, segment), position, userErrors };
}
