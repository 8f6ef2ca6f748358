import type { Playbook } from '#libs/domain';
import type { ClientDefinitions } from './definitions.js';

/**
 * The playbook that nodes load: the same definitions give the same playbook, whatever the order in which they were made (its records are
 * sorted by id). Its bytes are `playbookImage` of `#libs/snapshots`.
 */
export function compilePlaybook({ client, contents, campaigns }: ClientDefinitions): Playbook {
  const { clientId, timeZone, currency, origins, sampleRate, snapshotMaxAgeSeconds } = client;
  return {
    format: 1,
    clientId,
    timeZone,
    currency,
    origins,
    sampleRate,
    snapshotMaxAgeSeconds,
    contents: sortedRecord(contents),
    campaigns: sortedRecord(campaigns, ({ name: _, ...campaign }) => campaign),
  };
}

function sortedRecord<Value>(map: ReadonlyMap<string, Value>): Readonly<Record<string, Value>>;
function sortedRecord<Value, Result>(map: ReadonlyMap<string, Value>, write: (value: Value) => Result): Readonly<Record<string, Result>>;
function sortedRecord(map: ReadonlyMap<string, unknown>, write = (value: unknown) => value): Readonly<Record<string, unknown>> {
  // Without a prototype: a content may be named `constructor`.
  const record: Record<string, unknown> = Object.create(null);
  for (const id of [...map.keys()].sort()) record[id] = write(map.get(id));
  return record;
}
