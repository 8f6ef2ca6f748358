/** Vitrine as processes apart on this machine, behind HAProxy: what an operations team starts on several. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-ports.js';
import { Part } from './part.js';
import { Deployment, until } from './system.js';
import { type Wire, Wiring } from './wire.js';

const root = ['../', '../../']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => !path.endsWith('/dist/')) as string;

export interface SplitOptions {
  /** `file`: one LMDB folder that all processes share. `esdb`: our EventStoreDB test server, in a process of its own. An address: a server that runs. */
  readonly eventLog: 'file' | 'esdb' | `esdb://${string}` | `esdb+discover://${string}`;
  /** `file`: a folder that all processes share. `nats`: a real nats-server, which also keeps the customers' keys and says who leads. */
  readonly snapshots: 'file' | 'nats';
  /**
   * Each part gets a wire of its own to each server that it needs, and all together one to each snapshot builder’s images. The edge has none: a
   * connection that a wire has taken cannot be refused any more, and HAProxy asks the other node only when it is.
   */
  readonly wired?: boolean;
  /** A second projector and a second snapshot builder, which stand by, the builder on a disk of its own when there is NATS. */
  readonly doubled?: boolean;
}

/** Which server a setting names. */
const serverBehind: Readonly<Record<string, string>> = {
  VITRINE_EVENT_LOG: 'eventstoredb',
  VITRINE_SNAPSHOTS: 'nats-server',
  VITRINE_ANALYTICS: 'clickhouse',
  VITRINE_IMAGES_URL: 'images',
};

export class Split extends Deployment {
  private constructor(
    readonly adminKey: string,
    readonly env: Readonly<Record<string, string>>,
    readonly edge: string,
    readonly admin: string,
    readonly tables: string,
    /** What is there before the apps. */
    readonly servers: ReadonlyMap<string, Part>,
    readonly apps: ReadonlyMap<string, Part>,
    readonly data: string,
    private readonly wiring: Wiring,
    /** Where health and metrics of each app are. */
    private readonly operations: ReadonlyMap<string, string>,
  ) {
    super();
  }

  static async start(options: SplitOptions, more: Readonly<Record<string, string>> = {}): Promise<Split> {
    const data = mkdtempSync(join(tmpdir(), 'vitrine-split-'));
    const adminKey = `test-${randomBytes(24).toString('base64url')}`;
    const readerPassword = randomBytes(12).toString('hex');
    const [http, native, esdbPort, nats, edge, admin, ...others] = (await freePorts(16)) as [
      number,
      number,
      number,
      number,
      number,
      number,
      ...number[],
    ];
    const server = (name: string, command: [string, ...string[]], environment: Record<string, string>, sign?: string) =>
      new Part(name, command, environment, sign);
    const servers = new Map<string, Part>();
    const clickhouse = new Part(
      'clickhouse',
      [process.execPath, join(root, 'bin/vitrine.mjs'), 'clickhouse'],
      {
        VITRINE_DATA: data,
        VITRINE_ANALYTICS_PORT: String(http),
        VITRINE_ANALYTICS_NATIVE_PORT: String(native),
        VITRINE_READER_PASSWORD: readerPassword,
      },
      'ClickHouse is running',
      () => [Number(/^PID: (\d+)/m.exec(readFileSync(join(data, 'clickhouse', 'data', 'status'), 'utf8'))?.[1])],
    );
    servers.set('clickhouse', clickhouse);
    await clickhouse.start();
    if (options.eventLog === 'esdb') {
      mkdirSync(join(data, 'esdb'));
      const esdb = server(
        'eventstoredb',
        [
          process.execPath,
          join(root, 'dist/libs/event-log/testing/esdb-server-process.js'),
          '--port',
          String(esdbPort),
          '--file',
          join(data, 'esdb', 'log'),
        ],
        {},
        'esdb://',
      );
      servers.set('eventstoredb', esdb);
      await esdb.start();
    }
    if (options.snapshots === 'nats') {
      const natsServer = server(
        'nats-server',
        ['nats-server', '-js', '-sd', join(data, 'nats'), '-a', '127.0.0.1', '-p', String(nats)],
        {},
      );
      servers.set('nats-server', natsServer);
      await natsServer.start();
    }
    const [query1, query2, collector, ...ops] = others as [number, number, number, ...number[]];
    const shared = {
      VITRINE_DATA: data,
      VITRINE_SECRET: randomBytes(24).toString('hex'),
      VITRINE_ANALYTICS: /VITRINE_ANALYTICS=(\S+)/.exec(clickhouse.printed)?.[1] as string,
      VITRINE_EVENT_LOG:
        options.eventLog === 'file'
          ? 'file:'
          : options.eventLog === 'esdb'
            ? (/esdb:\/\/\S+/.exec(servers.get('eventstoredb')?.printed ?? '')?.[0] as string)
            : options.eventLog,
      VITRINE_SNAPSHOTS: options.snapshots === 'file' ? 'file:' : `nats://127.0.0.1:${nats}`,
      VITRINE_IMAGES_URL: options.snapshots === 'file' ? '' : `http://127.0.0.1:${ops[1]}`,
      VITRINE_INCREMENT_SECONDS: '1',
      VITRINE_PUBLIC_URL: `http://127.0.0.1:${edge}`,
      VITRINE_ADMIN_KEY: adminKey,
      ...more,
    };
    const wiring = new Wiring(options.wired ?? false);
    const apps = new Map<string, Part>();
    const opsOf = new Map<string, number>([['admin', admin]]);
    const app = async (
      name: string,
      kind: string,
      ports: Record<string, number>,
      needs: readonly (keyof typeof shared)[],
      own: Partial<typeof shared> = {},
    ) => {
      const given = { ...shared, ...own };
      const settings: Record<string, string> = { ...given, VITRINE_NODE: name };
      if (ports['VITRINE_OPS_PORT'] !== undefined) opsOf.set(name, ports['VITRINE_OPS_PORT']);
      for (const [setting, port] of Object.entries(ports)) settings[setting] = String(port);
      for (const setting of needs) settings[setting] = await wiring.between(name, serverBehind[setting] as string, given[setting]);
      apps.set(name, new Part(name, [process.execPath, join(root, `dist/apps/${kind}/main.js`)], settings, '"running"'));
    };
    const [log, snapshots, analytics] = ['VITRINE_EVENT_LOG', 'VITRINE_SNAPSHOTS', 'VITRINE_ANALYTICS'] as const;
    await app('admin', 'admin', { VITRINE_ADMIN_PORT: admin }, [log, snapshots, analytics]);
    await app('projector', 'projector', { VITRINE_OPS_PORT: ops[0] as number }, [log, snapshots, analytics]);
    // The builder announces where its images are: the wire to them is one for all.
    const builderNeeds = [log, snapshots, analytics, 'VITRINE_IMAGES_URL'] as const;
    await app('snapshot-builder', 'snapshot-builder', { VITRINE_OPS_PORT: ops[1] as number }, builderNeeds);
    if (options.doubled === true) {
      await app('projector-2', 'projector', { VITRINE_OPS_PORT: ops[5] as number }, [log, snapshots, analytics]);
      const own =
        options.snapshots === 'file' ? {} : { VITRINE_DATA: join(data, 'second'), VITRINE_IMAGES_URL: `http://127.0.0.1:${ops[6]}` };
      await app('snapshot-builder-2', 'snapshot-builder', { VITRINE_OPS_PORT: ops[6] as number }, builderNeeds, own);
    }
    await app('collector', 'collector', { VITRINE_EDGE_PORT: collector, VITRINE_OPS_PORT: ops[2] as number }, [log, snapshots]);
    await app('query-1', 'content-query', { VITRINE_EDGE_PORT: query1, VITRINE_OPS_PORT: ops[3] as number }, [log, snapshots]);
    await app('query-2', 'content-query', { VITRINE_EDGE_PORT: query2, VITRINE_OPS_PORT: ops[4] as number }, [log, snapshots]);
    const haproxy = server('haproxy', ['haproxy', '-f', join(root, 'deploy/haproxy/haproxy.cfg')], {
      VITRINE_EDGE_BIND: `127.0.0.1:${edge}`,
      VITRINE_QUERY_1: `127.0.0.1:${query1}`,
      VITRINE_QUERY_2: `127.0.0.1:${query2}`,
      VITRINE_COLLECTOR_1: `127.0.0.1:${collector}`,
    });
    servers.set('haproxy', haproxy);
    const tables = `http://reader:${readerPassword}@127.0.0.1:${http}`;
    const split = new Split(
      adminKey,
      shared,
      `http://127.0.0.1:${edge}`,
      `http://127.0.0.1:${admin}`,
      tables,
      servers,
      apps,
      data,
      wiring,
      new Map([...opsOf].map(([name, port]) => [name, `http://127.0.0.1:${port}`])),
    );
    try {
      await split.startApps();
      await haproxy.start();
      await split.upAtEdge();
      if (options.eventLog.includes('://')) await split.hasWhatTheLogHeld();
    } catch (error) {
      const said = split.complaints;
      await split.dispose();
      throw new Error(`the split deployment did not come up; its processes said:\n${said.slice(-4000)}`, { cause: error });
    }
    return split;
  }

  /** Of a wired deployment. */
  get wires(): readonly Wire[] {
    return this.wiring.wires;
  }

  get metrics(): readonly string[] {
    return [...this.operations.values()].map((address) => `${address}/metrics`);
  }

  /** Whether one of the apps says of itself that it is ready. */
  async isReady(app: string): Promise<boolean> {
    return fetch(`${this.operations.get(app)}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  get adminArguments(): readonly string[] {
    return ['--admin', this.admin];
  }

  get printed(): string {
    return [...this.apps.values()].map((part) => part.printed).join('\n');
  }

  get complaints(): string {
    return [...this.apps.values(), ...this.servers.values()].map((part) => `${part.name}: ${part.complaints}`).join('\n');
  }

  async stop(): Promise<number | null> {
    const ends = await Promise.all(
      [...this.apps.values()].map(async (part) => ({ name: part.name, code: await part.end('SIGINT'), said: part.complaints })),
    );
    const bad = ends.filter(({ code }) => code !== 0);
    if (bad.length > 0) console.error(bad);
    return bad[0]?.code ?? 0;
  }

  async kill(): Promise<void> {
    await Promise.all([...this.apps.values()].map((part) => part.end('SIGKILL')));
  }

  async restart(): Promise<void> {
    await this.startApps();
    await this.upAtEdge();
  }

  async dispose(): Promise<void> {
    await this.stop();
    await Promise.all([...this.servers.values()].map((part) => part.end('SIGTERM')));
    await this.wiring.close();
    rmSync(this.data, { recursive: true, force: true, maxRetries: 5 });
  }

  private async startApps(): Promise<void> {
    await Promise.all([...this.apps.values()].map((part) => part.start()));
  }

  /** A server's log may hold much of others, and what is new is in the tables only behind it. */
  private async hasWhatTheLogHeld(): Promise<void> {
    await until('the projector is live', 900_000, async () => (await this.metric('vitrine_projector_state{state="live"}')) === 1);
  }

  private async upAtEdge(): Promise<void> {
    await until('HAProxy has seen its nodes', 20_000, async () => {
      const answers = await Promise.allSettled([
        // What a page asks first. `/health/ready` would give the connection to Node's server, and HAProxy asks the rest of it there.
        fetch(`${this.edge}/tag.js`),
        fetch(`${this.edge}/e/nobody`, { method: 'POST', body: '{"batch":[]}' }),
      ]);
      return answers.every((answer) => answer.status === 'fulfilled' && answer.value.status !== 503);
    });
  }
}
