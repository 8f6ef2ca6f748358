import { partOf, spread } from '../schema/sharding.js';
import { type ClickHouseConnection, identifier } from './client.js';
import { SchemaMismatch } from './schema-mismatch.js';

interface Layout {
  /** From 1. */
  readonly shard: number;
  readonly shards: number;
}

const shardLayout = `CREATE TABLE IF NOT EXISTS shard_layout
(
  shard UInt32 COMMENT 'Which shard this is, from 1',
  shards UInt32 COMMENT 'How many there were when the tables were made: rows stay where they were put'
)
ENGINE = ReplacingMergeTree
ORDER BY shard
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which part of the tables of a cluster this database is'`;

/**
 * Rows do not move: with another number of shards, or in another order, a customer's new rows would lie apart from the old ones.
 * @throws SchemaMismatch when the database was made for other shards, or for one server (`layout` undefined) and is none.
 */
export async function requireLayout(
  connection: ClickHouseConnection,
  layout: Layout | undefined,
  applied: readonly unknown[],
): Promise<void> {
  const [made] = await connection.query<{ n: string }>(
    "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'shard_layout'",
  );
  const isMade = made?.n !== '0';
  const another = `${connection.database} of ClickHouse`;
  if (layout === undefined) {
    if (isMade) throw new SchemaMismatch(`the database ${another} is one shard of a cluster: set VITRINE_ANALYTICS_CLUSTER`);
    return;
  }
  const [known] = isMade ? await connection.query<Layout>('SELECT shard, shards FROM shard_layout') : [];
  if (known !== undefined) {
    if (known.shard === layout.shard && known.shards === layout.shards) return;
    throw new SchemaMismatch(
      `the database ${another} was made as shard ${known.shard} of ${known.shards} and is now ${layout.shard} of ${layout.shards}: with other shards begin in a database of another name`,
    );
  }
  if (applied.length > 0) {
    throw new SchemaMismatch(`the database ${another} holds the tables of one server: a cluster begins in a database of its own`);
  }
  await connection.command(shardLayout);
  await connection.insert('shard_layout', [layout]);
}

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly default: string;
  readonly comment: string;
}

/** Makes `x` over the shards' `x_local`, where it is not there or not (any more) of the same columns. */
export async function bringWholes(connection: ClickHouseConnection, cluster: string): Promise<void> {
  const columns = await connection.query<Column>(
    `SELECT table, name, type, if(default_kind = '', '', default_kind || ' ' || default_expression) AS default, comment
     FROM system.columns WHERE database = currentDatabase() ORDER BY table, position`,
  );
  const comments = await connection.query<{ name: string; comment: string }>(
    'SELECT name, comment FROM system.tables WHERE database = currentDatabase()',
  );
  const columnsOf = (table: string) =>
    columns
      .filter((column) => column.table === table)
      .map((column) => `${identifier(column.name)} ${column.type} ${column.default} COMMENT ${literal(column.comment)}`)
      .join(',\n  ');
  const commentOf = (table: string) => comments.find(({ name }) => name === table)?.comment ?? '';
  for (const [table, key] of Object.entries(spread)) {
    const part = partOf(table);
    const wanted = columnsOf(part);
    if (wanted === '' || (columnsOf(table) === wanted && commentOf(table) === commentOf(part))) continue;
    await connection.command(`CREATE OR REPLACE TABLE ${table}
(
  ${wanted}
)
ENGINE = Distributed(${literal(cluster)}, currentDatabase(), ${literal(part)}, ${key})
COMMENT ${literal(commentOf(part))}`);
  }
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
