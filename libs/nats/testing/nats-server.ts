import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NatsServerOptions {
  /** More of the server's configuration, such as users. */
  readonly config?: string;
}

/** A real nats-server with JetStream in a folder of its own, on a free port of loopback that it keeps over restarts. */
export interface NatsServerUnderTest {
  readonly url: string;
  readonly port: number;
  /** Where JetStream has its files. */
  readonly folder: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** After `kill`, on the same port. */
  start(): Promise<void>;
  /** Stands still for as long as it is frozen: connections stay, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Everything that JetStream has is gone; the server runs again when this returns. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

/** Throws when there is no `nats-server` (Debian: apt-get install nats-server): a test that needs it fails, it is not skipped. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServerUnderTest> {
  const version = spawnSync('nats-server', ['--version'], { encoding: 'utf8' });
  if (version.error !== undefined) throw new Error('this test needs nats-server 2.9 or newer in the PATH (apt-get install nats-server)');
  const server = new Server(await mkdtemp(join(tmpdir(), 'vitrine-nats-')), options.config ?? '');
  await server.start();
  return server;
}

class Server implements NatsServerUnderTest {
  port = -1;
  private process: ChildProcess | undefined;

  constructor(
    readonly folder: string,
    private readonly config: string,
  ) {}

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const file = join(this.folder, 'nats.conf');
    const store = join(this.folder, 'jetstream');
    await writeFile(file, `listen: "127.0.0.1:${this.port}"\njetstream { store_dir: ${JSON.stringify(store)} }\n${this.config}\n`);
    const started = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.process = started;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      started.stderr!.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (port !== undefined) this.port = Number(port);
        if (said.includes('Server is ready')) resolve();
      });
      started.once('exit', () => reject(new Error(`nats-server ended at once: ${said}`)));
    });
    started.stderr!.removeAllListeners('data').resume();
  }

  async kill(): Promise<void> {
    const running = this.process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  async wipe(): Promise<void> {
    await this.kill();
    await rm(join(this.folder, 'jetstream'), { recursive: true });
    await this.start();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
