import { randomUUID } from 'node:crypto';
import type { EventLog, Position, RecordedEvent } from '#libs/event-log';

/** No client can have this id: client ids begin with a letter or a digit. */
const stream = 'projection-_all';
const type = 'ProjectionRebuildRequested';

/**
 * Asks the projector to make all tables anew from the log. The tables' checkpoint passes the position that this resolves with when they are
 * (`Analytics.waitFor`). It is an event, so that it survives kills of either side and reaches whichever process projects.
 * @throws EventLogUnavailable
 */
export async function requestRebuild(log: EventLog, actor: string): Promise<Position> {
  const metadata = { schema: 1, clientId: '_all', actor };
  const { position } = await log.append(stream, [{ id: randomUUID(), type, data: {}, metadata }], 'any');
  return position;
}

export function asksForRebuild(event: RecordedEvent): boolean {
  return event.type === type && event.stream === stream;
}
