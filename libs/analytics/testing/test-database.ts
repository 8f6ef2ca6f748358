import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clickHouseAddress } from '../clickhouse/address.js';
import type { ClickHouseConnection } from '../clickhouse/client.js';
import { migrate } from '../clickhouse/migrate.js';
import { type ClickHouseOptions, openClickHouse } from '../clickhouse/open-clickhouse.js';
import { startEmbeddedClickHouse } from '../embedded/embedded.js';
import { freePorts } from '../embedded/engine-process.js';
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

export interface ShardedDatabase extends TestDatabase {
  readonly cluster: ClickHouseOptions;
  /** Each shard as the user of its server who may do everything. */
  readonly owners: readonly ClickHouseConnection[];
  readonly ownerUrls: readonly string[];
  /** Ends one shard's server. */
  kill(shard: number): Promise<void>;
}

/** Two engines as the shards of a cluster, the second for two thirds of the customers; the reader asks the second. */
export async function startShardedDatabase(): Promise<ShardedDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-shards-'));
  const [database, name] = ['shop', 'two'];
  const shards = (await freePorts(2)).map((nativePort, index) => ({ nativePort, weight: index + 1 }));
  const users = [
    { name: 'apps', password: 'secret', grants: grantsFor(database, 'cluster') },
    { name: 'people', password: 'secret', grants: readerGrantsFor(database) },
  ];
  const engines = await Promise.all(
    shards.map((shard, index) =>
      startEmbeddedClickHouse({
        ...shard,
        folder: join(folder, String(index)),
        httpPort: 0,
        cluster: { name, shards, user: 'apps', password: 'secret' },
        users,
        onExit: () => undefined,
      }),
    ),
  );
  const ownerUrls = engines.map(({ url }) => url);
  const owners = ownerUrls.map((url) => openClickHouse({ url, database }));
  for (const owner of owners) await owner.createDatabase();
  const hosts = engines.map(({ httpPort }) => `127.0.0.1:${httpPort}`);
  const cluster = clickHouseAddress(`http://apps:secret@${hosts.join(',')}/${database}`, name);
  const reader = openClickHouse({ url: `http://people:secret@${hosts[1]}`, database });
  const sharded = await migrated(openClickHouse(cluster), reader, async () => {
    for (const owner of owners) await owner.close();
    for (const engine of engines) await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { ...sharded, cluster, owners, ownerUrls, kill: async (shard) => engines[shard]?.stop() };
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
