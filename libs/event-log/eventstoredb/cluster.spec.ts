import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type EventLog } from '../event-log.js';
import { EsdbDatabase, type EsdbServer, selfSigned, startEsdbServer } from '../testing/esdb-server/index.js';
import { collect, events, eventually, uniqueName } from '../testing/given-events.js';
import { openEventStoreDb } from './eventstoredb-log.js';

describe('EventStoreDB by connection string', () => {
  const servers: EsdbServer[] = [];
  const logs: EventLog[] = [];
  const started = async (...given: Parameters<typeof startEsdbServer>) => {
    const one = await startEsdbServer(...given);
    servers.push(one);
    return one;
  };
  const open = async (connectionString: string) => {
    const one = await openEventStoreDb({ connectionString, answerMsMax: 2_000 });
    logs.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of logs.splice(0)) await one.close();
    for (const one of servers.splice(0)) await one.stopAbruptly();
  });
  const stream = uniqueName('cluster');

  describe('TLS, user and password', () => {
    const secured = async () => {
      const folder = await mkdtemp(join(tmpdir(), 'vitrine-esdb-'));
      const tls = selfSigned();
      const caFile = join(folder, 'ca.pem');
      await writeFile(caFile, tls.certificate);
      const { port } = await started({ tls, users: { ops: 'pa:ss@w%rd' } });
      return { port, trusting: `?tlsCAFile=${encodeURIComponent(caFile)}`, remove: () => rm(folder, { recursive: true }) };
    };

    it('writes, reads and subscribes', async () => {
      const { port, trusting, remove } = await secured();
      const log = await open(`esdb://ops:pa%3Ass%40w%25rd@localhost:${port}${trusting}`);
      await log.append(stream, events(2), 'noStream');
      expect(await collect(log.readStream(stream))).toHaveLength(2);
      for await (const message of log.subscribe({ after: null, signal: new AbortController().signal }))
        if (message.kind === 'caughtUp') break;
      const clustered = await open(`esdb+discover://ops:pa%3Ass%40w%25rd@localhost:${port}${trusting}`);
      expect(await collect(clustered.readStream(stream))).toHaveLength(2);
      await remove();
    });

    it.each<[string, (port: number, trusting: string) => string, RegExp]>([
      ['a wrong password', (port, trusting) => `esdb://ops:wrong@localhost:${port}${trusting}`, /does not accept this user or password$/],
      [
        'an untrusted certificate',
        (port) => `esdb://ops:x@localhost:${port}`,
        /certificate is not trusted \(self-signed certificate\); .*tlsCAFile$/,
      ],
      [
        'one in a cluster',
        (port) => `esdb+discover://ops:x@localhost:${port}`,
        /certificate is not trusted \(self-signed certificate\); .*tlsCAFile$/,
      ],
    ])('%s is one clear line, for appends and for subscriptions at once', async (_, address, message) => {
      const { port, trusting, remove } = await secured();
      const log = await open(address(port, trusting));
      const refused = { code: 'EVENT_LOG_REFUSED', message: expect.stringMatching(message) };
      await expect(log.append(stream, events(1), 'any')).rejects.toMatchObject(refused);
      await expect(collect(log.subscribe({ after: null, signal: new AbortController().signal }))).rejects.toMatchObject(refused);
      await remove();
    });
  });

  describe('a cluster', () => {
    const cluster = async () => {
      const database = new EsdbDatabase();
      const members = [await started({ database }), await started({ database }), await started({ database })];
      const lead = (leader: EsdbServer | undefined) => {
        for (const member of members) member.leader = leader;
      };
      for (const member of members) member.members = members;
      lead(members[0]);
      return { members, lead, seeds: members.map(({ port }) => `127.0.0.1:${port}`) };
    };

    it('follows the leader when it changes and when it dies', async () => {
      const { members, lead, seeds } = await cluster();
      const log = await open(`esdb://${seeds.join(',')}?tls=false`);
      const stop = new AbortController();
      const heard: bigint[] = [];
      const listening = (async () => {
        for await (const message of log.subscribe({ after: null, signal: stop.signal }))
          if (message.kind === 'events') heard.push(...message.events.map(({ revision }) => revision));
      })();
      let revision: bigint | 'noStream' = 'noStream';
      const put = async () => {
        const batch = events(1);
        const expected: bigint | 'noStream' = revision;
        await eventually(async () => {
          ({ revision } = await log.append(stream, batch, expected));
        });
      };
      await put();
      lead(members[1]);
      // No failure comes out of a leader that has only changed.
      expect((await log.append(stream, events(1), 0n)).revision).toBe(1n);
      revision = 1n;
      lead(members[2]);
      expect(await collect(log.readStream(stream))).toHaveLength(2);
      expect(members[2]!.calls.append + members[2]!.calls.read).toBeGreaterThan(0);
      await members[2]!.stopAbruptly();
      lead(members[0]);
      await put();
      await members[0]!.stopAbruptly();
      lead(members[1]);
      await put();
      await eventually(() => expect(heard).toEqual([0n, 1n, 2n, 3n]));
      stop.abort();
      await listening;
    });

    it('finds it through a name, and says why when it finds none', async () => {
      const { members, seeds } = await cluster();
      const log = await open(`esdb+discover://localhost:${members[1]!.port}?tls=false`);
      await log.append(stream, events(1), 'noStream');
      expect(members.map(({ calls }) => calls.append)).toEqual([1, 0, 0]);
      for (const member of members) await member.stopAbruptly();
      const none = await open(`esdb://${seeds.join(',')}?tls=false`);
      await expect(none.lastPosition()).rejects.toMatchObject({ message: expect.stringMatching(/connect ECONNREFUSED/) });
    });

    /** Without the guard the client rejects a promise that nobody holds, and the process ends. */
    it('survives two calls that fail while it looks for a leader in vain', async () => {
      const { members, seeds } = await cluster();
      const [leader] = members;
      const log = await open(`esdb://${seeds.join(',')}?tls=false`);
      await log.append(stream, events(1), 'noStream');
      leader!.delayMs = 300;
      const second = expect(log.append(stream, events(1), 'any')).rejects.toMatchObject({ code: 'EVENT_LOG_UNAVAILABLE' });
      await eventually(() => expect(leader!.calls.append).toBe(2));
      leader!.delayMs = 0;
      leader!.takeNoMoreConnections();
      for (const member of members.slice(1)) await member.stopAbruptly();
      leader!.failNext({ kind: 'fail-before-apply' }, { kind: 'fail-before-apply' });
      await expect(log.append(stream, events(1), 'any')).rejects.toMatchObject({ code: 'EVENT_LOG_UNAVAILABLE' });
      const searching = expect(log.lastPosition()).rejects.toMatchObject({ code: 'EVENT_LOG_UNAVAILABLE' });
      await Promise.all([second, searching]);
    });
  });
});
