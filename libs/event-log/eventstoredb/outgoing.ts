import { type EventData, jsonEvent } from '@eventstore/db-client';
import { AppendTooLarge, appendBytesMax, InvalidEvent, jsonText, type NewEvent, WrittenEvent } from '../event-log.js';

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Events as the client takes them, after every check: what is wrong with an event must be found here, because the client answers a bigint or a
 * cycle in the data with an unhandled rejection and a promise that never settles, and the server an empty type with "unknown".
 * @throws InvalidEvent, AppendTooLarge.
 */
export function outgoing(stream: string, events: readonly NewEvent[]): EventData[] {
  if (stream === '') throw new InvalidEvent('a stream needs a name');
  if (stream.startsWith('$')) throw new InvalidEvent(`streams that begin with $ are the server's: ${stream}`);
  if (events.length === 0) throw new InvalidEvent('an append needs events');
  let bytes = 0;
  const checked = events.map((event) => {
    const { id, type } = event;
    if (type === '') throw new InvalidEvent('an event needs a type');
    const uuid = id.toLowerCase();
    if (!uuidForm.test(uuid)) throw new InvalidEvent(`the event id ${JSON.stringify(id)} is no UUID`);
    // The client makes JSON of objects only.
    const { data, metadata } = event;
    bytes +=
      event instanceof WrittenEvent
        ? Buffer.byteLength(event.dataJson) + Buffer.byteLength(event.metadataJson)
        : Buffer.byteLength(jsonText(data, 'data')) + Buffer.byteLength(jsonText(metadata, 'metadata'));
    return jsonEvent({ id: uuid, type, data, metadata });
  });
  if (bytes > appendBytesMax) throw new AppendTooLarge(`${bytes} bytes in one append; at most ${appendBytesMax}`);
  return checked;
}
