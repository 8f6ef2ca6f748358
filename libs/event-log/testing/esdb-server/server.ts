import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { GossipService, type IGossipServer } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import { type IServerFeaturesServer, ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { type IStreamsServer, StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { type Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { type AppendOutcome, EsdbDatabase } from './database.js';
import { failure, notLeader } from './failures.js';
import { read } from './reads.js';
import { handleAppend, handleBatchAppend, handleDelete, handleTombstone } from './writes.js';

export interface EsdbServerOptions {
  /** 0, also when absent: a free one, kept over restarts. */
  readonly port?: number;
  /** Shared between servers: they are one cluster then. A new one in memory when absent. */
  readonly database?: EsdbDatabase;
  /** PEM texts; without them the server speaks in the clear. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Passwords by user; everybody is let in when absent. */
  readonly users?: Readonly<Record<string, string>>;
}

/** What goes wrong with one write. */
export type WriteFault =
  | { readonly kind: 'delay'; readonly ms: number }
  /** Refused as unavailable, nothing is written. */
  | { readonly kind: 'fail-before-apply' }
  /** Written, and never answered. */
  | { readonly kind: 'never-acknowledge' }
  /** Written, and the connection is cut instead of an answer. */
  | { readonly kind: 'lose-acknowledgement' };

/**
 * Speaks as much of EventStoreDB's protocol over a real socket as its unmodified client uses, with its rules. For tests: what it keeps is in
 * memory, or in a file without fsync.
 */
export async function startEsdbServer(options: EsdbServerOptions = {}): Promise<EsdbServer> {
  const server = new EsdbServer(options);
  await server.start();
  return server;
}

export class EsdbServer {
  readonly database: EsdbDatabase;
  /** The port once started. */
  port: number;
  /** Calls received, by method: what a test asks to know which path the client took. */
  readonly calls = { read: 0, append: 0, batchAppend: 0, delete: 0, tombstone: 0, features: 0, gossip: 0 };
  /** Reads and subscriptions that are open now. */
  openReads = 0;
  /** Events sent in reads and subscriptions. */
  eventsSaid = 0;
  /** Subscriptions are taken and never answered, while everything else works. */
  holdsSubscriptions = false;
  /** When it is another server, this one is its follower: what asks for the leader is refused and told where it is. */
  leader: EsdbServer | undefined;
  /** What gossip tells of; this server alone when empty. */
  members: readonly EsdbServer[] = [];
  /** Delay of every call, in ms. */
  delayMs = 0;
  private grpc: Server | undefined;
  private listening: NetServer | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly faults: WriteFault[] = [];
  private isSilent = false;

  constructor(private readonly options: EsdbServerOptions) {
    this.database = options.database ?? new EsdbDatabase();
    this.port = options.port ?? 0;
  }

  get isRunning(): boolean {
    return this.listening !== undefined;
  }

  /** `esdb://127.0.0.1:<port>`, with `?tls=false` where it speaks in the clear. */
  get connectionString(): string {
    return `esdb://127.0.0.1:${this.port}${this.options.tls ? '' : '?tls=false'}`;
  }

  async start(): Promise<void> {
    if (this.listening) throw new Error('the server runs already');
    const { tls } = this.options;
    const credentials = tls
      ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) }])
      : ServerCredentials.createInsecure();
    this.grpc = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
    this.serve(this.grpc);
    const injector = this.grpc.createConnectionInjector(credentials);
    // A listener of our own, so that connections can be cut as a killed process cuts them.
    const listening = createServer((socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      if (!this.isSilent) injector.injectConnection(socket);
    });
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(this.port, '127.0.0.1', resolve);
    });
    // Listening on TCP, so that the address is no pipe's name.
    this.port = (listening.address() as AddressInfo).port;
    this.listening = listening;
  }

  /** As `kill -9` does: every connection is cut where it is. What was written stays. */
  async stopAbruptly(): Promise<void> {
    const { listening, grpc } = this;
    this.listening = undefined;
    const closed = new Promise<void>((resolve) => (listening ? listening.close(() => resolve()) : resolve()));
    for (const socket of this.sockets) socket.resetAndDestroy();
    grpc?.forceShutdown();
    await closed;
  }

  /** As after `kill -9` and a start on the same port: what was written is there, the memory of appends with `any` is not. */
  async restart(): Promise<void> {
    await this.stopAbruptly();
    this.database.forget();
    await this.start();
  }

  /** Cuts every connection; the server goes on. */
  cutConnections(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Nobody new gets in, those who are connected stay. */
  takeNoMoreConnections(): void {
    this.listening?.close();
  }

  /** From now on the server takes connections and says nothing on them, until `speak`. */
  goSilent(): void {
    this.isSilent = true;
    this.cutConnections();
  }

  speak(): void {
    this.isSilent = false;
    this.cutConnections();
  }

  /** The next writes go wrong like this, in order, one each. */
  failNext(...faults: readonly WriteFault[]): void {
    this.faults.push(...faults);
  }

  private serve(grpc: Server): void {
    const { database } = this;
    const streams: IStreamsServer = {
      append: (call, answer) => {
        this.calls.append += 1;
        handleAppend(database, this.write(call.metadata), call, answer);
      },
      batchAppend: (call) => {
        this.calls.batchAppend += 1;
        handleBatchAppend(database, this.write(call.metadata), call);
      },
      delete: (call, answer) => {
        this.calls.delete += 1;
        handleDelete(this.write(call.metadata), (...given) => database.delete(...given), call, answer);
      },
      tombstone: (call, answer) => {
        this.calls.tombstone += 1;
        handleTombstone(this.write(call.metadata), (...given) => database.tombstone(...given), call, answer);
      },
      read: async (call) => {
        this.calls.read += 1;
        this.openReads += 1;
        try {
          await this.admit(call.metadata);
          if (this.holdsSubscriptions && call.request.getOptions()?.hasSubscription()) await once(call, 'cancelled');
          else await read(database, call, this);
        } catch (error) {
          // grpc-js takes an error event as the call's end with that status.
          call.emit('error', error);
        } finally {
          this.openReads -= 1;
        }
      },
    };
    const serverFeatures: IServerFeaturesServer = {
      getSupportedMethods: (_call, answer) => {
        this.calls.features += 1;
        const methods = Object.values(StreamsService).map(({ path }) => {
          const [, service, method] = path.toLowerCase().split('/');
          return new features.SupportedMethod().setServiceName(service ?? '').setMethodName(method ?? '');
        });
        answer(null, new features.SupportedMethods().setMethodsList(methods).setEventStoreServerVersion('23.10.8'));
      },
    };
    const cluster: IGossipServer = {
      read: (_call, answer) => {
        this.calls.gossip += 1;
        answer(null, new gossip.ClusterInfo().setMembersList(this.members.length > 0 ? this.members.map(memberOf) : [memberOf(this)]));
      },
    };
    grpc.addService(StreamsService, streams);
    grpc.addService(ServerFeaturesService, serverFeatures);
    grpc.addService(GossipService, cluster);
  }

  /** Checks who calls and whether this server may answer. @throws a ServiceError. */
  private async admit(metadata: Metadata): Promise<void> {
    if (this.delayMs > 0) await delay(this.delayMs);
    if (this.options.users) {
      const [basic] = metadata.get('authorization');
      const [, user, password] = /^([^:]*):(.*)$/.exec(Buffer.from(String(basic).slice('Basic '.length), 'base64').toString()) ?? [];
      if (user === undefined || this.options.users[user] !== password) throw failure(status.UNAUTHENTICATED, 'Unauthenticated');
    }
    if (this.leader && this.leader !== this && metadata.get('requires-leader')[0] === 'true')
      throw notLeader('127.0.0.1', this.leader.port);
  }

  private write(metadata: Metadata) {
    return async (apply: () => AppendOutcome): Promise<AppendOutcome | undefined> => {
      await this.admit(metadata);
      const fault = this.faults.shift();
      if (fault?.kind === 'delay') await delay(fault.ms);
      if (fault?.kind === 'fail-before-apply') throw failure(status.UNAVAILABLE, 'the server is not ready');
      const outcome = apply();
      if (fault?.kind === 'lose-acknowledgement') this.cutConnections();
      return fault?.kind === 'never-acknowledge' || fault?.kind === 'lose-acknowledgement' ? undefined : outcome;
    };
  }
}

function memberOf(server: EsdbServer): gossip.MemberInfo {
  const { LEADER, FOLLOWER } = gossip.MemberInfo.VNodeState;
  const isLeader = server.leader === undefined || server.leader === server;
  return new gossip.MemberInfo()
    .setInstanceId(new shared.UUID().setString(randomUUID()))
    .setTimeStamp(`${Date.now()}`)
    .setState(isLeader ? LEADER : FOLLOWER)
    .setIsAlive(server.isRunning)
    .setHttpEndPoint(new gossip.EndPoint().setAddress('127.0.0.1').setPort(server.port));
}
