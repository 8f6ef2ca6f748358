import { randomBytes } from 'node:crypto';
import { AnalyticsUnavailable } from '../analytics.js';
import type { ProjectionTables } from '../analytics-writer.js';
import type { Migration } from '../schema/migration.js';
import { type ClickHouseConnection, identifier } from './client.js';
import { migrate } from './migrate.js';
import { refreshStates } from './state-refresh.js';
import { openAnalyticsWriter } from './writer.js';

/** Not exchanged: both databases have run the same migrations on the same shards. */
const schemaTables = ['schema_versions', 'shard_layout'];
/**
 * Exchanged last: as long as the old checkpoint stands, a rebuild that was cut short is asked for again; and as long as the old marks stand, all whom
 * later events touched are judged by the facts, whichever customer_states are there.
 */
const lastTables = ['checkpoints', 'customer_state_marks'];

/**
 * The tables of the connection's database; a rebuild fills a database `<database>_rebuild_<16 hex digits>` on the same server. Each has a name
 * of its own and is dropped by whoever leads next before it reads the checkpoint: a leader that stood still in its rebuild and does not know
 * that another one leads finds nothing any more that it could exchange (docs/adr/0021).
 */
export function openProjectionTables(connection: ClickHouseConnection, migrations: readonly Migration[]): ProjectionTables {
  const prefix = `${connection.database}_rebuild_`;
  let besideName = '';
  let beside: ClickHouseConnection | undefined;
  /** Those of others too: whoever leads is the only one that rebuilds. */
  const dropAll = async () => {
    for (const { connection: each } of await connection.shards()) {
      const left = await each.query<{ name: string }>('SELECT name FROM system.databases WHERE startsWith(name, {prefix:String})', {
        prefix,
      });
      for (const { name } of left) {
        if (/^[0-9a-f]{16}$/.test(name.slice(prefix.length))) await each.command(`DROP DATABASE IF EXISTS ${identifier(name)} SYNC`);
      }
    }
    await beside?.close();
    beside = undefined;
  };
  return {
    async live() {
      await migrate(connection, migrations);
      await dropAll();
      return openAnalyticsWriter(connection);
    },
    async beside() {
      await dropAll();
      besideName = `${prefix}${randomBytes(8).toString('hex')}`;
      beside = connection.withDatabase(besideName);
      await migrate(beside, migrations);
      return openAnalyticsWriter(beside);
    },
    async exchange(mayGoOn, signal) {
      const shards = await connection.shards();
      if (beside === undefined) throw new Error('nothing was rebuilt');
      // A client whose states are read must find them in the new tables too, made up to a later place.
      const marked = await connection.query<{ client_id: string }>('SELECT DISTINCT client_id FROM customer_state_marks');
      for (const { client_id } of marked) {
        if (!mayGoOn()) return false;
        await refreshStates(beside, client_id, { signal });
      }
      const exchange = async (isLast: boolean): Promise<boolean> => {
        for (const { connection: each, part } of shards) {
          const tables = await each.query<{ name: string }>(
            "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'",
            { database: besideName },
          );
          // A rebuild that was overtaken: nothing may be touched, and least of all another one's half-filled tables.
          if (tables.length === 0) throw new AnalyticsUnavailable(`the rebuilt tables in ${besideName} are gone: another process leads`);
          for (const { name } of tables) {
            if (schemaTables.includes(name) || lastTables.some((last) => name === part(last)) !== isLast) continue;
            const [live, rebuilt] = [connection.database, besideName].map((database) => `${identifier(database)}.${identifier(name)}`);
            // The process may have stood still since the last one, while another began to lead.
            if (!mayGoOn()) return false;
            await each.command(`EXCHANGE TABLES ${live} AND ${rebuilt}`);
          }
        }
        return true;
      };
      if (!((await exchange(false)) && (await exchange(true)))) return false;
      for (const { connection: each } of shards) await each.command(`DROP DATABASE IF EXISTS ${identifier(besideName)} SYNC`);
      return true;
    },
    close: async () => beside?.close(),
  };
}
