import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { AnalyticsRefused } from '../analytics.js';
import { accountStatements, readerStatements } from '../schema/grants.js';
import { migrations } from '../schema/migrations.js';
import { analyticsContract } from '../testing/analytics.contract.js';
import { project, recorded } from '../testing/recorded.js';
import { type GrantedDatabase, startGrantedDatabase } from '../testing/test-database.js';
import { readCheckpoint } from './checkpoint.js';
import { openProjectionTables } from './projection-tables.js';

analyticsContract('as users with the documented rights alone', startGrantedDatabase);

describe('the rights that are documented', () => {
  let database: GrantedDatabase;
  beforeAll(async () => {
    database = await startGrantedDatabase();
  });
  afterAll(() => database.stop());

  it('are enough to read everything again beside what is read', async () => {
    const { connection, owner } = database;
    const tables = openProjectionTables(connection, migrations);
    const page = (n: number) =>
      ({
        type: 'Page Viewed',
        messageId: `m${n}`,
        customerId: 'ann',
        sessionId: null,
        time: '2026-11-20T10:00:00.000Z',
        properties: {},
      }) as const;
    await project(await tables.live(), [recorded('golf', 1n, page(1))]);
    // The second beginning drops what the first left.
    await project(await tables.beside(), [recorded('golf', 1n, page(1))]);
    await project(await tables.beside(), [recorded('golf', 1n, page(1)), recorded('golf', 2n, page(2))]);
    await tables.exchange(() => true);
    expect(await connection.query('SELECT count() AS events FROM behaviour')).toEqual([{ events: '2' }]);
    expect(await readCheckpoint(connection)).toBe(2n as Position);
    expect(await owner.query("SELECT name FROM system.databases WHERE name LIKE '%shop%'")).toEqual([{ name: 'shop' }]);
    await tables.close();
  });

  it.each([
    ['making another database', 'CREATE DATABASE other'],
    ['dropping its own', 'DROP DATABASE shop'],
    ['other databases', 'SELECT * FROM vitrine.secret'],
    ['what others ask', 'SELECT * FROM system.processes'],
    ['other servers', "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')"],
    ['files', "SELECT * FROM file('users.xml', 'LineAsString')"],
    ['another engine', 'CREATE TABLE shop.memory (a String) ENGINE = Memory'],
  ])('are not enough for %s', async (_, sql) => {
    await database.owner.command('CREATE TABLE IF NOT EXISTS vitrine.secret (a String) ORDER BY a');
    await expect(database.connection.command(sql)).rejects.toThrow(AnalyticsRefused);
  });

  it('are statements that ClickHouse understands', async () => {
    const secret = "it's \\ secret";
    for (const statement of [...accountStatements('apps', secret, 'shop', 'cluster'), ...readerStatements('people', secret, 'shop')]) {
      const [row] = await database.connection.query<{ text: string }>('SELECT formatQuery({statement:String}) AS text', { statement });
      expect(row?.text).toMatch(/^(CREATE|GRANT) /);
    }
    expect(() => accountStatements('apps', 'secret', 'shop; DROP DATABASE x')).toThrow('is no name');
  });

  it('are named in one line when they are missing', async () => {
    const refused = database.reader.command('DROP VIEW customers');
    await expect(refused).rejects.toMatchObject({
      code: 'ANALYTICS_REFUSED',
      message: expect.stringMatching(/^[^\n]*people[^\n]*DROP VIEW[^\n]*$/),
    });
  });
});
