import { resolve } from 'node:path';
import { EngineStartError } from './engine-errors.js';
import { defaultMemoryBytesMax, type EngineCluster, type EngineLayout, type EngineUser, keptPassword, makeFolder } from './engine-files.js';
import { type EngineProcess, freePorts, startEngineProcess } from './engine-process.js';

export interface EmbeddedClickHouseOptions {
  /** The engine's own folder, made when absent (mode 700). */
  readonly folder: string;
  /** 0: a free one. */
  readonly httpPort: number;
  /** 0: a free one. */
  readonly nativePort: number;
  /** Of the user `reader`; absent: generated at the first start and kept in the folder. */
  readonly readerPassword?: string;
  /** Further users, each with these rights and no others. */
  readonly users?: readonly EngineUser[];
  /** Databases beside `vitrine` that clients of the native protocol may name when they introduce themselves. */
  readonly databases?: readonly string[];
  /** Makes the engine one of the shards of a cluster of such engines. */
  readonly cluster?: EngineCluster;
  /** All that the engine may use; a quarter of the machine's memory, between 1 and 6 GiB, when absent. */
  readonly memoryBytesMax?: number;
  /** Start it again on the same ports when it dies. */
  readonly restart?: boolean;
  /** It died and is being started again after `delayMs`. */
  readonly onRestart?: (restart: EngineRestart) => void;
  /** It is gone for good without having been stopped: it died, and `restart` is off or was of no use. Never called after `stop`. */
  readonly onExit: (reason: string) => void;
  /** What the engine itself says (warnings and worse), a line at a time. */
  readonly onLog?: (line: string) => void;
}

export interface EngineRestart {
  readonly reason: string;
  /** From 1; how many deaths lie behind it without a quiet minute between. */
  readonly attempt: number;
  readonly delayMs: number;
}

export interface EmbeddedClickHouse {
  /** `http://user:password@127.0.0.1:port`: the apps' user, who may do everything. */
  readonly url: string;
  readonly database: 'vitrine';
  readonly httpPort: number;
  readonly nativePort: number;
  /** For people and their tools: may read `vitrine.*` and nothing else. */
  readonly reader: { readonly user: 'reader'; readonly password: string; readonly url: string };
  /** Of the process that runs now; another one after a restart. */
  readonly pid: number;
  /** Ends it in order; resolves when the process is gone. */
  stop(): Promise<void>;
}

/** Before it is started again after the first death, the second, …; after one more without `quietMs` between them the supervisor gives up. */
const delaysMs = [0, 100, 500, 2_000, 5_000];
const quietMs = 60_000;
/** How long a predecessor, whose parent was just killed, may take to leave the folder and the ports. */
const handOverMs = 2_000;

/**
 * Starts ClickHouse (the library of the npm package chdb) as a child process on loopback. It ends with this process, however that ends.
 * @throws EngineStartError with one line for people.
 */
export async function startEmbeddedClickHouse(options: EmbeddedClickHouseOptions): Promise<EmbeddedClickHouse> {
  if (options.readerPassword === '') {
    // Without one, any page open in a browser of that machine could read the tables.
    throw new EngineStartError('READER_PASSWORD_EMPTY', 'the password of the user reader must not be empty');
  }
  const folder = resolve(options.folder);
  await makeFolder(folder);
  const [freeHttp, freeNative] = (await freePorts(2)) as [number, number];
  const layout: EngineLayout = {
    folder,
    httpPort: options.httpPort || freeHttp,
    nativePort: options.nativePort || freeNative,
    memoryBytesMax: options.memoryBytesMax ?? defaultMemoryBytesMax(),
    password: await keptPassword(folder, 'password'),
    readerPassword: options.readerPassword ?? (await keptPassword(folder, 'reader-password')),
    users: options.users ?? [],
    databases: options.databases ?? [],
    cluster: options.cluster,
  };

  const supervisor = new Supervisor(layout, options);
  await supervisor.start();
  const address = (user: string, password: string) => `http://${user}:${encodeURIComponent(password)}@127.0.0.1:${layout.httpPort}`;
  return {
    url: address('vitrine', layout.password),
    database: 'vitrine',
    httpPort: layout.httpPort,
    nativePort: layout.nativePort,
    reader: { user: 'reader', password: layout.readerPassword, url: address('reader', layout.readerPassword) },
    get pid() {
      return supervisor.pid;
    },
    stop: () => supervisor.stop(),
  };
}

class Supervisor {
  private current: EngineProcess | undefined;
  private stopping = false;
  private starting: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;

  constructor(
    private readonly layout: EngineLayout,
    private readonly options: EmbeddedClickHouseOptions,
  ) {}

  get pid(): number {
    return this.current?.pid ?? 0;
  }

  async start(): Promise<void> {
    this.current = await startAfterPredecessor(this.layout, this.onLog);
    void this.watch(this.current);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.starting;
    await this.current?.stop();
  }

  /** What it says of being stopped is no news. */
  private readonly onLog = (line: string): void => {
    if (!this.stopping) this.options.onLog?.(line);
  };

  private async watch(first: EngineProcess): Promise<void> {
    let running = first;
    let startedAt = Date.now();
    let deaths = 0;
    for (;;) {
      let reason = await running.exited;
      for (;;) {
        if (this.stopping) return;
        deaths = Date.now() - startedAt > quietMs ? 1 : deaths + 1;
        if (!this.options.restart) return this.options.onExit(`the embedded ClickHouse died: ${reason}`);
        if (deaths > delaysMs.length) {
          return this.options.onExit(`the embedded ClickHouse died ${deaths} times in a row and is not started again: ${reason}`);
        }
        const delayMs = delaysMs[deaths - 1]!;
        this.options.onRestart?.({ reason, attempt: deaths, delayMs });
        await this.pause(delayMs);
        if (this.stopping) return;
        startedAt = Date.now();
        const failure = await this.again();
        if (failure === undefined) break;
        reason = failure;
      }
      running = this.current!;
    }
  }

  /** Resolves with the reason when it does not start. */
  private async again(): Promise<string | undefined> {
    let failure: string | undefined;
    this.starting = startAfterPredecessor(this.layout, this.onLog).then(
      (engine) => {
        this.current = engine;
      },
      (error: Error) => {
        failure = error.message;
      },
    );
    await this.starting;
    return failure;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function startAfterPredecessor(layout: EngineLayout, onLog: (line: string) => void): Promise<EngineProcess> {
  const deadline = Date.now() + handOverMs;
  for (;;) {
    try {
      return await startEngineProcess(layout, onLog);
    } catch (error) {
      const passing = error instanceof EngineStartError && ['FOLDER_IN_USE', 'PORT_TAKEN'].includes(error.code);
      if (!passing || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
