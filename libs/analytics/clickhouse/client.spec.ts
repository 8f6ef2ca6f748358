import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnalyticsUnavailable } from '../analytics.js';
import { RowsRefused } from '../analytics-writer.js';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '../embedded/embedded.js';
import type { Migration } from '../schema/migration.js';
import type { ClickHouseConnection } from './client.js';
import { migrate } from './migrate.js';
import { openClickHouse } from './open-clickhouse.js';
import { SchemaMismatch } from './schema-mismatch.js';

let folder: string;
let engine: EmbeddedClickHouse;
let connection: ClickHouseConnection;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-client-'));
  engine = await startEmbeddedClickHouse({ folder, httpPort: 0, nativePort: 0, onExit: () => undefined });
  connection = openClickHouse({ url: engine.url, database: 'vitrine' });
});
afterAll(async () => {
  await connection.close();
  await engine.stop();
  await rm(folder, { recursive: true, force: true });
});

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function rest(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await chunks.next()).done);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 20_000; !(await holds()); ) {
    if (Date.now() > limit) throw new Error('not within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('connection', () => {
  it('gives 64-bit numbers and decimals as strings and times in RFC 3339', async () => {
    await connection.command("CREATE TABLE kinds (big UInt64, money Decimal(18, 4), at DateTime64(3, 'UTC')) ORDER BY big");
    const row = { big: '18446744073709551615', money: '12.5000', at: '2026-11-23T08:00:00.123Z' };
    await connection.insert('kinds', [row]);
    await connection.insert('kinds', []);
    expect(await connection.query('SELECT big, money, at FROM kinds')).toEqual([{ ...row, money: '12.5' }]);
  });

  it('takes parameters that are too long for an address', async () => {
    const ids = Array.from({ length: 5_000 }, (_, n) => `customer-${n}`);
    expect(await connection.query('SELECT length({ids:Array(String)}) AS n, {one:String} AS one', { ids, one: "it's \\ \n" })).toEqual([
      { n: '5000', one: "it's \\ \n" },
    ]);
  });

  it('streams bytes as they are, whatever their number', async () => {
    for (const rows of [0, 1, 7, 100_000]) {
      const bytes = await bytesOf(connection.stream(`SELECT number FROM numbers(${rows}) FORMAT RowBinary`));
      expect(bytes.length).toBe(rows * 8);
      if (rows > 0) expect(bytes.readBigUInt64LE((rows - 1) * 8)).toBe(BigInt(rows - 1));
    }
  });

  it('ends a stream by throwing when ClickHouse fails on the way', async () => {
    const failing = connection.stream("SELECT throwIf(number = 3000000, 'in the middle') FROM numbers(4000000) FORMAT RowBinary");
    await expect(bytesOf(failing)).rejects.toThrow('in the middle');
  });

  it.each([
    ['before the first byte', 'SELECT max(cityHash64(number)) FROM numbers(1000000000000)', false],
    ['while bytes come', 'SELECT number, cityHash64(number) FROM numbers(1000000000000)', true],
    // A statement with long parameters goes another way, and settings of its own go with it.
    [
      'with long parameters',
      'SELECT max(cityHash64(number)) FROM numbers(1000000000000) WHERE length({ids:Array(String)}) + length({more:Array(String)}) > 0',
      false,
    ],
  ])('ends a stream by its signal, on the server too: %s', async (_, sql, hasBytes) => {
    const ending = new AbortController();
    const ids = Array.from({ length: 4_400 }, (_, n) => `customer-${'x'.repeat(10)}${n}`);
    const params = sql.includes('ids') ? { ids, more: ids.map((id) => `m${id}`) } : {};
    const chunks = connection
      .stream(`${sql} FORMAT RowBinary`, params, { max_query_size: '1000000', max_threads: 1 }, ending.signal)
      [Symbol.asyncIterator]();
    const begun = chunks.next();
    const running = async () => {
      const [found] = await connection.query<{ n: string }>(
        "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(1000000000000)%' AND query NOT LIKE '%system.processes%'",
      );
      return Number(found!.n);
    };
    if (hasBytes) await begun;
    await until(async () => (await running()) === 1);
    ending.abort(new Error('enough'));
    await expect(hasBytes ? rest(chunks) : begun).rejects.toThrow('enough');
    await until(async () => (await running()) === 0);
    await expect(connection.stream('SELECT 1 FORMAT RowBinary', {}, {}, ending.signal)[Symbol.asyncIterator]().next()).rejects.toThrow(
      'enough',
    );
  });

  it('ends a query by throwing when ClickHouse fails on the way', async () => {
    await expect(connection.query("SELECT throwIf(number = 300000, 'in the middle') FROM numbers(400000)")).rejects.toThrow(
      'in the middle',
    );
  });

  it('tells rows that are refused, bugs, and what passes from each other', async () => {
    await expect(connection.insert('kinds', [{ big: 1, money: '1', at: 'yesterday' }])).rejects.toBeInstanceOf(RowsRefused);
    const bug = connection.query('SELECT nothing FROM nowhere');
    await expect(bug).rejects.toThrow('nowhere');
    await expect(bug).rejects.not.toBeInstanceOf(AnalyticsUnavailable);
    await expect(connection.query('SELECT count() FROM numbers(100000000000)', {}, { max_execution_time: 1 })).rejects.toBeInstanceOf(
      AnalyticsUnavailable,
    );
  });

  it('says that ClickHouse is not available when nobody listens, or nobody answers', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const waiting = openClickHouse({ url: `http://x:y@127.0.0.1:${port}`, database: 'vitrine', requestTimeoutMs: 200 });
    await expect(waiting.query('SELECT 1')).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await waiting.close();
    await new Promise((resolve) => silent.close(resolve));
    const refused = openClickHouse({ url: `http://x:y@127.0.0.1:${port}`, database: 'vitrine' });
    await expect(refused.query('SELECT 1')).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await expect(bytesOf(refused.stream('SELECT 1 FORMAT RowBinary'))).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await expect(refused.insert('kinds', [{ big: 1 }])).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await refused.close();
  });
});

describe('migrate', () => {
  const first: Migration = { version: 1, name: 'first', statements: ['CREATE TABLE IF NOT EXISTS a (n UInt8) ORDER BY n'] };
  const second: Migration = { version: 2, name: 'second', statements: ['CREATE OR REPLACE VIEW b AS SELECT n FROM a'] };
  let own: ClickHouseConnection;
  beforeAll(() => {
    own = connection.withDatabase('own');
  });
  afterAll(() => own.close());

  it('makes the database, runs each migration once, and later ones later', async () => {
    await migrate(own, [first]);
    await own.insert('a', [{ n: 1 }]);
    await migrate(own, [first, second]);
    await migrate(own, [first, second]);
    expect(await own.query('SELECT n FROM b')).toEqual([{ n: 1 }]);
    expect(await own.query('SELECT version, name FROM schema_versions ORDER BY version')).toEqual([
      { version: 1, name: 'first' },
      { version: 2, name: 'second' },
    ]);
  });

  it('goes on after a kill in the middle of a migration', async () => {
    const third: Migration = {
      version: 3,
      name: 'third',
      statements: ['CREATE TABLE IF NOT EXISTS c (n UInt8) ORDER BY n', 'CREATE NONSENSE'],
    };
    await expect(migrate(own, [first, second, third])).rejects.toThrow('NONSENSE');
    await migrate(own, [first, second, { ...third, statements: [third.statements[0]!] }]);
    expect(await own.query('SELECT max(version) AS version FROM schema_versions')).toEqual([{ version: 3 }]);
  });

  it('refuses edited migrations, those of a newer program, and gaps', async () => {
    await expect(migrate(own, [{ ...first, statements: ['CREATE TABLE a (m UInt8) ORDER BY m'] }, second])).rejects.toThrow(SchemaMismatch);
    await expect(migrate(own, [first])).rejects.toThrow('which this program does not know');
    await expect(migrate(own, [first, { ...second, version: 3 }])).rejects.toThrow('has version 3 where 2 is due');
  });
});
