/**
 * The child's program, written into the engine's folder: it runs beside nothing but Node, so that the engine can be started from sources and from the
 * compiled tree alike. What it is told stands in the environment variable VITRINE_ENGINE (`EngineOrders`).
 */
export interface EngineOrders {
  /** Module path of ffi-rs. */
  readonly ffi: string;
  readonly library: string;
  readonly config: string;
  readonly nativePort: number;
  /** Where ClickHouse itself listens for the native protocol. */
  readonly nativePortInside: number;
  /** User → SHA-256 of the password in hex. */
  readonly users: Readonly<Record<string, string>>;
  /** That clients of the native protocol may name, beside `vitrine` and ClickHouse's own. */
  readonly databases: readonly string[];
}

/**
 * ClickHouse runs on a thread of its own; Node's main thread does two things.
 * It sees the end of standard input, which is the end of the parent, however it ended. It leaves by SIGKILL: the library's destructors crash while its
 * threads run, and all that was acknowledged is on the disk.
 * It keeps the gate of the native protocol: in this library an error while a native connection introduces itself (a wrong password, an unknown database,
 * bytes that are no Hello) ends the whole process, so only introductions that ClickHouse will accept are passed on. What comes after is passed through.
 */
export const engineProgram = `'use strict';
const { createHash, timingSafeEqual } = require('node:crypto');
const net = require('node:net');
const { writeSync } = require('node:fs');
const orders = JSON.parse(process.env.VITRINE_ENGINE);
const { DataType, load, open } = require(orders.ffi);

const end = () => process.kill(process.pid, 'SIGKILL');
process.stdin.on('end', end).on('error', end).resume();

const helloBytesMax = 4096;
const helloMs = 10000;
const databases = ['', 'vitrine', 'default', 'system', 'information_schema', 'INFORMATION_SCHEMA', ...orders.databases];

/** Undefined: more bytes are needed. Throws when this is no client's Hello: kind 0, name, major, minor, revision, database, user, password. */
function readHello(bytes) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= bytes.length) throw undefined;
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error('a number too long');
  };
  const text = () => {
    const length = number();
    if (length > helloBytesMax) throw new Error('a text too long');
    if (at + length > bytes.length) throw undefined;
    at += length;
    return bytes.toString('utf8', at - length, at);
  };
  try {
    if (number() !== 0) throw new Error('no Hello');
    text();
    number();
    number();
    number();
    return { database: text(), user: text(), password: text() };
  } catch (error) {
    if (error !== undefined) throw error;
    return undefined;
  }
}

function refusalOf({ database, user, password }) {
  const wanted = Object.hasOwn(orders.users, user) ? orders.users[user] : '0'.repeat(64);
  const given = createHash('sha256').update(password, 'utf8').digest();
  if (!timingSafeEqual(given, Buffer.from(wanted, 'hex'))) {
    return [516, 'Authentication failed: password is incorrect, or there is no user with such name'];
  }
  return databases.includes(database) ? undefined : [81, 'There is no such database here; ask for vitrine'];
}

/** The packet Exception: kind 2, code, name, message, stack trace, none nested. */
function exception(code, message) {
  const text = (value) => {
    const bytes = Buffer.from(value);
    return [Buffer.from(bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]), bytes];
  };
  const number = Buffer.alloc(4);
  number.writeInt32LE(code);
  return Buffer.concat([Buffer.from([2]), number, ...text('DB::Exception'), ...text('DB::Exception: ' + message), ...text(''), Buffer.from([0])]);
}

function passOn(client, hello) {
  const inside = net.connect(orders.nativePortInside, '127.0.0.1');
  inside.setNoDelay(true);
  inside.write(hello);
  client.pipe(inside).pipe(client);
  for (const [one, other] of [[client, inside], [inside, client]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
}

const gate = net.createServer((client) => {
  client.setNoDelay(true);
  client.on('error', () => client.destroy());
  client.setTimeout(helloMs, () => client.destroy());
  let said = Buffer.alloc(0);
  const listen = (chunk) => {
    said = Buffer.concat([said, chunk]);
    let hello;
    try {
      hello = readHello(said);
    } catch {
      client.destroy();
      return;
    }
    if (hello === undefined) {
      if (said.length > helloBytesMax) client.destroy();
      return;
    }
    client.off('data', listen);
    client.pause();
    const refusal = refusalOf(hello);
    if (refusal !== undefined) {
      client.end(exception(...refusal));
      return;
    }
    client.setTimeout(0);
    passOn(client, said);
  };
  client.on('data', listen);
});
gate.maxConnections = 256;
gate.on('error', (error) => {
  writeSync(2, 'Listen [127.0.0.1]:' + orders.nativePort + ' failed: ' + error.message + '\\n');
  end();
});
gate.listen(orders.nativePort, '127.0.0.1');

const statements = [
  'SYSTEM START LISTEN TCP',
  'SYSTEM START LISTEN HTTP',
  'SELECT 1 FROM system.processes WHERE 1 IN (SELECT sleepEachRow(0.1) FROM system.numbers) FORMAT Null SETTINGS max_block_size=1',
];
const argv = ['clickhouse', '--config-file=' + orders.config, '--logger.level', 'warning', '--query', statements.join('; ')];
open({ library: 'chdb', path: orders.library });
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
  runInNewThread: true,
}).then(end, (error) => {
  writeSync(2, String(error) + '\\n');
  end();
});
`;
