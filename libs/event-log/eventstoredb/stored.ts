import { eventTypeFilter, type Filter, type ResolvedEvent, streamNameFilter } from '@eventstore/db-client';
import { categoryOf, type EventMetadata, type JsonObject, type LogFilter, type Position, type RecordedEvent } from '../event-log.js';
import { ForeignEvent } from './failures.js';

/** EventStoreDB's two numbers for a place in the log. */
export interface ServerPosition {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** For a place that one of our events, or a checkpoint, told of: positions are never computed. */
export function serverPosition(position: Position): ServerPosition {
  return { commit: position, prepare: position };
}

/** @throws ForeignEvent when the two numbers differ: written with the old TCP transactions. */
export function onePosition({ commit, prepare }: ServerPosition): Position {
  if (commit !== prepare) throw new ForeignEvent(`the event at commit ${commit}, prepare ${prepare} was not written over gRPC`);
  // One number says both, as the port defines it.
  return commit as Position;
}

/** What the server says to itself: metadata of streams, statistics, links of its projections, tombstones. */
export function isSystem({ streamId, type }: { readonly streamId: string; readonly type: string }): boolean {
  return streamId.startsWith('$') || type.startsWith('$');
}

/** An event as this port wrote it; undefined for the server's own and for what another program wrote in another form. */
export function recordedEvent({ event }: ResolvedEvent): RecordedEvent | undefined {
  if (!event || isSystem(event) || !event.isJson || !event.position) return undefined;
  // What was written through this port is a JSON object on both sides; whether it is that concept's shape, its codec checks.
  if (!isObject(event.data) || !isObject(event.metadata)) return undefined;
  return {
    id: event.id,
    type: event.type,
    data: event.data as JsonObject,
    metadata: event.metadata as EventMetadata,
    stream: event.streamId,
    revision: event.revision,
    position: onePosition(event.position),
    recordedAt: event.created,
  };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/**
 * What is asked of the server: it takes one filter, on stream names or on types, by prefix – so it may let more through than is wanted,
 * never less, and `matcherOf` decides. Prefixes, not regular expressions: nothing to escape, and the server scans faster.
 */
export function serverFilter(filter: LogFilter | undefined, checkpointReached: NonNullable<Filter['checkpointReached']>): Filter {
  const common = { checkpointInterval: checkpointEvents / serverCheckpointUnit, checkpointReached };
  if (filter?.categories) return streamNameFilter({ ...common, prefixes: orNothing(filter.categories.map((category) => `${category}-`)) });
  if (filter?.types) return eventTypeFilter({ ...common, prefixes: orNothing([...filter.types]) });
  return streamNameFilter({ ...common, regex: '^[^$]' });
}

/** The server tells how far it is after so many events that it considered. */
export const checkpointEvents = 1024;
const serverCheckpointUnit = 32;

/** No prefix at all would let everything through. */
function orNothing(prefixes: string[]): string[] {
  return prefixes.length > 0 ? prefixes : ['$vitrine-nothing'];
}

/** Names are taken whole. */
export function matcherOf(filter: LogFilter | undefined): (event: RecordedEvent) => boolean {
  const categories = filter?.categories && new Set(filter.categories);
  const types = filter?.types && new Set(filter.types);
  return ({ stream, type }) => (!categories || categories.has(categoryOf(stream))) && (!types || types.has(type));
}
