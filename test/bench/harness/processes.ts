/** Servers that a row measures, ours and others: started on one core, waited for, ended, gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { clean, collect, until } from '../../system.js';
import { withChildren } from './cpu.js';

/** The project's folder, from the source and from dist/. */
export const root = ['../../../', '../../../../']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(`${path}package.json`) && !path.endsWith('/dist/')) as string;

/** The server has this core, the load generator the other. */
export const serverCore = 0;
export const loadCore = 1;

export interface Server {
  readonly name: string;
  readonly url: string;
  /** All processes whose work is the answer. */
  pids(): readonly number[];
  /** All that it has said. */
  output(): string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly url: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Null: any core. */
  readonly core?: number | null;
  /** Until it takes connections and this holds; the port alone when absent. Ten million customers take a server minutes on a busy machine. */
  readonly ready?: (output: string) => boolean | Promise<boolean>;
  readonly startMsMax?: number;
}

/** As the image of deploy/docker has it, and for peers alike: large tables in large pages, where the kernel gives them on request. */
const largePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

const running = new Set<ChildProcess>();

/** Ends at once whatever was started here: for a run that is broken off. */
export async function killAll(): Promise<void> {
  const ended = [...running].map((child) => once(child, 'close'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ended);
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const { name, command, url, environment = {}, core = serverCore } = options;
  const [program, ...args] = core === null ? command : (['taskset', '-c', String(core), ...command] as const);
  const child = spawn(program, args, { cwd: root, env: clean({ ...largePages, ...environment }), stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  const output = collect(child);
  const said = () => `${output().stdout}${output().stderr}`;
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const server: Server = {
    name,
    url,
    pids: () => withChildren(child.pid as number),
    output: said,
    stop: () => end(child),
  };
  try {
    await until(`${name} answers`, options.startMsMax ?? 600_000, async () => {
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said().slice(-2000)}`);
      return (await takesConnections(url)) && (options.ready === undefined || (await options.ready(output().stdout)));
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  // One that does not end in time has nothing to lose here.
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await closed;
  clearTimeout(late);
}

function takesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Below the ports that the system gives to outgoing connections, of which the load generator has many: one of those would be taken again by then. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
