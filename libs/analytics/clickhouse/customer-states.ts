import { createHash } from 'node:crypto';
import type { Position } from '#libs/event-log';
import { readPageAddress } from '#libs/projections';
import type { ClientScope } from '../analytics.js';
import type { ClickHouseConnection, Shard } from './client.js';
import { statesMoved } from './customer-query.js';
import { Parameters } from './parameters.js';

/** Raised when a column of customer_states means something else than before: rows of another version are not read. */
const stateVersion = 1;
/** More customers of later times than this, and the facts answer for all. */
const lateMax = 5_000;
/** So many touched customers are judged by the facts beside the others' states, and so large a share of a client. */
const touchedMax = 5_000;
const touchedShareMax = 0.1;

/** How far the rows of customer_states of a client have been brought. */
export interface StateMark {
  readonly position: Position;
  readonly basis: string;
  /** Milliseconds since 1970; no row has a later time. */
  readonly lastTime: number;
}

/** How a question reads customer_states on one shard. */
export interface StatePlan {
  readonly basis: string;
  /** Whom events touched that are recorded here is judged by the facts; the same position twice: nobody. */
  readonly touched: { readonly after: Position; readonly upTo: Position };
  /** Hashes (decimal) of customers whose rows tell of later times than the question's. */
  readonly late: readonly string[];
}

/** Hosts whose pages are no arrival. */
export function originHosts(origins: readonly string[]): readonly string[] {
  return origins.map((origin) => readPageAddress(origin).host).filter((host) => host !== '');
}

/** By what of a client's settings its rows are made. */
export function stateBasis({ timeZone, origins }: Pick<ClientScope, 'timeZone' | 'origins'>): string {
  const said = JSON.stringify([stateVersion, timeZone, [...new Set(originHosts(origins))].sort()]);
  return createHash('sha256').update(said).digest('hex').slice(0, 16);
}

/** With the position up to which the tables are, so that both are of one moment. */
export async function readStateMark(
  connection: ClickHouseConnection,
  clientId: string,
): Promise<{ readonly mark: StateMark; readonly projectedTo: Position } | undefined> {
  const [row] = await connection.query<{ position: string; basis: string; last: string; projected: string }>(
    `SELECT log_position AS position, basis, toUnixTimestamp64Milli(last_time) AS last,
  (SELECT max(log_position) FROM checkpoints WHERE name = 'tables') AS projected
FROM customer_state_marks FINAL
WHERE client_id = {client:String}`,
    { client: clientId },
  );
  if (row === undefined) return undefined;
  const mark = { position: BigInt(row.position) as Position, basis: row.basis, lastTime: Number(row.last) };
  return { mark, projectedTo: BigInt(row.projected) as Position };
}

/** For each shard how it is to be asked; undefined: by the facts alone, which is always right. */
export async function planStates(
  connection: ClickHouseConnection,
  scope: ClientScope,
  asOf: Date,
): Promise<(shard: Shard) => Promise<StatePlan | undefined>> {
  const known = await readStateMark(connection, scope.clientId);
  const basis = stateBasis(scope);
  if (known === undefined || known.mark.basis !== basis) return async () => undefined;
  return (shard) => planOf(shard, known, scope.clientId, asOf);
}

async function planOf(
  { connection, part }: Shard,
  { mark, projectedTo }: { readonly mark: StateMark; readonly projectedTo: Position },
  clientId: string,
  asOf: Date,
): Promise<StatePlan | undefined> {
  const touched = { after: mark.position, upTo: projectedTo };
  const isLate = mark.lastTime > asOf.getTime();
  if (touched.upTo <= touched.after && !isLate) return { basis: mark.basis, touched, late: [] };
  const parameters = new Parameters();
  const client = parameters.text(clientId);
  const [found] = await connection.query<{ touched: string; rows: string; late: string[] }>(
    `SELECT
  (SELECT uniqExact(customer_id) FROM (${touchedSince(part, client, touched, parameters)})) AS touched,
  (SELECT count() FROM ${part('customer_states')} WHERE client_id = ${client}) AS rows,
  ${isLate ? `(SELECT groupArray(${lateMax + 1})(customer_hash) FROM ${part('customer_states')} FINAL WHERE client_id = ${client} AND last_time > ${parameters.time(asOf.getTime())})` : "CAST([], 'Array(UInt64)')"} AS late`,
    parameters.all,
  );
  if (found === undefined) throw new Error('an aggregate without a row');
  if (Number(found.touched) > Math.max(touchedMax, Number(found.rows) * touchedShareMax) || found.late.length > lateMax) return undefined;
  return { basis: mark.basis, touched, late: found.late };
}

/** Whom events or answers touched, a row for each: a SELECT of `customer_id`. A state tells of answers too. */
export function touchedSince(
  part: Shard['part'],
  client: string,
  { after, upTo }: { readonly after: Position | null; readonly upTo: Position },
  parameters: Parameters,
): string {
  const since = after === null ? '' : ` AND log_position > ${parameters.add('UInt64', String(after))}`;
  const condition = `client_id = ${client}${since} AND log_position <= ${parameters.add('UInt64', String(upTo))}`;
  return ['touched', 'answered'].map((table) => `SELECT customer_id FROM ${part(table)} WHERE ${condition}`).join(' UNION ALL ');
}

/** Asks as planned; when the rows changed in between, which a refresh with new settings or new events of the future may do, by the facts. */
export async function askPlanned<Answer>(
  plan: StatePlan | undefined,
  ask: (plan: StatePlan | undefined) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(plan);
  } catch (error) {
    if (plan === undefined || !haveStatesMoved(error)) throw error;
    return ask(undefined);
  }
}

export function haveStatesMoved(error: unknown): boolean {
  return error instanceof Error && error.message.includes(statesMoved);
}
