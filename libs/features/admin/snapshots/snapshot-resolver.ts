import { Inject } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import type { Position } from '#libs/event-log';
import type { Acknowledgement, Announcement } from '#libs/snapshots';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import { type Connection, PageArgs, pageOf } from '../graphql/connection.js';
import { PositionScalar } from '../graphql/scalars.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { NewestAudiences } from './newest-audiences.js';
import { PublishedHistory } from './published-snapshots.js';
import { RequestSnapshot } from './snapshot-commands.js';
import {
  RequestSnapshotInput,
  RequestSnapshotPayload,
  Snapshot,
  SnapshotConnection,
  SnapshotKind,
  SnapshotStatus,
} from './snapshot-types.js';

@Resolver(() => Snapshot)
export class SnapshotResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly read: ReadSide,
    private readonly published: PublishedHistory,
    private readonly audiences: NewestAudiences,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => SnapshotConnection, { description: 'The newest first.' })
  async snapshots(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args() page: PageArgs,
    @Asker() caller: Caller,
  ): Promise<Connection<Snapshot>> {
    await this.read.client(caller, clientId);
    const newestFirst = [...(await this.published.of(clientId))].reverse();
    return pageOf(newestFirst, ({ place }) => String(place), page);
  }

  @Query(() => SnapshotStatus)
  async snapshotStatus(@Args('clientId', { type: () => ID }) clientId: string, @Asker() caller: Caller): Promise<SnapshotStatus> {
    await this.read.client(caller, clientId);
    const { publication } = this.parts;
    const [audience, playbook, nodes] = await Promise.all([
      publication.current(clientId, 'audience'),
      publication.current(clientId, 'playbook'),
      publication.acknowledgements(clientId),
    ]);
    return { audience: audience === null ? null : await this.withIncrements(audience), playbook: shown(playbook), nodes };
  }

  /** As nodes have it and answers name it: what is announced of the image alone does not count those judged since. */
  private async withIncrements(audience: Announcement): Promise<Snapshot | null> {
    if (audience.increment === 0) return shown(audience);
    const newest = await this.audiences.of(audience.clientId);
    return shown({ ...audience, version: `${audience.version}+${audience.increment}`, ...newest?.counts() });
  }

  @Query(() => Boolean, {
    description:
      'Has every connected node that serves the client loaded all of this kind that the log up to this position led to? Builders announce progress also when nothing changed; acknowledgements of nodes that went away expire. False without a node.',
  })
  async isLive(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('position', { type: () => PositionScalar }) position: Position,
    @Args('kind', { type: () => SnapshotKind, nullable: true, defaultValue: 'playbook' }) kind: 'audience' | 'playbook' | null,
    @Asker() caller: Caller,
  ): Promise<boolean> {
    await this.read.client(caller, clientId);
    const last = await this.parts.log.lastPosition();
    if (last === null || position > last) return false;
    return loadedByAll(await this.parts.publication.acknowledgements(clientId), kind ?? 'playbook', position);
  }

  @Mutation(() => RequestSnapshotPayload)
  async requestSnapshot(@Args('input') input: RequestSnapshotInput, @Asker() caller: Caller): Promise<RequestSnapshotPayload> {
    const { position, userErrors } = await this.commands.execute(new RequestSnapshot(caller, input));
    return { position, userErrors };
  }
}

/** A node serves the client when it acknowledged any kind: one that has the playbook and no audience yet is not live for audiences. */
export function loadedByAll(acknowledgements: readonly Acknowledgement[], kind: 'audience' | 'playbook', position: Position): boolean {
  const nodes = new Set(acknowledgements.map(({ nodeId }) => nodeId));
  const loaded = new Set(acknowledgements.filter((one) => one.kind === kind && one.position >= position).map(({ nodeId }) => nodeId));
  return nodes.size > 0 && loaded.size === nodes.size;
}

function shown(announcement: Announcement | null): Snapshot | null {
  return announcement === null ? null : { ...announcement, builtFrom: announcement.position };
}
