import { partOf, spread } from '../schema/sharding.js';
import { type ClickHouseConnection, identifier, type Shard } from './client.js';
import { SchemaMismatch } from './schema-mismatch.js';

const shardLayout = `CREATE TABLE IF NOT EXISTS shard_layout
(
  slot_from UInt32 COMMENT 'First of the slots of this shard',
  slot_to UInt32 COMMENT 'First slot of the next shard',
  slots UInt32 COMMENT 'All slots: a row lies where the hash of its key modulo this number says'
)
ENGINE = ReplacingMergeTree
ORDER BY slots
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which part of the tables of a cluster this database was made as'`;

/**
 * Rows do not move: with other shards, or shards of other weight, a customer's new rows would lie apart from the old ones.
 * @throws SchemaMismatch when the database was made as another part, or as the tables of one server and is a part now, or the other way about.
 */
export async function requireLayout({ connection, slots }: Shard, isPart: boolean, isNew: boolean): Promise<void> {
  const [made] = await connection.query<{ n: string }>(
    "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'shard_layout'",
  );
  const isMade = made?.n !== '0';
  const database = `the database ${connection.database} of ClickHouse`;
  if (!isPart) {
    if (isMade) throw new SchemaMismatch(`${database} is one shard of a cluster: set VITRINE_ANALYTICS_CLUSTER`);
    return;
  }
  const wanted = { slot_from: slots.from, slot_to: slots.to, slots: slots.of };
  const [known] = isMade ? await connection.query<typeof wanted>('SELECT slot_from, slot_to, slots FROM shard_layout') : [];
  if (known !== undefined) {
    if (known.slot_from === wanted.slot_from && known.slot_to === wanted.slot_to && known.slots === wanted.slots) return;
    const words = (layout: typeof wanted) => `slots ${layout.slot_from} to ${layout.slot_to - 1} of ${layout.slots}`;
    throw new SchemaMismatch(
      `${database} was made as ${words(known)} and is now ${words(wanted)}: rows do not move; with other shards begin in a database of another name`,
    );
  }
  if (!isNew) throw new SchemaMismatch(`${database} holds the tables of one server: a cluster begins in a database of its own`);
  await connection.command(shardLayout);
  await connection.insert('shard_layout', [wanted]);
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
