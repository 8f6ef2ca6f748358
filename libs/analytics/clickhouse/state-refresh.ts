import type { Position } from '#libs/event-log';
import type { ClientScope } from '../analytics.js';
import { readCheckpoint } from './checkpoint.js';
import type { ClickHouseConnection, Shard } from './client.js';
import { readStateMark, stateBasis, touchedSince } from './customer-states.js';
import { hashSlices } from './hash-slices.js';
import { judge, judgingSettings, type Part } from './judgement.js';
import { Parameters } from './parameters.js';
import { stateColumns } from './state-row.js';

/** Events that one statement gathers at most, roughly: some seconds, so that it ends long before the connection's limit also on a busy machine. */
const sliceRowsMax = 2_500_000;
/** From so large a share of a client's events on that touched somebody since, all customers are made anew. */
const wholeShare = 0.3;
/** After all times of events (see `instantMax`): a row holds what is still to come too. */
const endOfTime = new Date(Date.UTC(2300, 0, 1) - 1);

/** Of a mark whose client's rows are of several bases: no client has it. */
const noBasis = '';

/**
 * Brings customer_states of a client up to the tables' checkpoint: the rows of the customers touched since the mark are made anew from all their facts,
 * and then the mark is moved. Cut short anywhere, or done by two at once, it does no harm: until the mark stands, whom it is about counts as touched.
 * @throws also the signal's reason, between two statements.
 */
export async function refreshStates(
  connection: ClickHouseConnection,
  clientId: string,
  { rowsMax = sliceRowsMax, signal }: { readonly rowsMax?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const upTo = await readCheckpoint(connection);
  if (upTo === null) return;
  const scope = await scopeOf(connection, clientId);
  const basis = stateBasis(scope);
  const mark = (await readStateMark(connection, clientId))?.mark;
  const after = mark?.basis === basis ? mark.position : null;
  if (after !== null && after >= upTo) return;
  const markAt = (itsBasis: string, lastTime: number) =>
    connection.insert('customer_state_marks', [
      { client_id: clientId, log_position: String(upTo), basis: itsBasis, last_time: new Date(lastTime).toISOString() },
    ]);
  // From the first new row on the old mark is wrong: were this cut short and the old settings came back, it would be taken for right for ever.
  if (after === null && mark !== undefined) await markAt(noBasis, mark.lastTime);
  const lastTimes = await Promise.all(
    (await connection.shards()).map(async (shard) => {
      await refreshShard(shard, scope, { basis, after, upTo, rowsMax, signal });
      return lastTimeAt(shard, clientId);
    }),
  );
  await markAt(basis, Math.max(...lastTimes));
}

interface Refresh {
  readonly basis: string;
  /** Null: all customers. */
  readonly after: Position | null;
  readonly upTo: Position;
  readonly rowsMax: number;
  readonly signal: AbortSignal | undefined;
}

async function refreshShard(shard: Shard, scope: ClientScope, refresh: Refresh): Promise<void> {
  const parameters = new Parameters();
  const client = parameters.text(scope.clientId);
  const [found] = await shard.connection.query<{ events: string; touched: string }>(
    `SELECT (SELECT count() FROM ${shard.part('behaviour_facts')} WHERE client_id = ${client}) AS events,
  (SELECT count() FROM (${touchedSince(shard.part, client, refresh, parameters)})) AS touched`,
    parameters.all,
  );
  const events = Number(found?.events ?? 0);
  const touched = Number(found?.touched ?? 0);
  if (touched === 0) return;
  const isWhole = refresh.after === null || touched > events * wholeShare;
  // A touched customer's facts are some of the client's: the slices are made for the worst case, that they are all.
  const slices = hashSlices(Math.ceil((isWhole ? events : Math.min(events, touched * 20)) / refresh.rowsMax));
  for (const hashes of slices) {
    refresh.signal?.throwIfAborted();
    const part: Part = {
      ...(hashes === undefined ? {} : { hashes }),
      ...(isWhole ? {} : { touched: { after: refresh.after, upTo: refresh.upTo } }),
    };
    await insertStates(shard, scope, refresh, part);
  }
}

async function insertStates(shard: Shard, scope: ClientScope, { basis, upTo }: Refresh, part: Part): Promise<void> {
  const { parameters, query } = judge(shard, scope, endOfTime, part);
  const columns = stateColumns(query);
  const keys = [
    parameters.text(scope.clientId),
    'customer_hash',
    'customer_id',
    parameters.add('UInt64', String(upTo)),
    parameters.text(basis),
  ];
  await shard.connection.command(
    `INSERT INTO ${shard.part('customer_states')} (client_id, customer_hash, customer_id, log_position, basis, ${columns.map(({ name }) => name).join(', ')})
SELECT ${[...keys, ...columns.map(({ value }) => value)].join(', ')}
FROM
(
${query.sql()}
)`,
    parameters.all,
    judgingSettings,
  );
}

/** Milliseconds since 1970. Rows that have been replaced count too: a mark may say too late a time, not too early a one. */
async function lastTimeAt({ connection, part }: Shard, clientId: string): Promise<number> {
  const [row] = await connection.query<{ last: string }>(
    `SELECT max(toUnixTimestamp64Milli(last_time)) AS last FROM ${part('customer_states')} WHERE client_id = {client:String}`,
    { client: clientId },
  );
  return Number(row?.last ?? 0);
}

async function scopeOf(connection: ClickHouseConnection, clientId: string): Promise<ClientScope> {
  const [row] = await connection.query<{ timeZone: string; origins: string[]; currency: string }>(
    'SELECT c.time_zone AS timeZone, c.origins AS origins, c.currency AS currency FROM clients AS c WHERE c.client_id = {client:String}',
    { client: clientId },
  );
  return { clientId, timeZone: 'UTC', origins: [], currency: '', ...row };
}
