/** Starts Vitrine as a user would, in processes of its own, and talks to it over HTTP only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Beside the source or, compiled, in dist/test.
const command = ['../bin/vitrine.mjs', '../../bin/vitrine.mjs']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync) as string;

/** How a command of `vitrine` ended, with all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `vitrine <args>` to its end. */
export async function vitrine(args: readonly string[], environment: Readonly<Record<string, string>>, input?: Buffer): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], { env: clean(environment), stdio: ['pipe', 'pipe', 'pipe'] });
  const output = collect(child);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output() };
}

export interface GraphQlAnswer<Data> {
  readonly data: Data;
  readonly errors?: readonly { message: string; extensions: { code: string } }[];
}

// biome-ignore lint/suspicious/noExplicitAny: answers of many queries, looked into by tests.
type Loose = any;

/** A running deployment, talked to over HTTP only. */
export abstract class Deployment {
  abstract readonly adminKey: string;
  /** Of all processes: for commands beside them. */
  abstract readonly env: Readonly<Record<string, string>>;
  abstract get edge(): string;
  abstract get admin(): string;
  /** ClickHouse over HTTP as the user `reader`. */
  abstract get tables(): string;
  /** Addresses of the metrics of all its processes. */
  abstract get metrics(): readonly string[];
  /** All that its processes have said on standard error. */
  abstract get complaints(): string;
  /** And what they have printed. */
  abstract get printed(): string;
  /** Folder of all that it keeps on this machine. */
  abstract readonly data: string;
  /** For commands that ask the admin: where it is, when the data folder does not say. */
  abstract readonly adminArguments: readonly string[];
  /** Ends it as Ctrl-C does; the largest exit code. */
  abstract stop(): Promise<number | null>;
  abstract kill(): Promise<void>;
  /** Starts it again on what it had. */
  abstract restart(): Promise<void>;
  abstract dispose(): Promise<void>;

  /** The whole answer to a GraphQL operation, refusals and errors included. */
  async graphql<Data = Loose>(
    query: string,
    variables: object = {},
    options: { key?: string | null; after?: string } = {},
  ): Promise<GraphQlAnswer<Data>> {
    const key = options.key === undefined ? this.adminKey : options.key;
    const response = await fetch(`${this.admin}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(options.after === undefined ? {} : { 'vitrine-after': options.after }),
      },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphQlAnswer<Data>;
  }

  /** The data of an operation that must succeed. */
  async ask(query: string, variables: object = {}, options: { key?: string; after?: string } = {}): Promise<Loose> {
    const answer = await this.graphql(query, variables, options);
    if (answer.errors !== undefined) throw new Error(`${JSON.stringify(answer.errors)}\n${this.complaints.slice(-2000)}`);
    return answer.data;
  }

  /** A mutation by name that must not be refused; its payload. */
  async command(name: string, inputType: string, input: object, fields = 'position'): Promise<Loose> {
    const data = await this.ask(
      `mutation ($input: ${inputType}) { ${name}(input: $input) { ${fields} userErrors { code message field } } }`,
      { input },
    );
    const payload = data[name];
    if (payload.userErrors.length > 0) throw new Error(`${name}: ${JSON.stringify(payload.userErrors)}`);
    return payload;
  }

  async decide(clientId: string, campaignId: string, parameters: Readonly<Record<string, string>> = {}): Promise<Loose> {
    const response = await fetch(`${this.edge}/q/${clientId}/${campaignId}?${new URLSearchParams(parameters)}`);
    return response.json();
  }

  async behave(clientId: string, batch: readonly object[], options: { key?: string; wait?: boolean } = {}): Promise<Loose> {
    const response = await fetch(`${this.edge}/e/${clientId}${options.wait ? '?wait=log' : ''}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }) },
      body: JSON.stringify({ batch }),
    });
    if (response.status !== 202) throw new Error(`POST /e answered ${response.status}: ${await response.text()}`);
    return response.json();
  }

  /** Rows of a ClickHouse query asked as `reader` over plain HTTP. */
  async select(query: string): Promise<Loose[]> {
    const url = new URL(this.tables);
    const response = await fetch(`${url.origin}/?database=vitrine&default_format=JSON`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${url.username}:${decodeURIComponent(url.password)}`).toString('base64')}` },
      body: query,
    });
    if (!response.ok) throw new Error(await response.text());
    return ((await response.json()) as { data: Loose[] }).data;
  }

  /** The sum of a counter over all processes; 0 when none has it. */
  async metric(name: string): Promise<number> {
    const texts = await Promise.all(this.metrics.map(async (address) => (await fetch(address)).text()));
    const values = texts.flatMap((text) => text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Waits until all nodes answer by what the log said up to this position. */
  async live(clientId: string, position: string, kind: 'PLAYBOOK' | 'AUDIENCE'): Promise<void> {
    await until(`${kind} live at ${position}`, 30_000, async () => {
      const data = await this.ask('query ($c: ID!, $p: Position!, $k: SnapshotKind) { isLive(clientId: $c, position: $p, kind: $k) }', {
        c: clientId,
        p: position,
        k: kind,
      });
      return data.isLive === true;
    });
  }
}

/** A standalone system of the test's own: free ports, its own data folder. */
export class System extends Deployment {
  readonly adminArguments = [];

  private constructor(
    private child: ChildProcess,
    readonly data: string,
    readonly adminKey: string,
    readonly env: Readonly<Record<string, string>>,
    private addresses: Addresses,
    private output: () => { stdout: string; stderr: string },
  ) {
    super();
  }

  static async start(more: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<System> {
    const data = more['VITRINE_DATA'] ?? mkdtempSync(join(tmpdir(), 'vitrine-test-'));
    const adminKey = more['VITRINE_ADMIN_KEY'] ?? `test-${randomBytes(24).toString('base64url')}`;
    const environment = {
      VITRINE_EDGE_PORT: '0',
      VITRINE_ADMIN_PORT: '0',
      VITRINE_ANALYTICS_PORT: '0',
      VITRINE_ANALYTICS_NATIVE_PORT: '0',
      VITRINE_INCREMENT_SECONDS: '1',
      ...more,
      VITRINE_DATA: data,
      VITRINE_ADMIN_KEY: adminKey,
    };
    const { child, addresses, output } = await launch(environment, args);
    return new System(child, data, adminKey, environment, addresses, output);
  }

  get edge(): string {
    return this.addresses.edge;
  }
  get admin(): string {
    return this.addresses.admin;
  }
  get tables(): string {
    return this.addresses.tables;
  }
  get pid(): number {
    return this.child.pid as number;
  }
  get printed(): string {
    return this.output().stdout;
  }
  get metrics(): readonly string[] {
    return [`${this.admin}/metrics`];
  }
  get complaints(): string {
    return this.output().stderr;
  }

  /** Ends it as Ctrl-C does; the exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    this.child.kill('SIGINT');
    const [code] = (await once(this.child, 'close')) as [number | null];
    return code;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'close');
  }

  /** Starts it again on the same folder; with other settings where `more` says so. */
  async restart(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const { child, addresses, output } = await launch({ ...this.env, ...more }, []);
    this.child = child;
    this.addresses = addresses;
    this.output = output;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.data, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface Addresses {
  readonly edge: string;
  readonly admin: string;
  readonly tables: string;
}

async function launch(environment: Readonly<Record<string, string>>, args: readonly string[]) {
  const child = spawn(process.execPath, [command, 'start', ...args], { env: clean(environment), stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  await until(`standalone is up`, 90_000, () => {
    if (child.exitCode !== null) throw new Error(`standalone ended with ${child.exitCode}: ${output().stderr}${output().stdout}`);
    return output().stdout.includes('Vitrine is running');
  });
  const about = JSON.parse(readFileSync(join(environment['VITRINE_DATA'] as string, 'standalone.lock'), 'utf8')).about as Addresses;
  return { child, addresses: about, output };
}

export function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return () => ({ stdout, stderr });
}

/** Settings of every process that this test file starts, beneath what each is given: for specs that run others once more under other settings. */
export const everywhere: Record<string, string> = {};

/** The environment without the caller's own settings. */
export function clean(environment: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !name.startsWith('VITRINE_') && name !== 'NODE_OPTIONS',
  );
  return { ...(Object.fromEntries(inherited) as Record<string, string>), ...everywhere, ...environment };
}

/** Waits for a condition, with a limit; the error names what did not come. */
export async function until(what: string, limitMs: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not come within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
