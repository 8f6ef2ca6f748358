import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { customersView } from '../clickhouse/customers-view.js';
import { migrate } from '../clickhouse/migrate.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { customersViewMigration } from './customers-view.js';
import { migrations } from './migrations.js';

const documented = ['behaviour', 'clients', 'content_served', 'customers', 'order_items', 'orders', 'sessions'];
const committed = join(process.cwd(), 'libs/analytics/schema/schema.sql');
const dataModel = join(process.cwd(), 'docs/data-model.md');
const generatedBelow = '<!-- The lines below';

describe('the schema', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());

  it('explains itself: every table, view and column has a comment', async () => {
    expect(await database.connection.query("SELECT table, name FROM system.columns WHERE database = 'vitrine' AND comment = ''")).toEqual(
      [],
    );
    expect(
      await database.connection.query(
        "SELECT name FROM system.tables WHERE database = 'vitrine' AND comment = '' AND name != 'schema_versions'",
      ),
    ).toEqual([]);
  });

  it('has the documented views, which the reader can read whole', async () => {
    const views = await database.reader.query<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'vitrine' AND engine = 'View' ORDER BY name",
    );
    expect(views.map(({ name }) => name)).toEqual(documented);
    for (const view of documented) expect(await database.reader.query(`SELECT * FROM ${view}`)).toEqual([]);
  });

  it('does no harm when it is applied again', () => migrate(database.connection, migrations));

  it('has the view of customers that the SQL of the fields makes', () => {
    expect(customersViewMigration.statements).toEqual([customersView()]);
  });

  /** After a new migration: `UPDATE_SCHEMA=1 npx jest libs/analytics/schema` writes the file again. */
  it('is the committed schema.sql', async () => {
    const tables = await database.connection.query<{ statement: string }>(
      "SELECT create_table_query AS statement FROM system.tables WHERE database = 'vitrine' ORDER BY engine = 'View', name",
    );
    const formatted = await Promise.all(
      tables.map(async ({ statement }) => {
        const [row] = await database.connection.query<{ text: string }>('SELECT formatQuery({statement:String}) AS text', { statement });
        return `${row?.text};\n`;
      }),
    );
    const now = `-- What a migrated database says of itself. Made by libs/analytics/schema/schema.spec.ts; not read by the program.\n\n${formatted.join('\n')}`;
    if (process.env['UPDATE_SCHEMA'] !== undefined) await writeFile(committed, now);
    expect(now).toBe(await readFile(committed, 'utf8'));
  });

  it('is explained column by column to data teams', async () => {
    const text = await readFile(dataModel, 'utf8');
    const from = text.indexOf('\n', text.indexOf(generatedBelow)) + 1;
    const now = `${text.slice(0, from)}${await columnsOf(database)}`;
    if (process.env['UPDATE_SCHEMA'] !== undefined) await writeFile(dataModel, now);
    expect(now).toBe(await readFile(dataModel, 'utf8'));
  });

  it('answers the examples of the data model, as the reader', async () => {
    const examples = [...(await readFile(dataModel, 'utf8')).matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql);
    expect(examples.length).toBeGreaterThanOrEqual(5);
    for (const sql of examples) expect(await database.reader.query(sql)).toEqual([]);
  });
});

/** The views first, then the tables beneath. */
async function columnsOf({ connection }: TestDatabase): Promise<string> {
  const rows = await connection.query<{ table: string; about: string; isView: number; name: string; type: string; comment: string }>(
    `SELECT c.table AS table, t.comment AS about, t.engine = 'View' AS isView, c.name AS name, c.type AS type, c.comment AS comment
     FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
     WHERE c.database = 'vitrine' AND c.table != 'schema_versions' ORDER BY isView DESC, c.table, c.position`,
  );
  const lines: string[] = [];
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    if (before === undefined) lines.push('', '## Views');
    else if (before.isView !== row.isView) lines.push('', '## Tables beneath them');
    if (before?.table !== row.table) lines.push('', `### ${row.table}`, `${row.about}.`, '', '| column | type | |', '|---|---|---|');
    lines.push(`| \`${row.name}\` | \`${row.type}\` | ${row.comment} |`);
  }
  return `${lines.join('\n')}\n`;
}
