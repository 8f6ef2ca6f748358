import type { ProjectionTables } from '../analytics-writer.js';
import type { Migration } from '../schema/migration.js';
import { type ClickHouseConnection, identifier } from './client.js';
import { migrate } from './migrate.js';
import { openAnalyticsWriter } from './writer.js';

/** Not exchanged: both databases have run the same migrations. */
const schemaTable = 'schema_versions';
/** Exchanged last: as long as the old checkpoint stands, a rebuild that was cut short is asked for again. */
const checkpointTable = 'checkpoints';

/** The tables of the connection's database; a rebuild fills `<database>_rebuild` on the same server. */
export function openProjectionTables(connection: ClickHouseConnection, migrations: readonly Migration[]): ProjectionTables {
  const besideName = `${connection.database}_rebuild`;
  const beside = connection.withDatabase(besideName);
  const drop = () => connection.command(`DROP DATABASE IF EXISTS ${identifier(besideName)} SYNC`);
  return {
    async live() {
      await migrate(connection, migrations);
      return openAnalyticsWriter(connection);
    },
    async beside() {
      await drop();
      await migrate(beside, migrations);
      return openAnalyticsWriter(beside);
    },
    async exchange() {
      const tables = await connection.query<{ name: string }>(
        "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name != {schema:String}",
        { database: besideName, schema: schemaTable },
      );
      const names = tables.map(({ name }) => name).sort((a, b) => Number(a === checkpointTable) - Number(b === checkpointTable));
      for (const name of names) {
        const [live, rebuilt] = [connection.database, besideName].map((database) => `${identifier(database)}.${identifier(name)}`);
        await connection.command(`EXCHANGE TABLES ${live} AND ${rebuilt}`);
      }
      await drop();
    },
    close: () => beside.close(),
  };
}
