import { setTimeout as pause } from 'node:timers/promises';
import type { Position } from '#libs/event-log';
import { type Analytics, NotYet, type Touched, type TouchedQuery } from '../analytics.js';
import { audienceRows } from './audience.js';
import { readCheckpoint } from './checkpoint.js';
import type { ClickHouseConnection } from './client.js';
import { customerSummary, customers, preview } from './customers.js';
import { dependsOnAnswers } from './depends-on-answers.js';
import { Parameters } from './parameters.js';
import { textRows } from './text-rows.js';
import { knownMessages } from './writer.js';

const pollMs = 25;

/** The named queries over a migrated database. Closing it closes the connection. */
export function openAnalytics(connection: ClickHouseConnection): Analytics {
  return {
    projectedTo: () => readCheckpoint(connection),
    waitFor: (position, timeoutMs) => waitFor(connection, position, timeoutMs),
    audience: (query) => audienceRows(connection, query),
    customersByHash: (clientId, hashes) => customersByHash(connection, clientId, hashes),
    touched: (query) => touched(connection, query),
    preview: (query) => preview(connection, query),
    customers: (query) => customers(connection, query),
    customerSummary: (query) => customerSummary(connection, query),
    findDecision: (decisionId) => findDecision(connection, decisionId),
    async seenMessages(clientId, keys) {
      const known = await knownMessages(connection, clientId, keys);
      return new Map([...known].map(([key, { importId }]) => [key, { importId: importId === '' ? null : importId }]));
    },
    close: () => connection.close(),
  };
}

async function waitFor(connection: ClickHouseConnection, position: Position, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const at = await readCheckpoint(connection);
    if (at !== null && at >= position) return;
    const left = end - performance.now();
    if (left <= 0) throw new NotYet(`the tables have not reached position ${position} within ${timeoutMs} ms`);
    await pause(Math.min(pollMs, left));
  }
}

async function customersByHash(connection: ClickHouseConnection, clientId: string, hashes: readonly string[]): Promise<readonly string[]> {
  if (hashes.length === 0) return [];
  const parameters = new Parameters();
  const rows = await connection.query<{ customer_id: string }>(
    `SELECT DISTINCT customer_id FROM behaviour_facts
     WHERE client_id = ${parameters.text(clientId)} AND customer_hash IN ${parameters.set(hashes, 'UInt64')} ORDER BY customer_id`,
    parameters.all,
  );
  return rows.map((row) => row.customer_id);
}

async function touched(connection: ClickHouseConnection, query: TouchedQuery): Promise<Touched> {
  const { clientId, after, upTo, dueAfter, dueUpTo, max, judgedBy } = query;
  const parameters = new Parameters();
  const client = parameters.text(clientId);
  const number = (value: bigint | number) => parameters.add('UInt64', String(value));
  const [from, to, limit] = [number(after), number(upTo), number(max + 1)];
  const some = (table: string, isDue: 0 | 1, when: string) =>
    `(SELECT customer_id, min(log_position) AS first, ${isDue} AS is_due FROM ${table}
      WHERE client_id = ${client} AND ${when} AND log_position <= ${to}
      GROUP BY customer_id ORDER BY xxHash64(customer_id) LIMIT ${limit})`;
  const recorded = judgedBy === undefined || dependsOnAnswers(judgedBy) ? ['touched', 'answered'] : ['touched'];
  const due = `time > ${parameters.time(dueAfter.getTime())} AND time <= ${parameters.time(dueUpTo.getTime())}`;
  const customerIds = new Set<string>();
  let first: Position | null = null;
  const rows = textRows<[customerId: string, first: string, isDue: number]>(
    connection.stream(
      `${[...recorded.map((table) => some(table, 0, `log_position > ${from}`)), some('due', 1, due)].join('\n     UNION ALL\n     ')}
     FORMAT JSONCompactEachRow`,
      parameters.all,
      // A customer's rows lie on one shard, which may cut its answer itself.
      { distributed_group_by_no_merge: '2' },
    ),
  );
  for await (const [customerId, itsFirst, isDue] of rows) {
    customerIds.add(customerId);
    const position = BigInt(itsFirst) as Position;
    if (isDue === 0 && (first === null || position < first)) first = position;
  }
  return { customerIds: [...customerIds].slice(0, max), more: customerIds.size > max, first };
}

async function findDecision(connection: ClickHouseConnection, decisionId: string) {
  const [row] = await connection.query<{ client_id: string; log_position: string }>(
    'SELECT client_id, log_position FROM decisions WHERE decision_id = {decision:String} ORDER BY log_position LIMIT 1',
    { decision: decisionId },
  );
  return row === undefined ? null : { clientId: row.client_id, position: BigInt(row.log_position) as Position };
}
