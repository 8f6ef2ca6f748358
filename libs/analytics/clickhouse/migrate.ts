import { createHash } from 'node:crypto';
import type { Migration } from '../schema/migration.js';
import { statementForPart } from '../schema/sharding.js';
import type { ClickHouseConnection } from './client.js';
import { SchemaMismatch } from './schema-mismatch.js';
import { bringWholes, requireLayout } from './shard-tables.js';

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings the connection's database to the newest version, making it when it is not there; of a cluster, on every shard. May be run again at any
 * time, also after a kill in its middle: a migration is recorded after its last statement, and its statements do no harm twice.
 * @throws SchemaMismatch when an applied migration was edited, the database is of a newer program, or of other shards; AnalyticsUnavailable.
 */
export async function migrate(connection: ClickHouseConnection, migrations: readonly Migration[]): Promise<void> {
  requireOrder(migrations);
  await connection.createDatabase();
  const { cluster } = connection;
  const shards = await connection.shards();
  for (const shard of shards) {
    await shard.connection.command(schemaVersions);
    const applied = await shard.connection.query<AppliedMigration>(
      'SELECT version, name, checksum FROM schema_versions FINAL ORDER BY version',
    );
    requireSame(connection.database, applied, migrations);
    await requireLayout(shard, cluster !== undefined, applied.length === 0);
    await applyRest(
      shard.connection,
      migrations.slice(applied.length),
      cluster === undefined ? (statement) => statement : statementForPart,
    );
  }
  if (cluster !== undefined) await Promise.all(shards.map((shard) => bringWholes(shard.connection, cluster)));
}

async function applyRest(connection: ClickHouseConnection, rest: readonly Migration[], form: (statement: string) => string): Promise<void> {
  for (const migration of rest) {
    for (const statement of migration.statements) await connection.command(form(statement));
    const { version, name } = migration;
    await connection.insert('schema_versions', [{ version, name, checksum: checksumOf(migration) }]);
  }
}

const schemaVersions = `CREATE TABLE IF NOT EXISTS schema_versions
(
  version UInt32 COMMENT 'Number of the migration, from 1',
  name String COMMENT 'Name of the migration',
  checksum String COMMENT 'SHA-256 of its statements: an applied migration is never edited',
  applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it had run'
)
ENGINE = ReplacingMergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which migrations have run on this database'`;

export function checksumOf(migration: Migration): string {
  const hash = createHash('sha256');
  for (const statement of migration.statements) hash.update(statement).update('\0');
  return hash.digest('hex');
}

function requireOrder(migrations: readonly Migration[]): void {
  for (const [index, { version, name }] of migrations.entries()) {
    if (version !== index + 1) throw new SchemaMismatch(`migration ${name} has version ${version} where ${index + 1} is due`);
  }
}

function requireSame(database: string, applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  for (const [index, one] of applied.entries()) {
    const known = migrations[index];
    if (known === undefined || one.version !== known.version) {
      throw new SchemaMismatch(
        `database ${database} has migration ${one.version} (${one.name}), which this program does not know: it is older`,
      );
    }
    if (one.checksum !== checksumOf(known)) {
      throw new SchemaMismatch(`migration ${one.version} (${one.name}) was edited after it had run on database ${database}`);
    }
  }
}
