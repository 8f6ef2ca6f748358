import { randomUUID } from 'node:crypto';
import { type BehaviourFact, type ContentServedFact, eventTypeOf } from '#libs/domain';
import type { JsonObject, Position, RecordedEvent } from '#libs/event-log';
import { eventRows, type FactRows, withoutRepeats } from '#libs/projections';
import type { AnalyticsWriter } from '../analytics-writer.js';

type Fact = BehaviourFact | ContentServedFact;

/** Later than what these tests tell of: nothing is recorded before its time that does not say so. */
const afterwards = new Date('2026-11-25T00:00:00.000Z');

/** A fact as the log would hold it. */
export function recorded(clientId: string, position: bigint, fact: Fact, recordedAt = afterwards): RecordedEvent {
  const event = recordedEvent(clientId, position, 'type' in fact ? eventTypeOf(fact.type) : 'ContentServed', fact as unknown as JsonObject);
  return { ...event, recordedAt };
}

export function recordedEvent(clientId: string, position: bigint, type: string, data: JsonObject): RecordedEvent {
  return {
    id: randomUUID(),
    type,
    data,
    metadata: { schema: 1, clientId, actor: 'node:test' },
    stream: `behaviour-${clientId}.test.1`,
    revision: position,
    position: position as Position,
    recordedAt: afterwards,
  };
}

/** Projects events as the projector does: in log order, without repeats. */
export async function project(writer: AnalyticsWriter, events: readonly RecordedEvent[]): Promise<void> {
  const facts = events.map(eventRows).filter((rows): rows is FactRows => rows !== undefined);
  const keys = new Map<string, string[]>();
  for (const fact of facts) keys.set(fact.clientId, [...(keys.get(fact.clientId) ?? []), ...fact.keys]);
  const { rows } = withoutRepeats(facts, await writer.firstRecorded(keys));
  const last = events.at(-1);
  if (last !== undefined) await writer.write(rows, last.position);
}
