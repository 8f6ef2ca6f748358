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
});
