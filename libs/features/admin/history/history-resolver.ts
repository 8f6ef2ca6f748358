import { Inject } from '@nestjs/common';
import { Args, Query, Resolver } from '@nestjs/graphql';
import { GraphQLError } from 'graphql';
import { campaignStream, clientStream, contentStream, rejected, segmentStream } from '#libs/domain';
import type { RecordedEvent } from '#libs/event-log';
import type { ClientDefinitions } from '#libs/projections';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide, requireDefinitionId } from '../access/read-side.js';
import { type Connection, connection, keyAfter, PageArgs, pageSize } from '../graphql/connection.js';
import { refused } from '../graphql/errors.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { EntityInput, HistoryConnection, HistoryEntry } from './history-types.js';

@Resolver(() => HistoryEntry)
export class HistoryResolver {
  constructor(
    private readonly read: ReadSide,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => HistoryConnection, { description: 'From the first event on.' })
  async history(
    @Args('entity') entity: EntityInput,
    @Args() page: PageArgs,
    @Asker() caller: Caller,
  ): Promise<Omit<Connection<HistoryEntry>, 'totalCount'>> {
    const stream = streamOf(entity, await this.read.client(caller, entity.clientId));
    const size = pageSize(page);
    const entries: HistoryEntry[] = [];
    // One more than is shown tells whether there is a next page.
    for await (const event of this.parts.log.readStream(stream, { fromRevision: revisionAfter(page), maxCount: size + 1 })) {
      entries.push(shown(event));
    }
    return connection(entries.slice(0, size), ({ revision }) => String(revision), entries.length > size, entries.length);
  }
}

/** @throws <KIND>_UNKNOWN, ID_INVALID. */
function streamOf({ kind, clientId, id }: EntityInput, definitions: ClientDefinitions): string {
  if (kind === 'client') return clientStream(clientId);
  if (id === undefined || id === null) throw badInput('id', `a ${kind} has an id`);
  requireDefinitionId(id, 'id');
  const [known, stream] = {
    content: [definitions.contents, contentStream] as const,
    segment: [definitions.segments, segmentStream] as const,
    campaign: [definitions.campaigns, campaignStream] as const,
  }[kind];
  if (!known.has(id)) throw refused(rejected(`${kind.toUpperCase()}_UNKNOWN`, `there is no ${kind} ${id}`, ['entity', 'id']));
  return stream(clientId, id);
}

function revisionAfter(page: PageArgs): bigint {
  const key = keyAfter(page);
  if (key === null) return 0n;
  if (!/^\d{1,10}$/.test(key)) throw badInput('after', 'no cursor of this history');
  return BigInt(key) + 1n;
}

function shown({ revision, type, recordedAt, metadata, data }: RecordedEvent): HistoryEntry {
  return { revision: Number(revision), type, time: recordedAt, actor: metadata.actor, data };
}

function badInput(field: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', fields: [{ field, messages: [message] }] } });
}
