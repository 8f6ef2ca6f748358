import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseConnection, openClickHouse } from '../clickhouse/client.js';
import { migrate } from '../clickhouse/migrate.js';
import { startEmbeddedClickHouse } from '../embedded/embedded.js';
import { migrations } from '../schema/migrations.js';

export interface TestDatabase {
  readonly connection: ClickHouseConnection;
  /** As the user `reader` sees it. */
  readonly reader: ClickHouseConnection;
  stop(): Promise<void>;
}

/** An engine of its own with a migrated, empty database, in a folder that is removed again. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-analytics-'));
  const engine = await startEmbeddedClickHouse({ folder, httpPort: 0, nativePort: 0, onExit: () => undefined });
  const connection = openClickHouse({ url: engine.url, database: engine.database });
  const reader = openClickHouse({ url: engine.reader.url, database: engine.database });
  await migrate(connection, migrations);
  return {
    connection,
    reader,
    async stop() {
      await connection.close();
      await reader.close();
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
