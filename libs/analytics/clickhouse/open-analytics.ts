import { setTimeout as pause } from 'node:timers/promises';
import type { Position } from '#libs/event-log';
import { type Analytics, NotYet, type Touched } from '../analytics.js';
import { audienceRows } from './audience.js';
import type { ClickHouseConnection } from './client.js';
import { customerSummary, customers, preview } from './customers.js';
import { Parameters } from './parameters.js';
import { knownMessages, readCheckpoint } from './writer.js';

const pollMs = 25;

/** The named queries over a migrated database. Closing it closes the connection. */
export function openAnalytics(connection: ClickHouseConnection): Analytics {
  return {
    projectedTo: () => readCheckpoint(connection),
    waitFor: (position, timeoutMs) => waitFor(connection, position, timeoutMs),
    audience: (query) => audienceRows(connection, query),
    customersByHash: (clientId, hashes) => customersByHash(connection, clientId, hashes),
    touched: (clientId, after, upTo, max) => touched(connection, clientId, after, upTo, max),
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

async function touched(connection: ClickHouseConnection, clientId: string, after: Position, upTo: Position, max: number): Promise<Touched> {
  const rows = await connection.query<{ customer_id: string; first: string }>(
    `SELECT customer_id, min(log_position) AS first FROM touched
     WHERE client_id = {client:String} AND log_position > {after:UInt64} AND log_position <= {upTo:UInt64}
     GROUP BY customer_id ORDER BY first LIMIT {limit:UInt64}`,
    { client: clientId, after: String(after), upTo: String(upTo), limit: max + 1 },
    // A customer's rows lie on one shard, which may cut its answer itself.
    { distributed_group_by_no_merge: '2' },
  );
  const customerIds = rows.map((row) => row.customer_id);
  const first = rows[0] === undefined ? null : (BigInt(rows[0].first) as Position);
  return { customerIds: customerIds.slice(0, max), more: customerIds.length > max, first };
}

async function findDecision(connection: ClickHouseConnection, decisionId: string) {
  const [row] = await connection.query<{ client_id: string; log_position: string }>(
    'SELECT client_id, log_position FROM decisions WHERE decision_id = {decision:String} ORDER BY log_position LIMIT 1',
    { decision: decisionId },
  );
  return row === undefined ? null : { clientId: row.client_id, position: BigInt(row.log_position) as Position };
}
