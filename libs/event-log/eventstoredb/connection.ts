import { setTimeout as delay } from 'node:timers/promises';
import {
  type AllStreamSubscription,
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  type ResolvedEvent,
  START,
  type StreamSubscription,
} from '@eventstore/db-client';
import { EventLogUnavailable, type LogFilter, type Position } from '../event-log.js';
import { type Credentials, readConnectionString, type Target } from './connection-string.js';
import { EventLogRefused, failureOf, isDiscoveryFailure, isOfType } from './failures.js';
import { Pull } from './pull.js';
import { type ServerPosition, serverFilter, serverPosition } from './stored.js';
import { whyUnreachable } from './why-unreachable.js';

/** What a subscription says beside its events, in its place among them. */
export class Mark {
  constructor(
    readonly kind: 'confirmed' | 'caughtUp' | 'checkpoint',
    readonly position?: ServerPosition,
  ) {}
}

/** What of the client is used beyond its public face. */
interface ClientInside {
  handleError(client: unknown, error: unknown): Promise<void>;
  createChannel(): Promise<Channel>;
}

interface Channel {
  close(): void;
}

const leaderAttemptsMax = 6;
const leaderPauseMs = 50;
const closeMsMax = 100;
/** Events held ready per subscription: enough to fill a batch while the last is worked on. */
const highWaterMark = 256;

/** The client with its guards: every call has the credentials and a time limit of ours, and asks for the leader. */
export class Connection {
  readonly name: string;
  private readonly client: EventStoreDBClient;
  private readonly target: Target;
  /** The newest that the client made; it closes those before. */
  private channel: Channel | undefined;
  private isClosed = false;

  /** @throws EventLogRefused for an address that the client does not take. */
  constructor(
    connectionString: string,
    given: Credentials | undefined,
    readonly answerMsMax: number,
  ) {
    this.target = readConnectionString(connectionString, given);
    this.name = this.target.name;
    try {
      this.client = EventStoreDBClient.connectionString(this.target.connectionString);
    } catch (cause) {
      throw new EventLogRefused(`${this.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    // The client drops its connection after a failed call in a promise that nobody holds: when finding the cluster fails at that moment too,
    // the rejection is unhandled and would end the process. The next call meets the same failure where it can be answered.
    const inside = this.inside();
    const handleError = inside.handleError.bind(this.client);
    inside.handleError = (...given) => handleError(...given).catch(() => undefined);
    // The client leaves its last channel open when it is disposed of.
    const createChannel = inside.createChannel.bind(this.client);
    inside.createChannel = async () => {
      this.channel = await createChannel();
      if (this.isClosed) this.channel.close();
      return this.channel;
    };
  }

  /** Options of every call. Credentials keep appends on the unary path, which has deadlines; the batch path can hang and crash. */
  private get call() {
    return { credentials: this.target.credentials, requiresLeader: true, deadline: this.answerMsMax };
  }

  /** One call with an answer; a server that is no longer the leader says who is, the client turns there, and the call is made again. */
  async ask<Answer>(action: (client: EventStoreDBClient, call: Connection['call']) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.inTime(action(this.client, this.call));
      } catch (error) {
        if (isDiscoveryFailure(error)) throw await this.discoveryFailure(error);
        if (!isOfType(error, 'not-leader') || attempt === leaderAttemptsMax) throw error;
        await delay(leaderPauseMs * attempt);
      }
    }
  }

  /** A read or subscription that has begun to answer. @throws what it fails with before that. */
  begin<Item>(open: () => Pull<Item>): Promise<Pull<Item>> {
    return this.ask(async () => {
      const pull = open();
      try {
        if (!(await pull.wait(this.answerMsMax))) throw new EventLogUnavailable(`${this.name} said nothing for ${this.answerMsMax} ms`);
        return pull;
      } catch (error) {
        pull.close();
        throw error;
      }
    });
  }

  readStream(stream: string, options: { readonly isBackwards: boolean; readonly fromRevision?: bigint; readonly maxCount?: number }) {
    const { isBackwards, fromRevision, maxCount } = options;
    return new Pull<ResolvedEvent>(
      this.client.readStream(
        stream,
        {
          ...this.call,
          direction: isBackwards ? BACKWARDS : FORWARDS,
          fromRevision: fromRevision ?? (isBackwards ? END : START),
          ...(maxCount === undefined ? {} : { maxCount }),
        },
        { highWaterMark },
      ),
    );
  }

  /** Backwards excludes `from`, forwards includes it. */
  readAll(from: ServerPosition | 'end', direction: 'forwards' | 'backwards', maxCount: number): Pull<ResolvedEvent> {
    return new Pull(this.client.readAll({ ...this.call, fromPosition: from === 'end' ? END : from, direction, maxCount }));
  }

  /** Everything after `after` that the filter's server side takes, with the subscription's marks in their places. */
  subscribe(after: Position | null, filter: LogFilter | undefined): Pull<ResolvedEvent | Mark> {
    // Pushed into the stream from inside its transform, and so in order: the client calls back up to 16 events ahead of who reads.
    const push = (to: StreamSubscription | AllStreamSubscription, mark: Mark) => void to.push(mark);
    const subscription = this.client.subscribeToAll(
      {
        ...this.call,
        fromPosition: after === null ? START : serverPosition(after),
        filter: serverFilter(filter, (to, position) => push(to, new Mark('checkpoint', position))),
      },
      { highWaterMark },
    );
    subscription.on('confirmation', () => push(subscription, new Mark('confirmed')));
    subscription.on('caughtUp', () => push(subscription, new Mark('caughtUp')));
    return new Pull(subscription);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const enough = new AbortController();
    // Keeps the process: a disposal that hangs with nothing else under way would end it as one that nobody waits for (exit code 13).
    const late = delay(closeMsMax, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([this.client.dispose(), late]);
    enough.abort();
    this.channel?.close();
  }

  private async discoveryFailure(cause: unknown): Promise<Error> {
    const reason = await whyUnreachable(this.target);
    return failureOf(reason ?? new Error('none of these servers knows a leader now', { cause }), this.name);
  }

  /** A peer that takes the connection and says nothing is not ended by the client's own deadline in every state. */
  private async inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      // After the deadline of the call, which says more.
      const error = () => reject(new EventLogUnavailable(`${this.name} did not answer within ${this.answerMsMax} ms`));
      timer = setTimeout(error, this.answerMsMax + 250);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private inside(): ClientInside {
    // Protected members of the client; ADR 0020 names them and the version they were read in.
    return this.client as unknown as ClientInside;
  }
}
