import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedClickHouse, type EmbeddedClickHouseOptions, type EngineRestart, startEmbeddedClickHouse } from './embedded.js';
import { startParent, waitFor } from './testing/parent.js';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(url: string, sql: string, settings = ''): Promise<Answer> {
  const { username, password, origin } = new URL(url);
  const basic = btoa(`${username}:${decodeURIComponent(password)}`);
  const answer = await fetch(`${origin}/?${settings}`, {
    method: 'POST',
    body: sql,
    headers: { origin: 'https://evil.example', ...(username === '' ? {} : { authorization: `Basic ${basic}` }) },
  });
  return { status: answer.status, text: (await answer.text()).trim(), headers: answer.headers };
}

/** Introduces itself on the native protocol and asks; kind 0 is the server's Hello, 2 a refusal. */
async function native(
  port: number,
  user: string,
  password: string,
  sql: string,
  database = 'vitrine',
): Promise<{ hello: Buffer; answer: Buffer }> {
  const text = (value: string) => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
  const socket = connect(port, '127.0.0.1');
  const say = async (...parts: Buffer[]) => {
    socket.write(Buffer.concat(parts));
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply;
  };
  try {
    // Kind, name, version, revision 54000 as a varint, database, user, password.
    const hello = await say(
      Buffer.from([0]),
      text('spec'),
      Buffer.from([1, 1, 0xf0, 0xa5, 0x03]),
      text(database),
      text(user),
      text(password),
    );
    if (hello[0] !== 0) return { hello, answer: Buffer.alloc(0) };
    // Kind, query id, no settings, complete, no compression; then an empty block, which says that no data follows.
    const noData = Buffer.from([2, 0, 1, 0, 2, 255, 255, 255, 255, 0, 0, 0]);
    return { hello, answer: await say(Buffer.from([1]), text(''), text(''), Buffer.from([2, 0]), text(sql), noData) };
  } finally {
    socket.destroy();
  }
}

const folders: string[] = [];
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-engine-'));
  folders.push(folder);
  return folder;
}

const running: EmbeddedClickHouse[] = [];
async function start(options: Partial<EmbeddedClickHouseOptions> & { folder: string }): Promise<EmbeddedClickHouse> {
  const engine = await startEmbeddedClickHouse({ httpPort: 0, nativePort: 0, onExit: () => undefined, ...options });
  running.push(engine);
  return engine;
}
afterAll(async () => {
  for (const engine of running) await engine.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe('a running engine', () => {
  let engine: EmbeddedClickHouse;
  beforeAll(async () => {
    engine = await start({ folder: await newFolder() });
    await ask(
      engine.url,
      "CREATE TABLE vitrine.shelf (place UInt64 COMMENT 'Where it stands', name String COMMENT 'What it is') ORDER BY place",
    );
    await ask(engine.url, "INSERT INTO vitrine.shelf VALUES (1, 'golf clubs')");
    await ask(engine.url, 'CREATE TABLE default.secret (a UInt64) ORDER BY a');
  });

  it('answers over plain HTTP, in UTC', async () => {
    expect((await ask(engine.url, 'SELECT timezone(), 1 + 1')).text).toBe('UTC\t2');
  });

  it('speaks the native protocol', async () => {
    const { hello, answer } = await native(engine.nativePort, 'reader', engine.reader.password, 'SELECT name FROM vitrine.shelf');
    expect(hello[0]).toBe(0);
    expect(hello.toString('latin1', 2)).toMatch(/^ClickHouse/);
    expect(answer[0]).toBe(1);
    expect(answer.toString('latin1')).toContain('name');
  });

  it('keeps an acknowledged insert and a merge on the disk', async () => {
    const settings = await ask(
      engine.url,
      "SELECT name, value FROM system.merge_tree_settings WHERE name LIKE '%fsync_after%' OR name = 'fsync_part_directory' ORDER BY name",
    );
    expect(settings.text).toContain('fsync_after_insert\t1');
    expect(settings.text).toContain('fsync_part_directory\t1');
    expect(settings.text).toContain('min_rows_to_fsync_after_merge\t1');
    expect((await ask(engine.url, "SELECT value FROM system.settings WHERE name = 'async_insert'")).text).toBe('0');
  });

  it('keeps its passwords to the owner of the folder', async () => {
    for (const name of ['password', 'reader-password', 'users.xml', 'config.xml']) {
      expect((await stat(join(folders[0]!, name))).mode & 0o077).toBe(0);
    }
  });

  describe('lets the reader', () => {
    it('read tables and see what their columns mean', async () => {
      expect((await ask(engine.reader.url, 'SELECT place, name FROM vitrine.shelf')).text).toBe('1\tgolf clubs');
      expect((await ask(engine.reader.url, 'SHOW TABLES FROM vitrine')).text).toBe('shelf');
      expect((await ask(engine.reader.url, 'DESCRIBE vitrine.shelf')).text).toContain('Where it stands');
      expect((await ask(engine.reader.url, "SELECT comment FROM system.columns WHERE database = 'vitrine'")).text).toContain('What it is');
      expect((await ask(engine.reader.url, 'SELECT count() FROM vitrine.shelf', 'max_execution_time=10')).text).toBe('1');
    });

    const refused: [string, string, string?][] = [
      ['insert', "INSERT INTO vitrine.shelf VALUES (2, 'x')"],
      ['create', 'CREATE TABLE vitrine.mine (a UInt64) ORDER BY a'],
      ['create a temporary table', 'CREATE TEMPORARY TABLE mine (a UInt64)'],
      ['drop', 'DROP TABLE vitrine.shelf'],
      ['truncate', 'TRUNCATE TABLE vitrine.shelf'],
      ['delete', 'ALTER TABLE vitrine.shelf DELETE WHERE 1'],
      ['read files', "SELECT * FROM file('/etc/passwd', 'LineAsString')"],
      ['read a file into a value', "SELECT file('/etc/passwd')"],
      ['read a file into a value by the old analyzer', "SELECT file('/etc/passwd') SETTINGS enable_analyzer = 0"],
      ['read a file into a lambda', "SELECT arrayMap(file, ['/etc/passwd'])"],
      ['read a file into columns', "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')"],
      ['read a file under another spelling', 'SELECT "\\x66ile"(\'/etc/passwd\')'],
      ['read a file into rows', "SELECT * FROM values('a String', file('/etc/passwd'))"],
      ['read a file into a filter', 'SELECT 1', `additional_result_filter=${encodeURIComponent("file('/etc/passwd') = ''")}`],
      ['write files', "INSERT INTO FUNCTION file('x.csv', 'CSV', 'a UInt64') SELECT 1"],
      ['write files as an answer', "SELECT 1 INTO OUTFILE '/tmp/vitrine-outfile'"],
      ['read addresses', "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"],
      ['read other servers', "SELECT * FROM remote('127.0.0.1:1', 'system.one')"],
      ['read through itself', "SELECT * FROM remote('127.0.0.1', 'default.secret')"],
      ['run programs', "SELECT * FROM executable('id', 'TabSeparated', 'a String')"],
      ['read other databases', 'SELECT * FROM default.secret'],
      ['see what others ask', 'SELECT * FROM system.processes'],
      ['see settings files', 'SELECT * FROM system.server_settings'],
      ['see users', 'SELECT * FROM system.users'],
      ['kill', "KILL QUERY WHERE query LIKE '%sleepEachRow%'"],
      ['stop listening', 'SYSTEM STOP LISTEN HTTP'],
      ['shut down', 'SYSTEM SHUTDOWN'],
      ['stop merges', 'SYSTEM STOP MERGES vitrine.shelf'],
      ['make users', 'CREATE USER mine'],
      ['give rights', 'GRANT SELECT ON *.* TO reader'],
      ['lift its time limit', 'SELECT 1', 'max_execution_time=0'],
      ['lift its time limit in SQL', 'SELECT 1 SETTINGS max_execution_time = 0'],
      ['lift its memory limit', 'SELECT 1', 'max_memory_usage=0'],
      ['raise its memory limit', 'SELECT 1', 'max_memory_usage=100000000000'],
      ['lift its disk limit', 'SELECT 1', 'max_temporary_data_on_disk_size_for_user=0'],
      ['leave readonly', 'SELECT 1', 'readonly=0'],
      ['open the tables to web pages', 'SELECT 1', 'add_http_cors_header=1'],
    ];
    it.each(refused)('not %s', async (...[, sql, settings]) => {
      const answer = await ask(engine.reader.url, sql, settings);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).toMatch(
        /ACCESS_DENIED|READONLY|SETTING_CONSTRAINT_VIOLATION|NOT_ENOUGH_PRIVILEGES|SUPPORT_IS_DISABLED|INTO_OUTFILE_NOT_ALLOWED|Cannot execute query in readonly mode|UNKNOWN_FUNCTION/,
      );
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    });
  });

  it('lets nobody else in', async () => {
    const { origin } = new URL(engine.url);
    const at = (user: string) => `${origin.replace('http://', `http://${user}@`)}`;
    for (const url of [
      origin,
      at('default'),
      at('default:x'),
      at('reader'),
      at('reader:x'),
      at('vitrine'),
      at('vitrine:x'),
      at('nobody:x'),
    ]) {
      const answer = await ask(url, 'SELECT 1');
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).toMatch(/AUTHENTICATION_FAILED|REQUIRED_PASSWORD|TOO_MANY_SIMULTANEOUS_QUERIES|QUOTA_EXCEEDED/);
    }
    for (const settings of ['session_id=mine', 'max_concurrent_queries_for_all_users=0', 'profile=default', 'quota_key=mine']) {
      for (const sql of [
        'SELECT 1',
        'SYSTEM STOP LISTEN HTTP',
        'KILL QUERY WHERE 1',
        'SHOW PROCESSLIST',
        'SELECT * FROM system.processes',
      ]) {
        expect((await ask(at('default'), sql, settings)).status).toBeGreaterThanOrEqual(400);
      }
    }
    for (const [user, password] of [
      ['default', ''],
      ['reader', 'x'],
      ['reader', ''],
      ['vitrine', 'x'],
      ['nobody', 'x'],
    ] as const) {
      const { hello } = await native(engine.nativePort, user, password, 'SELECT 1');
      expect(hello[0]).toBe(2);
      expect(hello.toString('latin1')).toContain('Authentication failed');
    }
    expect((await ask(engine.url, 'SELECT 1')).text).toBe('1');
  });

  it('outlives those who introduce themselves wrongly on the native port', async () => {
    const pid = engine.pid;
    const unknown = await native(engine.nativePort, 'reader', engine.reader.password, 'SELECT 1', 'nowhere');
    expect(unknown.hello.toString('latin1')).toContain('no such database');
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([7, 7, 7]),
      Buffer.from([0, 255, 255, 255, 255, 15, 1]),
      Buffer.alloc(10_000, 0x80),
    ]) {
      const socket = connect(engine.nativePort, '127.0.0.1');
      socket.write(bytes);
      await once(socket, 'close');
    }
    connect(engine.nativePort, '127.0.0.1').end(Buffer.from([0, 4]));
    expect((await native(engine.nativePort, 'reader', engine.reader.password, 'SELECT 1')).answer[0]).toBe(1);
    expect(engine.pid).toBe(pid);
  });

  it('is not reachable from other machines', async () => {
    const socket = connect(engine.httpPort, '127.0.0.2');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('refuses a second one on its folder, naming the process, and goes on', async () => {
    const said: string[] = [];
    const second = start({ folder: folders[0]!, onLog: (line) => said.push(line) });
    await expect(second).rejects.toMatchObject({ code: 'FOLDER_IN_USE', message: expect.stringContaining(`process ${engine.pid}`) });
    // One error says it all.
    expect(said).toEqual([]);
    expect((await ask(engine.url, 'SELECT 1')).text).toBe('1');
  });
});

describe('a start that cannot be', () => {
  it.each(['httpPort', 'nativePort'] as const)('says that the %s is taken', async (which) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(start({ folder: await newFolder(), [which]: port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: `port ${port} of 127.0.0.1 is already taken`,
    });
    server.close();
  });

  it('says that the folder cannot be written', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, '');
    await expect(start({ folder: join(file, 'clickhouse') })).rejects.toMatchObject({
      code: 'FOLDER_NOT_WRITABLE',
      message: expect.stringMatching(/^the data folder .* cannot be written: ENOTDIR/),
    });
  });

  it('says with what last words the engine died', async () => {
    const folder = await newFolder();
    const first = await start({ folder });
    await first.stop();
    await writeFile(join(folder, 'data', 'metadata', 'vitrine.sql'), 'no statement');
    await expect(start({ folder })).rejects.toMatchObject({
      code: 'ENGINE_DIED',
      message: expect.stringMatching(/^the embedded ClickHouse died at its start .*Syntax error/),
    });
  });

  it('asks for a password of the reader', async () => {
    await expect(start({ folder: await newFolder(), readerPassword: '' })).rejects.toMatchObject({ code: 'READER_PASSWORD_EMPTY' });
  });
});

describe('when a process is killed', () => {
  const parents: { kill(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const parent of parents) await parent.kill();
  });

  it('the engine ends with its parent, and a new parent takes the folder and the ports over', async () => {
    const folder = await newFolder();
    const parent = await startParent(folder);
    parents.push(parent);
    expect((await ask(parent.engine.url, 'SELECT 1')).text).toBe('1');
    await parent.kill();
    const heir = await start({ folder, httpPort: parent.engine.httpPort, nativePort: parent.engine.nativePort });
    expect((await ask(heir.url, 'SELECT 1')).text).toBe('1');
    expect(heir.pid).not.toBe(parent.engine.pid);
    expect(heir.url).toBe(parent.engine.url);
  });

  it('starts again on the same ports, with all acknowledged rows', async () => {
    const restarts: EngineRestart[] = [];
    const engine = await start({ folder: await newFolder(), restart: true, onRestart: (restart) => restarts.push(restart) });
    await ask(engine.url, 'CREATE TABLE vitrine.kept (a UInt64) ORDER BY a');
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      let up = true;
      const inserts = (async () => {
        while (up) {
          const answer = await ask(engine.url, `INSERT INTO vitrine.kept VALUES (${acknowledged})`).catch(() => undefined);
          if (answer?.status === 200) acknowledged++;
          else up = false;
        }
      })();
      await waitFor(() => acknowledged > 5 * (round + 1));
      const pid = engine.pid;
      process.kill(pid, 'SIGKILL');
      await inserts;
      await waitFor(() => engine.pid !== pid);
      expect(Number((await ask(engine.url, `SELECT uniqExact(a) FROM vitrine.kept WHERE a < ${acknowledged}`)).text)).toBe(acknowledged);
    }
    expect(restarts.map((one) => one.attempt)).toEqual([1, 2, 3]);
    expect(restarts[0]!.reason).toBe('ended by SIGKILL');
  });

  it('says so when it is not to be started again', async () => {
    let said = '';
    const engine = await start({
      folder: await newFolder(),
      onExit: (reason) => {
        said = reason;
      },
    });
    process.kill(engine.pid, 'SIGKILL');
    await waitFor(() => said !== '');
    expect(said).toBe('the embedded ClickHouse died: ended by SIGKILL');
  });

  it('gives up after repeated deaths, saying why', async () => {
    const folder = await newFolder();
    let said = '';
    const engine = await start({
      folder,
      restart: true,
      onExit: (reason) => {
        said = reason;
      },
    });
    await writeFile(join(folder, 'data', 'metadata', 'vitrine.sql'), 'no statement');
    process.kill(engine.pid, 'SIGKILL');
    await waitFor(() => said !== '', 30_000);
    expect(said).toMatch(/^the embedded ClickHouse died 6 times in a row and is not started again: .*Syntax error/);
  });
});
