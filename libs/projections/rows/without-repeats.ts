import { type FactRows, noRows, type Rows } from './rows.js';

/** The smallest log position at which the tables hold a message key of a client; undefined when they do not. */
export type FirstRecorded = (clientId: string, key: string) => bigint | undefined;

export interface Batch {
  readonly rows: Rows;
  readonly kept: number;
  /** Facts left out because their message stands in the log before them. */
  readonly repeats: number;
}

/**
 * The rows of events in log order, without repeats: a fact is left out when one of its keys was recorded at a smaller position, in the tables or
 * earlier in this batch. Only kept facts record their keys. Rows from a batch that was inserted before, whole or in part, stand at the facts' own
 * positions or later ones, so that a replay decides the same again.
 */
export function withoutRepeats(facts: Iterable<FactRows>, firstRecorded: FirstRecorded): Batch {
  const inBatch = new Set<string>();
  const rows = emptyRows();
  let kept = 0;
  let repeats = 0;
  for (const fact of facts) {
    const position = BigInt(fact.position);
    const isRepeat = fact.keys.some((key) => {
      const first = firstRecorded(fact.clientId, key);
      // Client ids hold no blank.
      return inBatch.has(`${fact.clientId} ${key}`) || (first !== undefined && first < position);
    });
    if (isRepeat) {
      repeats++;
      continue;
    }
    for (const key of fact.keys) inBatch.add(`${fact.clientId} ${key}`);
    kept++;
    for (const table of tables) (rows[table] as unknown[]).push(...fact.rows[table]);
  }
  return { rows, kept, repeats };
}

const tables = Object.keys(noRows) as (keyof Rows)[];

function emptyRows(): Rows {
  return Object.fromEntries(tables.map((table) => [table, []])) as unknown as Rows;
}
