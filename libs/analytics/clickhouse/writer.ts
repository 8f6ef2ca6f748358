import type { FirstRecorded, Rows } from '#libs/projections';
import type { AnalyticsWriter, DeadLetter } from '../analytics-writer.js';
import { checkpointName, readCheckpoint } from './checkpoint.js';
import type { ClickHouseConnection } from './client.js';
import { DueStates } from './due-states.js';
import { Parameters } from './parameters.js';

/** Keys asked for in one query: some megabytes of parameters at most. */
const keysMax = 20_000;

export function openAnalyticsWriter(connection: ClickHouseConnection): AnalyticsWriter {
  const states = new DueStates(connection);
  return {
    checkpoint: () => readCheckpoint(connection),
    firstRecorded: (keys) => firstRecorded(connection, keys),
    async write(rows, upTo) {
      const inserts = Object.entries(rows) as [keyof Rows, Rows[keyof Rows]][];
      // All have ended before anything is thrown, so that a retry never runs beside what it repeats.
      const outcomes = await Promise.allSettled(inserts.map(([table, its]) => connection.insert(table, its)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      await connection.insert('checkpoints', [{ name: checkpointName, log_position: String(upTo) }]);
      states.written(rows);
    },
    refreshStates: (which = 'due', signal) => states.refresh(which, signal),
    deadLetters: (letters) => connection.insert('dead_letters', letters.map(deadLetterRow)),
  };
}

export interface KnownMessage {
  /** Decimal: the smallest position at which the key stands. */
  readonly position: string;
  /** Empty: no import. */
  readonly importId: string;
}

/** Of these keys of one client those that the tables hold. */
export async function knownMessages(
  connection: ClickHouseConnection,
  clientId: string,
  keys: readonly string[],
): Promise<Map<string, KnownMessage>> {
  const known = new Map<string, KnownMessage>();
  for (let from = 0; from < keys.length; from += keysMax) {
    const parameters = new Parameters();
    const asked = keys.slice(from, from + keysMax);
    const rows = await connection.query<{ key: string; position: string; importId: string }>(
      `SELECT key, min(log_position) AS position, argMin(import_id, log_position) AS importId
FROM messages
WHERE client_id = ${parameters.text(clientId)} AND key_hash IN ${parameters.hashes(asked)} AND key IN ${parameters.set(asked)}
GROUP BY key`,
      parameters.all,
    );
    for (const { key, position, importId } of rows) known.set(key, { position, importId });
  }
  return known;
}

async function firstRecorded(connection: ClickHouseConnection, keys: ReadonlyMap<string, readonly string[]>): Promise<FirstRecorded> {
  const byClient = new Map<string, ReadonlyMap<string, KnownMessage>>();
  for (const [clientId, its] of keys) if (its.length > 0) byClient.set(clientId, await knownMessages(connection, clientId, its));
  return (clientId, key) => {
    const first = byClient.get(clientId)?.get(key);
    return first === undefined ? undefined : BigInt(first.position);
  };
}

function deadLetterRow(letter: DeadLetter) {
  return {
    log_position: String(letter.position),
    event_id: letter.eventId,
    client_id: letter.clientId,
    stream: letter.stream,
    type: letter.type,
    reason: letter.reason,
  };
}
