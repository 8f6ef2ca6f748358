import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BehaviourFact } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { AnalyticsRefused, AnalyticsUnavailable } from '../analytics.js';
import { migrations } from '../schema/migrations.js';
import { everywhere, partOf, spread } from '../schema/sharding.js';
import { requireAgreement } from '../testing/agreement.js';
import { analyticsContract } from '../testing/analytics.contract.js';
import { historyCases } from '../testing/histories.js';
import { project, recorded, recordedEvent } from '../testing/recorded.js';
import { type ShardedDatabase, startShardedDatabase, startTestDatabase } from '../testing/test-database.js';
import { readCheckpoint } from './checkpoint.js';
import type { ClickHouseConnection } from './client.js';
import { migrate } from './migrate.js';
import { openAnalytics } from './open-analytics.js';
import { type ClickHouseOptions, openClickHouse } from './open-clickhouse.js';
import { openProjectionTables } from './projection-tables.js';
import { SchemaMismatch } from './schema-mismatch.js';
import { openAnalyticsWriter } from './writer.js';

analyticsContract('over two shards', startShardedDatabase);

function page(n: number): BehaviourFact {
  const time = '2026-11-20T10:00:00.000Z';
  return { type: 'Page Viewed', messageId: `m${n}`, customerId: `c${n % 50}`, sessionId: null, time, properties: {} };
}

describe('tables over two shards', () => {
  let database: ShardedDatabase;
  beforeAll(async () => {
    database = await startShardedDatabase();
  });
  afterAll(() => database.stop());

  const ofShards = <Row>(sql: string) => Promise.all(database.owners.map((owner) => owner.query<Row>(sql)));

  it('choose the customers whom plain code chooses', async () => {
    const [analytics, writer] = [openAnalytics(database.connection), openAnalyticsWriter(database.connection)];
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(historyCases, (one) => {
        runs += 1;
        return requireAgreement(analytics, writer, `c${runs}`, BigInt(runs) * 1_000n, one);
      }),
      { numRuns: 12, seed: 20261123, endOnFailure: true },
    );
    // Two engines beside whatever else runs on two cores.
  }, 240_000);

  it('hold a customer in one place, and all about them', async () => {
    const snapshots = { sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };
    const registered = { clientId: 'golf', name: 'Golf', currency: 'GBP', timeZone: 'Europe/London', origins: [], ...snapshots };
    await project(openAnalyticsWriter(database.connection), [
      recordedEvent('golf', 90_000n, 'ClientRegistered', registered),
      ...Array.from({ length: 200 }, (_, n) => recorded('golf', 90_001n + BigInt(n), page(n))),
    ]);
    const [one, other] = (await ofShards<{ id: string }>(
      "SELECT DISTINCT customer_id AS id FROM behaviour_facts_local WHERE client_id = 'golf'",
    )) as [{ id: string }[], { id: string }[]];
    expect(one.length).toBeGreaterThan(10);
    expect(other.length).toBeGreaterThan(10);
    expect(new Set([...one, ...other].map(({ id }) => id)).size).toBe(50);
    expect(one.length + other.length).toBe(50);
    // By their weights.
    expect(other.length).toBeGreaterThan(one.length);
    const touched = await ofShards<{ id: string }>("SELECT DISTINCT customer_id AS id FROM touched_local WHERE client_id = 'golf'");
    expect(touched.map((ids) => ids.map(({ id }) => id).sort())).toEqual([one, other].map((ids) => ids.map(({ id }) => id).sort()));
    for (const rows of await ofShards("SELECT name FROM clients WHERE client_id = 'golf'")) expect(rows).toEqual([{ name: 'Golf' }]);
    for (const rows of await ofShards("SELECT count() AS n FROM behaviour WHERE client_id = 'golf'")) expect(rows).toEqual([{ n: '200' }]);
  });

  it('have the names, columns and comments of one server, and each a place', async () => {
    const columns = `SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() AND NOT endsWith(table, '_local')
      AND table != 'shard_layout' ORDER BY table, position`;
    const single = await startTestDatabase();
    try {
      const expected = await single.connection.query(columns);
      for (const found of await ofShards(columns)) expect(found).toEqual(expected);
    } finally {
      await single.stop();
    }
    const wholes = Object.keys(spread);
    const all = [...wholes, ...wholes.map(partOf), ...everywhere, 'clients', 'schema_versions', 'shard_layout'].sort();
    for (const found of await ofShards<{ name: string }>('SELECT name FROM system.tables WHERE database = currentDatabase()'))
      expect(found.map(({ name }) => name).sort()).toEqual(all);
  });

  it('answer the examples of the data model', async () => {
    const text = await readFile(join(process.cwd(), 'docs/data-model.md'), 'utf8');
    const examples = [...text.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql);
    expect(examples.length).toBeGreaterThanOrEqual(5);
    // As `readerStatements` sets it: what is joined is gathered first, wherever it lies.
    const settings = { distributed_product_mode: 'global' } as const;
    for (const sql of examples) expect(await database.reader.query(sql, {}, settings)).toEqual([]);
    const both = `SELECT uniqExact(b.customer_id) AS buyers FROM behaviour AS b JOIN customers AS c USING (client_id, customer_id)
      WHERE b.client_id = 'golf' AND c.customer_id IN (SELECT s.customer_id FROM sessions AS s WHERE s.client_id = 'golf')`;
    expect(await database.reader.query(both, {}, settings)).toEqual([{ buyers: '50' }]);
  });

  it('have parts that read parts alone', async () => {
    for (const found of await ofShards<{ name: string; query: string }>(
      "SELECT name, create_table_query AS query FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
    )) {
      expect(found.map(({ name }) => name).sort()).toEqual([
        'behaviour_local',
        'clients',
        'content_served_local',
        'customers_local',
        'order_items_local',
        'orders_local',
        'sessions_local',
      ]);
      for (const { query } of found) {
        const read = [...query.matchAll(/\b(?:FROM|JOIN)\s+shop\.(\w+)/g)].map(([, table]) => table!);
        expect(read.length).toBeGreaterThan(0);
        expect(read.filter((table) => !table.endsWith('_local') && table !== 'clients' && !everywhere.includes(table))).toEqual([]);
      }
    }
  });

  it('are read again from the log beside what is read, on every shard', async () => {
    const { connection } = database;
    const tables = openProjectionTables(connection, migrations);
    const again = Array.from({ length: 60 }, (_, n) => recorded('again', 1n + BigInt(n), page(n)));
    await project(await tables.live(), again.slice(0, 10));
    await project(await tables.beside(), again.slice(0, 5));
    await project(await tables.beside(), again);
    expect(await connection.query("SELECT count() AS n FROM behaviour WHERE client_id = 'again'")).toEqual([{ n: '10' }]);
    await tables.exchange(() => true);
    expect(await connection.query('SELECT count() AS n, uniqExact(client_id) AS clients FROM behaviour')).toEqual([
      { n: '60', clients: '1' },
    ]);
    expect(await readCheckpoint(connection)).toBe(60n as Position);
    for (const left of await ofShards("SELECT name FROM system.databases WHERE name LIKE '%rebuild%'")) expect(left).toEqual([]);
    await tables.close();
  });

  it('get the whole again when it is not that of its parts', async () => {
    const [first] = database.owners;
    await first!.command('DROP TABLE sessions SYNC');
    await migrate(database.connection, migrations);
    expect(await first!.query("SELECT sum(events) AS n FROM sessions WHERE client_id = 'again'")).toEqual([{ n: '60' }]);
  });

  describe('refuse, in one line,', () => {
    const opened: ClickHouseConnection[] = [];
    afterAll(() => Promise.all(opened.map((each) => each.close())));
    const open = (options: ClickHouseOptions) => {
      const connection = openClickHouse(options);
      opened.push(connection);
      return connection;
    };
    const urls = () => database.cluster.cluster!.urls;

    it.each<[string, () => { name: string; urls: readonly string[] }, RegExp]>([
      ['a cluster that is not there', () => ({ name: 'three', urls: urls() }), /knows no cluster three/],
      ['one shard named twice', () => ({ name: 'two', urls: [urls()[0]!, urls()[0]!] }), /has 2 shards; the addresses are those of 1, 1/],
      ['a shard that listens elsewhere and is not named', () => ({ name: 'two', urls: [urls()[0]!] }), /are those of 1, 1/],
    ])('%s', async (_, cluster, message) => {
      const connection = open({ ...database.cluster, cluster: cluster() });
      await expect(migrate(connection, migrations)).rejects.toThrow(AnalyticsRefused);
      await expect(connection.shards()).rejects.toThrow(message);
    });

    it('a shard taken for a server, and a server’s tables taken for a shard', async () => {
      const { cluster: _, ...alone } = database.cluster;
      await expect(migrate(open(alone), migrations)).rejects.toThrow(/one shard of a cluster: set VITRINE_ANALYTICS_CLUSTER/);
      for (const url of database.ownerUrls) await migrate(open({ url, database: 'alone' }), migrations);
      const asShard = open({
        ...database.cluster,
        url: database.ownerUrls[0]!,
        database: 'alone',
        cluster: { name: 'two', urls: database.ownerUrls },
      });
      await expect(migrate(asShard, migrations)).rejects.toThrow(/holds the tables of one server/);
    });

    it('other shards than those that the rows were spread over', async () => {
      const [first] = database.owners;
      await first!.command('ALTER TABLE shard_layout UPDATE slot_to = 2 WHERE 1 SETTINGS mutations_sync = 2');
      await expect(migrate(database.connection, migrations)).rejects.toThrow(SchemaMismatch);
      await expect(migrate(database.connection, migrations)).rejects.toThrow('was made as slots 0 to 1 of 3 and is now slots 0 to 0 of 3');
      await first!.command('ALTER TABLE shard_layout UPDATE slot_to = 1 WHERE 1 SETTINGS mutations_sync = 2');
      await migrate(database.connection, migrations);
    });
  });

  it('answer nothing, rather than half, while a shard is away', async () => {
    const { connection } = database;
    const analytics = openAnalytics(connection);
    const writer = openAnalyticsWriter(connection);
    const scope = { clientId: 'again', timeZone: 'UTC', origins: [], currency: 'USD' };
    const asOf = new Date('2026-11-23T12:00:00.000Z');
    await database.kill(1);
    await expect(analytics.preview({ scope, segments: {}, criteria: { all: [] }, asOf })).rejects.toThrow(AnalyticsUnavailable);
    await expect(project(writer, [recorded('again', 200n, page(1))])).rejects.toThrow(AnalyticsUnavailable);
    const span = { after: 0n as Position, upTo: 100n as Position, dueAfter: new Date(0), dueUpTo: new Date() };
    await expect(analytics.touched({ clientId: 'again', ...span, max: 10 })).rejects.toThrow(AnalyticsUnavailable);
    const { chunks } = await analytics.audience({ scope, segments: {}, segmentIds: [], asOf, only: ['c1', 'c2', 'c3'] });
    await expect(
      (async () => {
        for await (const _ of chunks);
      })(),
    ).rejects.toThrow(AnalyticsUnavailable);
  });
});
