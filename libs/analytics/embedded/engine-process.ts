import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EngineStartError } from './engine-errors.js';
import { type EngineLayout, engineModules, sha256, writeEngineFiles } from './engine-files.js';
import type { EngineOrders } from './engine-program.js';

/** One run of the engine's process, which answers. */
export interface EngineProcess {
  readonly pid: number;
  /** Resolves when the process is gone, with one line that says how. */
  readonly exited: Promise<string>;
  /** Ends it in order; after `stop` has resolved the folder and the ports are free. */
  stop(): Promise<void>;
}

const startLimitMs = 30_000;
/** ClickHouse waits for idle connections before it ends; what was acknowledged is on the disk, so it need not be waited for long. */
const stopLimitMs = 1_500;
const stderrLinesKept = 20;

/**
 * Starts the process and waits until it answers the apps' user.
 * @throws EngineStartError PORT_TAKEN, FOLDER_IN_USE, ENGINE_DIED
 */
export async function startEngineProcess(layout: EngineLayout, onLog: (line: string) => void): Promise<EngineProcess> {
  const { library, ffi } = engineModules();
  for (const port of [layout.httpPort, layout.nativePort]) await requireFreePort(port);
  const [nativePortInside] = (await freePorts(1)) as [number];
  // At each start: another engine that was refused this folder has left its own there.
  await writeEngineFiles(layout, nativePortInside);

  const orders: EngineOrders = {
    ffi,
    library,
    config: join(layout.folder, 'config.xml'),
    nativePort: layout.nativePort,
    nativePortInside,
    users: Object.fromEntries(
      [{ name: 'vitrine', password: layout.password }, { name: 'reader', password: layout.readerPassword }, ...layout.users].map(
        ({ name, password }) => [name, sha256(password)],
      ),
    ),
    databases: layout.databases,
  };
  // A session of its own: Ctrl-C reaches the apps alone, which end the engine in their order. Nothing of the parent's environment is its business.
  const child = spawn(process.execPath, [join(layout.folder, 'engine.cjs')], {
    cwd: join(layout.folder, 'data'),
    env: { TZ: 'UTC', PATH: process.env['PATH'] ?? '', VITRINE_ENGINE: JSON.stringify(orders) },
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  // An engine that died has closed its end; its exit is reported below.
  child.stdin.on('error', () => undefined);

  const stderr: string[] = [];
  let answered = false;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.trim() === '') return;
    stderr.push(line.slice(0, 1000));
    if (stderr.length > stderrLinesKept) stderr.shift();
    // What a start that fails says of itself stands in its one error.
    if (answered) onLog(line);
  });

  let gone: string | undefined;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // `close` comes after the last of stderr, unlike `exit`.
    child.once('close', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`));
  }).then((how) => {
    gone = how;
    return how;
  });

  const deadline = Date.now() + startLimitMs;
  while (gone === undefined && !(await answers(layout))) {
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      await exited;
      throw new EngineStartError('ENGINE_DIED', `the embedded ClickHouse did not answer within ${startLimitMs / 1000} s: ${tail(stderr)}`);
    }
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 25))]);
  }
  if (gone !== undefined) throw await startError(layout, gone, stderr);
  answered = true;
  for (const line of stderr) onLog(line);

  return {
    pid: child.pid!,
    exited: exited.then((how) => (stderr.length === 0 ? how : `${how}: ${tail(stderr)}`)),
    async stop() {
      if (gone !== undefined) return;
      const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
      // Ends the query that keeps the engine up; the answer may be cut off by the end itself, which `exited` then tells.
      await ask(layout, "KILL QUERY WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%KILL%' ASYNC", stopLimitMs).catch(
        () => undefined,
      );
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Names the cause that a person can do something about. */
async function startError(layout: EngineLayout, how: string, stderr: readonly string[]): Promise<EngineStartError> {
  const text = stderr.join('\n');
  if (text.includes('Cannot lock file')) {
    const holder = await readFile(join(layout.folder, 'data', 'status'), 'utf8').catch(() => '');
    const pid = /PID: (\d+)/.exec(holder)?.[1];
    const by = pid === undefined ? 'another ClickHouse' : `another ClickHouse (process ${pid})`;
    return new EngineStartError('FOLDER_IN_USE', `the data folder ${layout.folder} is in use by ${by}`);
  }
  const taken = /Listen \[127\.0\.0\.1\]:(\d+) failed/.exec(text)?.[1];
  if (taken !== undefined) return portTaken(Number(taken));
  return new EngineStartError('ENGINE_DIED', `the embedded ClickHouse died at its start (${how}): ${tail(stderr)}`);
}

function tail(stderr: readonly string[]): string {
  return stderr.length === 0 ? 'it said nothing' : stderr.slice(-3).join(' | ');
}

function portTaken(port: number): EngineStartError {
  return new EngineStartError('PORT_TAKEN', `port ${port} of 127.0.0.1 is already taken`);
}

function requireFreePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? portTaken(port)
          : new EngineStartError('PORT_TAKEN', `port ${port} of 127.0.0.1 cannot be used: ${error.message}`, { cause: error }),
      ),
    );
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
  });
}

/** So many ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

/** Whether this engine, not somebody else's on that port, is ready: only it knows the password. */
async function answers(layout: EngineLayout): Promise<boolean> {
  return (await ask(layout, 'CREATE DATABASE IF NOT EXISTS vitrine ENGINE = Atomic', 5_000).catch(() => 0)) === 200;
}

/** Resolves with the HTTP status. */
function ask(layout: EngineLayout, sql: string, limitMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: layout.httpPort,
        method: 'POST',
        auth: `vitrine:${layout.password}`,
        agent: false,
        timeout: limitMs,
      },
      (response) =>
        response
          .resume()
          .once('error', reject)
          .once('end', () => resolve(response.statusCode ?? 0)),
    );
    call.once('timeout', () => call.destroy(new Error('timeout'))).once('error', reject);
    call.end(sql);
  });
}
