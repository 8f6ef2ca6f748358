import type { ClientEvent } from '#libs/domain';
import { readPageAddress } from './page-address.js';
import { type ClientRow, type FactRows, noRows, type Place } from './rows.js';

/** What an event says of a client; the view `clients` takes the newest word on each column. */
export function clientRows(event: ClientEvent, place: Place): FactRows {
  const row: ClientRow = {
    client_id: place.clientId,
    log_position: place.position,
    event_id: place.eventId,
    name: event.name ?? null,
    time_zone: event.timeZone ?? null,
    currency: event.type === 'ClientRegistered' ? event.currency : null,
    origins: event.origins ?? [],
    origin_hosts: (event.origins ?? []).map((origin) => readPageAddress(origin).host),
    origins_given: event.origins !== undefined,
  };
  return { clientId: place.clientId, position: place.position, keys: [], rows: { ...noRows, client_facts: [row] } };
}
