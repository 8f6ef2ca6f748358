import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type ConnectionOptions, connect, credsAuthenticator, Events, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import { NatsRefused, NatsUnavailable } from './errors.js';
import { keyPart } from './key-part.js';

export interface NatsOptions {
  /** `nats://user:password@host:4222` or `tls://…`; several servers of one cluster with commas between. A user name without a password is a token. */
  readonly url: string;
  /** A file of NATS credentials (JWT and key) in place of user and password. */
  readonly credentialsFile?: string;
  /** PEM files; the system's authorities are trusted when `caFile` is absent. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Shown in the server's list of connections. */
  readonly name?: string;
  /** Tells in one line that the connection was lost or is there again. */
  readonly report?: (message: string) => void;
}

export interface RequestOptions {
  readonly headers?: MsgHdrs;
  /** 3,000 when absent. */
  readonly timeoutMs?: number;
}

const firstAttemptMs = 3_000;
const requestTimeoutMs = 3_000;
const reconnectMsMin = 100;
const reconnectMsMax = 1_000;
const pingIntervalMs = 3_000;

/**
 * A connection that is always being kept: lost, it is made again, for ever. While it is away every request fails at once, and nothing waits
 * in a queue to be sent later, when it may no longer be true.
 */
export interface NatsLink {
  readonly connected: boolean;
  /** @throws NatsUnavailable when there is no connection, no answer in time, or nobody who answers. */
  request(subject: string, payload: Uint8Array | string, options?: RequestOptions): Promise<Msg>;
  /** From now on and after each reconnection; messages in between are lost. Returns how to end it. */
  subscribe(subject: string, heard: (message: Msg) => void): () => void;
  /** Called at each connection, and now when there is one. Returns how to end it. */
  onConnected(callback: () => void): () => void;
  close(): Promise<void>;
}

/**
 * Resolves when connected, or when the servers could not be reached at once: then it goes on trying.
 * @throws NatsRefused when a server refuses the user, the password or the certificate.
 */
export async function openNats(options: NatsOptions): Promise<NatsLink> {
  const link = new KeptConnection(await connectionOptions(options), options);
  await link.start();
  return link;
}

class KeptConnection implements NatsLink {
  private connection: NatsConnection | undefined;
  private running: Promise<void> | undefined;
  private readonly ending = new AbortController();
  private readonly callbacks = new Set<() => void>();
  private readonly subscriptions = new Map<object, { readonly subject: string; readonly heard: (message: Msg) => void }>();
  private readonly live = new Map<object, { unsubscribe(): void }>();

  constructor(
    private readonly settings: ConnectionOptions,
    private readonly options: NatsOptions,
  ) {}

  get connected(): boolean {
    return this.connection !== undefined;
  }

  async start(): Promise<void> {
    let first: NatsConnection | undefined;
    try {
      first = await connect(this.settings);
    } catch (error) {
      if (isRefusal(error)) throw new NatsRefused(`NATS at ${this.servers} refuses: ${lineOf(error)}`, { cause: error });
      this.report(`NATS at ${this.servers} cannot be reached: ${lineOf(error)}`);
    }
    this.running = this.keep(first);
  }

  async request(subject: string, payload: Uint8Array | string, options: RequestOptions = {}): Promise<Msg> {
    const { connection } = this;
    if (connection === undefined) throw new NatsUnavailable('there is no connection to NATS');
    try {
      return await connection.request(subject, payload, {
        timeout: options.timeoutMs ?? requestTimeoutMs,
        ...(options.headers === undefined ? {} : { headers: options.headers }),
      });
    } catch (error) {
      throw new NatsUnavailable(`NATS: ${subject}: ${lineOf(error)}`, { cause: error });
    }
  }

  subscribe(subject: string, heard: (message: Msg) => void): () => void {
    const key = {};
    this.subscriptions.set(key, { subject, heard });
    if (this.connection !== undefined) this.listen(this.connection, key);
    return () => {
      this.subscriptions.delete(key);
      this.live.get(key)?.unsubscribe();
      this.live.delete(key);
    };
  }

  onConnected(callback: () => void): () => void {
    this.callbacks.add(callback);
    if (this.connection !== undefined) callback();
    return () => this.callbacks.delete(callback);
  }

  async close(): Promise<void> {
    this.ending.abort();
    this.callbacks.clear();
    await this.connection?.close();
    await this.running;
  }

  private async keep(first: NatsConnection | undefined): Promise<void> {
    let next = first;
    let waitMs = reconnectMsMin;
    let said = first === undefined ? 'away' : '';
    while (!this.ending.signal.aborted) {
      try {
        next ??= await connect(this.settings);
      } catch (error) {
        const line = isRefusal(error) ? `NATS at ${this.servers} refuses: ${lineOf(error)}` : 'away';
        if (line !== said && line !== 'away') this.report(line);
        said = line;
        await pause(waitMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
        waitMs = Math.min(waitMs * 2, reconnectMsMax);
        continue;
      }
      if (said !== '') this.report('NATS is there again');
      waitMs = reconnectMsMin;
      await this.use(next);
      next = undefined;
      if (this.ending.signal.aborted) return;
      said = 'away';
      this.report('the connection to NATS is lost');
      await pause(waitMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
    }
    await next?.close();
  }

  /** Until the connection is lost. */
  private async use(connection: NatsConnection): Promise<void> {
    if (this.ending.signal.aborted) return connection.close();
    this.connection = connection;
    // Ends with the connection, or never says anything again.
    void this.watchErrors(connection);
    for (const key of this.subscriptions.keys()) this.listen(connection, key);
    for (const callback of this.callbacks) callback();
    await connection.closed();
    this.connection = undefined;
    this.live.clear();
  }

  private listen(connection: NatsConnection, key: object): void {
    const { subject, heard } = this.subscriptions.get(key)!;
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        // Without the right to listen the polling alone finds what is new; the server's refusal is reported below.
        if (error === null) heard(message);
      },
    });
    this.live.set(key, subscription);
  }

  private async watchErrors(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      // What may not be published is a request of ours, and fails with it.
      if (status.type === Events.Error && !isRefusedRequest(status)) this.report(`NATS says ${String(status.data)}${permissionOf(status)}`);
    }
  }

  private get servers(): string {
    return String(this.settings.servers);
  }

  private report(message: string): void {
    this.options.report?.(message);
  }
}

async function connectionOptions(options: NatsOptions): Promise<ConnectionOptions> {
  const { url, credentialsFile, tls, name = 'vitrine' } = options;
  const addresses = url.split(',').map((one) => {
    if (!URL.canParse(one)) throw new NatsRefused('an address of NATS has the form nats://user:password@host:port');
    return new URL(one);
  });
  const [first] = addresses as [URL];
  if (!addresses.every(({ protocol }) => protocol === 'nats:' || protocol === 'tls:')) {
    throw new NatsRefused('an address of NATS begins with nats:// or tls://');
  }
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  return {
    servers: addresses.map(({ host }) => host),
    name,
    // Made again by `keep`, which does not send what was asked before.
    reconnect: false,
    timeout: firstAttemptMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    // Answers arrive where only this user may listen (deploy/nats/users.mjs).
    ...(user === '' || pass === '' ? {} : { inboxPrefix: `_INBOX_${keyPart(user)}` }),
    ...(credentialsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
    ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
    ...(tls === undefined && first.protocol !== 'tls:' ? {} : { tls: { ...tls } }),
  };
}

const refusals = new Set(['AUTHORIZATION_VIOLATION', 'AUTHENTICATION_EXPIRED', 'BAD_AUTHENTICATION', 'BAD_CREDS', 'TLS']);
/** What Node says of certificates, in codes such as DEPTH_ZERO_SELF_SIGNED_CERT and ERR_TLS_CERT_ALTNAME_INVALID, or in words. */
const certificate = /certificate|_CERT|ERR_TLS|ERR_SSL|UNABLE_TO_(GET|VERIFY)/i;

function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: string };
  return refusals.has(code ?? '') || certificate.test(`${code} ${lineOf(error)}`);
}

interface Permission {
  readonly permissionContext?: { readonly operation?: string; readonly subject?: string };
}

function isRefusedRequest(status: object): boolean {
  return (status as Permission).permissionContext?.operation === 'publish';
}

function permissionOf(status: object): string {
  const { permissionContext } = status as Permission;
  return permissionContext === undefined ? '' : ` (${permissionContext.operation} ${permissionContext.subject})`;
}

function lineOf(error: unknown): string {
  if (!(error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error))) return String(error);
  const { code, message, chainedError } = error as { code?: string; message: string; chainedError?: { message?: string } };
  const text = code === '503' ? 'nobody answers there (is JetStream on, and the bucket made?)' : (chainedError?.message ?? message);
  return text.split('\n', 1)[0]!.slice(0, 300);
}
