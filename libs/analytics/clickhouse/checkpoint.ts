import type { Position } from '#libs/event-log';
import type { ClickHouseConnection } from './client.js';

/** The one projection there is today. */
export const checkpointName = 'tables';

/** Everything in the log up to here is in the tables; null: nothing yet. */
export async function readCheckpoint(connection: ClickHouseConnection): Promise<Position | null> {
  const [row] = await connection.query<{ position: string; rows: string }>(
    'SELECT max(log_position) AS position, count() AS rows FROM checkpoints WHERE name = {name:String}',
    { name: checkpointName },
  );
  return row === undefined || row.rows === '0' ? null : (BigInt(row.position) as Position);
}
