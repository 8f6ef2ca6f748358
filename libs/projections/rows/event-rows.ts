import {
  type BehaviourFact,
  behaviourTypes,
  type ContentClickedFact,
  type ContentServedFact,
  clientCodec,
  eventTypeOf,
} from '#libs/domain';
import type { RecordedEvent } from '#libs/event-log';
import { behaviourRows, clickRows } from './behaviour-rows.js';
import { clientRows } from './client-rows.js';
import type { FactRows, Place } from './rows.js';
import { servedRows } from './served-rows.js';
import { type StoredFact, storedFact } from './stored-fact.js';

const behaviourEvents: ReadonlySet<string> = new Set(behaviourTypes.map(eventTypeOf));

/** Whether events of this type become rows at all: a filter for the projector's subscription. */
export const projectedEventTypes: readonly string[] = [...behaviourEvents, 'ContentServed', 'ClientRegistered', 'ClientRevised'];

/**
 * Pure: the rows of one event of the log, as if nothing had been before it (`withoutRepeats` leaves out what was there before);
 * undefined for events that concern no table.
 * @throws UnreadableEvent for a version from the future or data of another shape.
 */
export function eventRows(event: RecordedEvent): FactRows | undefined {
  const place: Place = {
    clientId: event.metadata.clientId,
    position: String(event.position),
    eventId: event.id,
    importId: typeof event.metadata.importId === 'string' ? event.metadata.importId : '',
    recordedAt: event.recordedAt,
  };
  const stored: StoredFact = { type: event.type, schema: event.metadata.schema, data: event.data };
  if (event.type === 'ContentServed') return servedRows(storedFact<ContentServedFact>(stored, ['decisionId', 'campaignId']), place);
  if (event.type === 'ContentClicked' && event.data.via !== undefined) {
    return clickRows(storedFact<ContentClickedFact>(stored, ['messageId', 'decisionId', 'campaignId']), place);
  }
  if (behaviourEvents.has(event.type)) return behaviourRows(storedFact<BehaviourFact>(stored, ['type', 'messageId', 'properties']), place);
  const client = clientCodec.decode(stored);
  return client === undefined ? undefined : clientRows(client, place);
}
