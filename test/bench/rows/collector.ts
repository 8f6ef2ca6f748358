/**
 * `POST /e` beside a Fastify route that parses, checks and appends the same bodies. The peer's work ends with the file; ours goes on from its
 * spool into the event log, at the log's pace. So that the turns compare the same work, the log is away while they last (a collector takes in all
 * the same, as it must), and what the way into a log costs on top is measured apart, on a log in a folder.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { client, clientCodec, clientStream, isRejected } from '#libs/domain';
import { type EventLog, runCommand } from '#libs/event-log';
import { openEventStoreDb } from '#libs/event-log/eventstoredb';
import { openFileLog } from '#libs/event-log/file';
import { until } from '../../system.js';
import { cpuMicros } from '../harness/cpu.js';
import { type Ours, startOurs } from '../harness/ours.js';
import { versionOf } from '../harness/peers.js';
import { freePort, root, type Server, startServer } from '../harness/processes.js';
import { paired, round, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { needs, type RowMaker } from '../harness/row.js';
import { clients } from '../harness/shop.js';
import { load } from '../harness/wrk.js';

const eventsPerRequest = 20;

export const collectorRow: RowMaker = {
  ids: ['collector-vs-fastify'],
  needs: [needs.wrk, needs.taskset],
  async measure({ folder, customers, rounds, seconds, say }) {
    const id = 'collector-vs-fastify';
    const target = 0.333;
    const asked = { script: 'collect.lua', seconds } as const;
    const args = (seed: number) => [customers, clients.recorded, seed];
    const ours = await startWithoutLog(join(folder, id, 'ours'));
    try {
      const file = join(folder, id, 'events.ndjson');
      const peer = await startPeer(file);
      try {
        await turn(ours, { ...asked, args: args(1) }, address);
        await turn(peer, { ...asked, args: args(1) }, address);
        const pairs = await paired(
          rounds,
          (round) => turn(ours, { ...asked, args: args(100 + round) }, address),
          (round) => turn(peer, { ...asked, args: args(100 + round) }, address),
        );
        const ratios = spread(pairs.map((pair) => pair.ours.cpuMicrosPerRequest / pair.peer.cpuMicrosPerRequest));
        say(`${id}: ${ratios.median} (${ratios.min}–${ratios.max})`);
        return [
          {
            id,
            target,
            ratio: ratios.median,
            met: ratios.median <= target,
            rounds,
            compares: 'CPU per event taken in: ours, checked and on the disk with fsync before the answer / Fastify, checked and written',
            ratios,
            ours: {
              ...summaryOf(pairs.map((pair) => pair.ours)),
              ...events(pairs.map((pair) => pair.ours)),
              spoolBytesPerEvent: round((await ours.metric('vitrine_spool_bytes')) / (await ours.metric('vitrine_spool_facts'))),
              ...(await costIntoLog(join(folder, id, 'ours-with-log'), customers, seconds)),
            },
            peer: {
              name: 'Fastify route with ajv, lines appended to a file',
              version: `${versionOf('fastify')}, Node ${process.version}`,
              ...summaryOf(pairs.map((pair) => pair.peer)),
              ...events(pairs.map((pair) => pair.peer)),
              fileBytes: statSync(file).size,
            },
          },
        ];
      } finally {
        await peer.stop();
      }
    } finally {
      await ours.stop();
    }
  },
};

const address = `/e/${clients.recorded}`;

/** A collector that has read who the clients are, and whose log is away since. */
async function startWithoutLog(data: string): Promise<Ours> {
  mkdirSync(data, { recursive: true });
  const port = await freePort();
  const server = await startServer({
    name: 'event log',
    command: [process.execPath, join(root, 'dist/libs/event-log/testing/esdb-server-process.js'), '--port', String(port)],
    url: `http://127.0.0.1:${port}`,
  });
  try {
    const connectionString = /esdb:\/\/\S+/.exec(server.output())?.[0] ?? '';
    await registerShop(await openEventStoreDb({ connectionString }));
    return await startOurs({
      app: 'collector',
      data,
      environment: { VITRINE_EVENT_LOG: connectionString, VITRINE_SPOOL_BYTES_MAX: String(2 ** 40) },
      ready: takesBehaviour,
    });
  } finally {
    await server.stop();
  }
}

function startPeer(file: string): Promise<Server> {
  return freePort().then((port) =>
    startServer({
      name: 'fastify-collector',
      command: [process.execPath, join(root, 'dist/test/bench/peers/fastify-collector.js'), String(port), file],
      url: `http://127.0.0.1:${port}`,
    }),
  );
}

/** The whole way of an event in the collector's process, from the socket into a log in a folder. */
async function costIntoLog(data: string, customers: number, seconds: number) {
  mkdirSync(data, { recursive: true });
  await registerShop(await openFileLog({ folder: join(data, 'log') }));
  const ours = await startOurs({ app: 'collector', data, ready: takesBehaviour });
  try {
    const options = { script: 'collect.lua', seconds, args: [customers, clients.recorded, 7] } as const;
    const before = cpuMicros(ours.pids());
    const { requests } = await load({ ...options, url: ours.url + address });
    await until('all is in the log', 300_000, async () => (await ours.metric('vitrine_spool_facts')) === 0);
    return { cpuMicrosPerEventIntoFileLog: round((cpuMicros(ours.pids()) - before) / (requests * eventsPerRequest)) };
  } finally {
    await ours.stop();
  }
}

function events(turns: readonly Turn[]) {
  return {
    eventsPerCpuSecond: spread(turns.map((each) => (eventsPerRequest * 1e6) / each.cpuMicrosPerRequest)),
    eventsPerSecond: spread(turns.map((each) => (eventsPerRequest * each.requests) / each.seconds)),
  };
}

async function registerShop(log: EventLog): Promise<void> {
  try {
    const clientId = clients.recorded;
    const target = { decider: client, codec: clientCodec, stream: clientStream(clientId), clientId, actor: 'system' };
    const command = { type: 'RegisterClient', clientId, name: 'The shop', currency: 'GBP', origins: ['https://shop.example'] } as const;
    const done = await runCommand(log, target, command);
    if (isRejected(done)) throw new Error(done.code);
  } finally {
    await log.close();
  }
}

async function takesBehaviour(url: string): Promise<boolean> {
  const response = await fetch(`${url}${address}`, { method: 'POST', body: '{"batch":[]}' });
  return response.status === 202;
}
