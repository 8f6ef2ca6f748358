import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { BACKWARDS, END, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type EventLog, EventLogUnavailable, type LogMessage, type Position } from '../event-log.js';
import { type EsdbServer, startEsdbServer } from '../testing/esdb-server/index.js';
import { collect, event, events, eventually, uniqueName } from '../testing/given-events.js';
import { type EventStoreDbOptions, openEventStoreDb } from './eventstoredb-log.js';

/** Each fault of the client, made by the test server's hooks, and what the adapter makes of it. An unhandled rejection fails a test by itself. */
describe('guards around the client of EventStoreDB', () => {
  let server: EsdbServer;
  let log: EventLog;
  const opened: EventLog[] = [];
  const servers: EsdbServer[] = [];
  const started = async (...given: Parameters<typeof startEsdbServer>) => {
    const one = await startEsdbServer(...given);
    servers.push(one);
    return one;
  };
  const open = async (options: Partial<EventStoreDbOptions> = {}) => {
    const one = await openEventStoreDb({ connectionString: server.connectionString, ...options });
    opened.push(one);
    return one;
  };
  beforeEach(async () => {
    server = await started();
    log = await open();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    for (const one of servers.splice(0)) await one.stopAbruptly();
  });
  const stream = uniqueName('guards');
  const ids = async () => (await collect(log.readStream(stream))).map(({ id }) => id);
  const unavailable = (promise: Promise<unknown>) => expect(promise).rejects.toBeInstanceOf(EventLogUnavailable);

  describe('appending', () => {
    it('never takes the batch path, nor asks what the server can do', async () => {
      await Promise.all([1, 2, 3].map((n) => log.append(`${stream}${n}`, events(2), 'noStream')));
      expect(server.calls).toMatchObject({ append: 3, batchAppend: 0, features: 0 });
    });

    it.each(['lose-acknowledgement', 'never-acknowledge'] as const)(
      '%s: fails in time, and the same append again is answered',
      async (kind) => {
        const batch = events(3);
        const impatient = await open({ answerMsMax: 500 });
        server.failNext({ kind });
        await unavailable(impatient.append(stream, batch, 'noStream'));
        expect((await log.append(stream, batch, 'noStream')).revision).toBe(2n);
        expect(await ids()).toEqual(batch.map(({ id }) => id));
      },
    );

    it('writes nothing when it fails before, and succeeds afterwards', async () => {
      const batch = events(3);
      server.failNext({ kind: 'fail-before-apply' });
      await unavailable(log.append(stream, batch, 'noStream'));
      expect(await ids()).toEqual([]);
      await log.append(stream, batch, 'noStream');
      expect(await ids()).toHaveLength(3);
    });

    it('waits for a slow server within its time', async () => {
      server.failNext({ kind: 'delay', ms: 200 });
      expect((await log.append(stream, events(1), 'noStream')).revision).toBe(0n);
    });

    it('says unavailable while the server is away, also at the very first append, and goes on when it is back', async () => {
      await server.stopAbruptly();
      const fresh = await open();
      const batch = events(2);
      await unavailable(fresh.append(stream, batch, 'noStream'));
      await server.start();
      await eventually(async () => expect((await fresh.append(stream, batch, 'noStream')).revision).toBe(1n));
    });

    it('keeps a broken server to itself: a log on another server does not notice', async () => {
      const other = await started();
      const healthy = await open({ connectionString: other.connectionString });
      server.failNext({ kind: 'never-acknowledge' });
      other.failNext({ kind: 'delay', ms: 200 });
      const broken = log.append(stream, events(1), 'noStream');
      const written = healthy.append(stream, events(1), 'noStream');
      await eventually(() => expect(server.calls.append).toBe(1));
      await server.stopAbruptly();
      await unavailable(broken);
      expect((await written).revision).toBe(0n);
    });

    it('says where the last event is, whatever the server answers, and asks for it only when the answer may be wrong', async () => {
      const batch = events(3);
      const first = await log.append(stream, batch, 'noStream');
      const again = await open();
      for (const repeated of [await log.append(stream, batch, 'noStream'), await again.append(stream, batch, 'noStream')])
        expect(repeated).toEqual(first);
      expect((await log.readAt(first.position))?.revision).toBe(2n);
      await log.append(stream, events(1), 2n);
      const { read } = server.calls;
      const later = await log.append(stream, events(5), 3n);
      await log.append(stream, events(1), 8n);
      expect(server.calls.read).toBe(read);
      expect((await log.readAt(later.position))?.revision).toBe(8n);
    });

    it('loses and doubles nothing under kills, when the same batch is repeated with its expected revision', async () => {
      const written: string[] = [];
      let revision: bigint | 'noStream' = 'noStream';
      for (let round = 0; round < 20; round++) {
        const batch = events(5);
        if (round % 4 === 1) server.failNext({ kind: 'lose-acknowledgement' });
        if (round % 4 === 3) await server.restart();
        const expected: bigint | 'noStream' = revision;
        await eventually(async () => {
          ({ revision } = await log.append(stream, batch, expected));
        });
        written.push(...batch.map(({ id }) => id));
      }
      expect(await ids()).toEqual(written);
    });
  });

  describe('a peer that takes the connection and says nothing', () => {
    const inTime = async (action: () => Promise<unknown>) => {
      const began = performance.now();
      await unavailable(action());
      expect(performance.now() - began).toBeLessThan(20_000);
    };
    it.each<[string, (log: EventLog) => Promise<unknown>]>([
      ['an append', (log) => log.append(stream, events(1), 'any')],
      ['a deletion', (log) => log.deleteStream(stream, 'any')],
      ['a read of a stream', (log) => collect(log.readStream(stream))],
      ['a read of the log', (log) => collect(log.readAll({ after: null }))],
      ['a read at a position', (log) => log.readAt(1n as Position)],
      ['the last position', (log) => log.lastPosition()],
      ['a subscription', (log) => collect(log.subscribe({ after: null, signal: new AbortController().signal }))],
    ])('%s fails in time', async (_, action) => {
      server.goSilent();
      const impatient = await open({ answerMsMax: 300, outageMsMax: 500 });
      await inTime(() => action(impatient));
    });

    it('fails in time when no member of a cluster says anything, whatever the client waits for there', async () => {
      server.goSilent();
      const { port } = server;
      const connectionString = `esdb://127.0.0.1:${port},localhost:${port}?tls=false&maxDiscoverAttempts=1&gossipTimeout=3`;
      const impatient = await open({ connectionString, answerMsMax: 300 });
      const began = performance.now();
      await unavailable(impatient.deleteStream(stream, 'any'));
      expect(performance.now() - began).toBeLessThan(20_000);
    });

    it('fails in time when only subscriptions stay without a word', async () => {
      await log.append(stream, events(1), 'any');
      server.holdsSubscriptions = true;
      const impatient = await open({ answerMsMax: 300, outageMsMax: 500 });
      await inTime(() => collect(impatient.subscribe({ after: null, signal: new AbortController().signal })));
      await inTime(() => collect(impatient.readAll({ after: null })));
    });

    it('also when it never was an EventStoreDB', async () => {
      const sockets: Socket[] = [];
      const mute = createServer((socket) => {
        sockets.push(socket.on('error', () => socket.destroy()));
      });
      await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
      const address = mute.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      const one = await openEventStoreDb({ connectionString: `esdb://127.0.0.1:${port}?tls=false`, answerMsMax: 300 });
      await inTime(() => one.append(stream, events(1), 'any'));
      await one.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    });
  });

  describe('subscriptions', () => {
    const listen = (options: { readonly categories?: string[]; readonly batchMax?: number } = {}, from: EventLog = log) => {
      const stop = new AbortController();
      const { categories, ...rest } = options;
      const messages: LogMessage[] = [];
      const ended = (async () => {
        const filter = categories ? { filter: { categories } } : {};
        for await (const message of from.subscribe({ after: null, ...filter, ...rest, signal: stop.signal })) messages.push(message);
      })();
      return {
        messages,
        heard: () => messages.flatMap((message) => (message.kind === 'events' ? message.events.map(({ id }) => id) : [])),
        end: async () => {
          stop.abort();
          await ended;
        },
        ended,
      };
    };

    it('go on from where they were when the server is killed and comes back', async () => {
      const written: string[] = [];
      const put = async () => {
        const batch = events(4);
        await eventually(() =>
          log.append(stream, batch, written.length === 0 ? 'noStream' : BigInt(written.length - 1)).then(() => undefined),
        );
        written.push(...batch.map(({ id }) => id));
      };
      await put();
      const subscription = listen();
      await eventually(() => expect(subscription.heard()).toEqual(written));
      for (let kill = 0; kill < 3; kill++) {
        await server.restart();
        await put();
        await eventually(() => expect(subscription.heard()).toEqual(written));
      }
      server.cutConnections();
      await put();
      await eventually(() => expect(subscription.heard()).toEqual(written));
      await subscription.end();
    });

    it('end with an error when the server stays away, so that somebody knows', async () => {
      const one = await open({ outageMsMax: 300 });
      const subscription = listen({}, one);
      await eventually(() => expect(subscription.messages).not.toHaveLength(0));
      await server.stopAbruptly();
      await unavailable(subscription.ended);
    });

    it('end at once when they are told to, also while the server says nothing', async () => {
      const subscription = listen();
      await eventually(() => expect(subscription.messages).not.toHaveLength(0));
      server.goSilent();
      const later = listen();
      const began = performance.now();
      await Promise.all([subscription.end(), later.end()]);
      expect(performance.now() - began).toBeLessThan(20_000);
    });

    it('never say that they are further than what they have said', async () => {
      const rare = uniqueName('rare').replaceAll('-', '');
      let last = 0n;
      for (let round = 0; round < 6; round++) {
        await log.append(uniqueName('noise'), events(900), 'noStream');
        ({ position: last } = await log.append(`${rare}-golf`, events(3), 'any'));
      }
      const subscription = listen({ categories: [rare], batchMax: 2 });
      await eventually(() => {
        const newest = subscription.messages.at(-1);
        expect(newest?.kind === 'caughtUp' && newest.position !== null && newest.position >= last).toBe(true);
      });
      await log.append(uniqueName('noise'), events(900), 'noStream');
      await log.append(`${rare}-golf`, events(1), 'any');
      await eventually(() => expect(subscription.heard()).toHaveLength(19));
      await subscription.end();
      let reached = -1n;
      for (const message of subscription.messages) {
        const positions = message.kind === 'events' ? message.events.map(({ position }) => position) : [message.position ?? 0n];
        for (const position of positions) {
          expect(message.kind === 'events' ? position > reached : position >= reached).toBe(true);
          reached = position;
        }
      }
    });

    it('hold the server back while nobody reads them', async () => {
      const noise = uniqueName('noise').replaceAll('-', '');
      for (let round = 0; round < 8; round++) await log.append(`${noise}-golf`, events(500, { data: { text: 'x'.repeat(1000) } }), 'any');
      const messages = log.subscribe({ after: null, signal: new AbortController().signal, batchMax: 10 })[Symbol.asyncIterator]();
      await messages.next();
      // Until nothing more comes: each question for the last position is answered with one event.
      for (let before = -2; server.eventsSaid > before + 1; ) {
        before = server.eventsSaid;
        await log.lastPosition();
      }
      expect(server.eventsSaid).toBeLessThan(2_000);
      await messages.return?.();
    });
  });

  it('ends a call at the server when its reader leaves', async () => {
    await log.append(stream, events(600), 'noStream');
    await log.append(stream, events(600), 599n);
    for await (const { revision } of log.readStream(stream)) if (revision === 3n) break;
    for await (const { revision } of log.readAll({ after: null })) if (revision === 3n) break;
    for await (const message of log.subscribe({ after: null, signal: new AbortController().signal, batchMax: 5 }))
      if (message.kind === 'events') break;
    await eventually(() => expect(server.openReads).toBe(0));
  });

  it('shows nothing of what the server says to itself', async () => {
    const client = EventStoreDBClient.connectionString(server.connectionString);
    const { position } = await log.append(stream, events(2), 'noStream');
    const gone = uniqueName('guards');
    const { position: last } = await log.append(gone, events(1), 'noStream');
    await client.setStreamMetadata(stream, { maxCount: 10 });
    await client.tombstoneStream(gone);
    await client.appendToStream(
      '$statistics',
      Array.from({ length: 40 }, () => jsonEvent({ type: '$stats', data: {}, metadata: {} })),
    );
    expect(await log.lastPosition()).toBe(last);
    expect((await collect(log.readAll({ after: null }))).map(({ stream: each }) => each)).toEqual([stream, stream, gone]);
    expect((await collect(log.readAll({ after: position }))).map(({ stream: each }) => each)).toEqual([gone]);
    const heard: LogMessage[] = [];
    for await (const message of log.subscribe({ after: null, signal: new AbortController().signal })) {
      heard.push(message);
      if (message.kind === 'caughtUp') break;
    }
    expect(heard.at(-1)).toEqual({ kind: 'caughtUp', position: last });
    expect(heard.flatMap((message) => (message.kind === 'events' ? message.events : []))).toHaveLength(3);
    for await (const { event: newest } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }))
      expect(await log.readAt((newest?.position?.commit ?? 0n) as Position)).toBeUndefined();
    expect(await log.readAt((position + 1n) as Position)).toBeUndefined();
    await expect(log.append('$mine', [event()], 'any')).rejects.toMatchObject({ code: 'INVALID_EVENT' });
    await expect(log.append(gone, [event()], 'any')).rejects.toMatchObject({ code: 'STREAM_DELETED' });
    await client.dispose();
  });

  /** The client's `dispose` then waits for streams that say no more, and with nothing else under way the process ended in the middle (exit code 13). */
  it('closes after a read also in a process that does nothing else', async () => {
    await log.append(stream, events(3), 'noStream');
    const program = `
      const { openEventStoreDb } = await import(${JSON.stringify(new URL('../../../dist/libs/event-log/eventstoredb/index.js', import.meta.url).href)});
      for (let time = 0; time < 5; time++) {
        const log = await openEventStoreDb({ connectionString: ${JSON.stringify(server.connectionString)} });
        for await (const { revision } of log.readStream(${JSON.stringify(stream)})) if (revision === 1n) break;
        for await (const event of log.readAll({ after: null })) void event;
        await log.close();
      }
      console.log('closed');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, said }).toEqual({ code: 0, said: 'closed\n' });
  });

  it('says that it is closed', async () => {
    await log.close();
    await unavailable(log.append(stream, events(1), 'any'));
    await unavailable(log.readAt(1n as Position));
    await unavailable(collect(log.readAll({ after: null })));
  });
});
