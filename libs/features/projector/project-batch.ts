import { type AnalyticsWriter, type DeadLetter, RowsRefused } from '#libs/analytics';
import type { Position, RecordedEvent } from '#libs/event-log';
import { eventRows, type FactRows, noRows, withoutRepeats } from '#libs/projections';

/** What became of the events of a batch. */
export interface Projected {
  readonly kept: number;
  readonly repeats: number;
  readonly deadLetters: readonly DeadLetter[];
}

/**
 * Events in log order → rows without repeats → tables, checkpoint last. Done again, whole or from any checkpoint before it, it leaves the same rows.
 * An event that cannot be read, or whose rows the tables never take, becomes a dead letter, and the others go on.
 * @throws AnalyticsUnavailable
 */
export async function projectBatch(writer: AnalyticsWriter, events: readonly RecordedEvent[], upTo: Position): Promise<Projected> {
  const { facts, unreadable } = readFacts(events);
  const firstRecorded = await writer.firstRecorded(keysByClient(facts));
  const { rows, kept, repeats } = withoutRepeats(facts, firstRecorded);
  if (unreadable.length > 0) await writer.deadLetters(unreadable);
  try {
    await writer.write(rows, upTo);
  } catch (error) {
    if (!(error instanceof RowsRefused)) throw error;
    const rest = await withoutRefused(writer, events, upTo, error);
    return { ...rest, deadLetters: [...unreadable, ...rest.deadLetters] };
  }
  return { kept, repeats, deadLetters: unreadable };
}

function readFacts(events: readonly RecordedEvent[]): { facts: FactRows[]; unreadable: DeadLetter[] } {
  const facts: FactRows[] = [];
  const unreadable: DeadLetter[] = [];
  for (const event of events) {
    try {
      const fact = eventRows(event);
      if (fact !== undefined) facts.push(fact);
    } catch (error) {
      // UnreadableEvent, or whatever data of another shape leads to: no event may stop those behind it.
      unreadable.push(deadLetter(event, error));
    }
  }
  return { facts, unreadable };
}

/** Halves, in order, until the event stands alone whose rows are refused. The unreadable ones have been recorded already. */
async function withoutRefused(
  writer: AnalyticsWriter,
  events: readonly RecordedEvent[],
  upTo: Position,
  refusal: RowsRefused,
): Promise<Projected> {
  const readable = events.filter((event) => isReadable(event));
  const [only] = readable;
  if (only === undefined) throw refusal;
  if (readable.length === 1) {
    const letter = deadLetter(only, refusal);
    await writer.deadLetters([letter]);
    await writer.write(noRows, upTo);
    return { kept: 0, repeats: 0, deadLetters: [letter] };
  }
  const middle = readable.length >> 1;
  const first = await projectBatch(writer, readable.slice(0, middle), readable[middle - 1]!.position);
  const second = await projectBatch(writer, readable.slice(middle), upTo);
  return {
    kept: first.kept + second.kept,
    repeats: first.repeats + second.repeats,
    deadLetters: [...first.deadLetters, ...second.deadLetters],
  };
}

function isReadable(event: RecordedEvent): boolean {
  try {
    return eventRows(event) !== undefined;
  } catch {
    // Counted and recorded where it was first read.
    return false;
  }
}

function keysByClient(facts: readonly FactRows[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const fact of facts) {
    if (fact.keys.length === 0) continue;
    const its = keys.get(fact.clientId);
    if (its === undefined) keys.set(fact.clientId, [...fact.keys]);
    else its.push(...fact.keys);
  }
  return keys;
}

function deadLetter(event: RecordedEvent, error: unknown): DeadLetter {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    position: event.position,
    eventId: event.id,
    clientId: event.metadata.clientId,
    stream: event.stream,
    type: event.type,
    reason: reason.split('\n', 1)[0]!.slice(0, 1000),
  };
}
