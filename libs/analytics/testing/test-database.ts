import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseConnection, openClickHouse } from '../clickhouse/client.js';
import { migrate } from '../clickhouse/migrate.js';
import { startEmbeddedClickHouse } from '../embedded/embedded.js';
import { grantsFor, readerGrantsFor } from '../schema/grants.js';
import { migrations } from '../schema/migrations.js';

export interface TestDatabase {
  readonly connection: ClickHouseConnection;
  /** As somebody sees it who may only read it. */
  readonly reader: ClickHouseConnection;
  stop(): Promise<void>;
}

/** An engine of its own with a migrated, empty database, in a folder that is removed again. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-analytics-'));
  const engine = await startEmbeddedClickHouse({ folder, httpPort: 0, nativePort: 0, onExit: () => undefined });
  return migrated(
    openClickHouse({ url: engine.url, database: engine.database }),
    openClickHouse({ url: engine.reader.url, database: engine.database }),
    async () => {
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    },
  );
}

export interface GrantedDatabase extends TestDatabase {
  /** As the user of the server who may do everything. */
  readonly owner: ClickHouseConnection;
}

/** As on a company's server: a database of another name, whose users have the rights that are documented and no others. */
export async function startGrantedDatabase(): Promise<GrantedDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-granted-'));
  const database = 'shop';
  const engine = await startEmbeddedClickHouse({
    folder,
    httpPort: 0,
    nativePort: 0,
    onExit: () => undefined,
    users: [
      { name: 'apps', password: 'secret', grants: grantsFor(database) },
      { name: 'people', password: 'secret', grants: readerGrantsFor(database) },
    ],
  });
  const owner = openClickHouse({ url: engine.url, database });
  await owner.createDatabase();
  const as = (user: string) => openClickHouse({ url: `http://${user}:secret@127.0.0.1:${engine.httpPort}`, database });
  const granted = await migrated(as('apps'), as('people'), async () => {
    await owner.close();
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { ...granted, owner };
}

async function migrated(connection: ClickHouseConnection, reader: ClickHouseConnection, end: () => Promise<void>): Promise<TestDatabase> {
  const stop = async () => {
    await connection.close();
    await reader.close();
    await end();
  };
  try {
    await migrate(connection, migrations);
  } catch (error) {
    await stop();
    throw error;
  }
  return { connection, reader, stop };
}
