/** `POST /e` beside a Fastify route that parses, checks and appends the same bodies. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { client, clientCodec, clientStream, isRejected } from '#libs/domain';
import { runCommand } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { type Ours, startOurs } from '../harness/ours.js';
import { versionOf } from '../harness/peers.js';
import { freePort, root, type Server, startServer } from '../harness/processes.js';
import { paired, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { needs, type RowMaker } from '../harness/row.js';
import { clients } from '../harness/shop.js';

const eventsPerRequest = 20;

export const collectorRow: RowMaker = {
  ids: ['collector-vs-fastify'],
  needs: [needs.wrk, needs.taskset],
  async measure({ folder, customers, rounds, seconds, say }) {
    const id = 'collector-vs-fastify';
    const target = 0.333;
    const data = join(folder, id, 'ours');
    await registerShop(data);
    const ours = await startOurs({ app: 'collector', data, ready: takesBehaviour });
    try {
      const port = await freePort();
      const file = join(folder, id, 'events.ndjson');
      const peer = await startServer({
        name: 'fastify-collector',
        command: [process.execPath, join(root, 'dist/test/bench/peers/fastify-collector.js'), String(port), file],
        url: `http://127.0.0.1:${port}`,
      });
      try {
        const run = async (server: Server, seed: number) => {
          const seen = await turn(server, { script: 'collect.lua', seconds, args: [customers, clients.recorded, seed] });
          // What the answers promised is still to be done: it is work of the same requests, and must not be measured with the peer's.
          if (server === ours) await forwardedAll(ours);
          return seen;
        };
        await run(ours, 1);
        await run(peer, 1);
        const pairs = await paired(
          rounds,
          (round) => run(ours, 100 + round),
          (round) => run(peer, 100 + round),
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
            compares: 'CPU per event taken in: ours, on the disk with fsync before the answer / Fastify, written without fsync',
            ratios,
            ours: { ...summaryOf(pairs.map((pair) => pair.ours)), ...events(pairs.map((pair) => pair.ours)) },
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

function events(turns: readonly Turn[]) {
  return {
    eventsPerCpuSecond: spread(turns.map((each) => (eventsPerRequest * 1e6) / each.cpuMicrosPerRequest)),
    eventsPerSecond: spread(turns.map((each) => (eventsPerRequest * each.requests) / each.seconds)),
  };
}

async function registerShop(data: string): Promise<void> {
  mkdirSync(data, { recursive: true });
  const log = await openFileLog({ folder: join(data, 'log') });
  try {
    const clientId = clients.recorded;
    const target = { decider: client, codec: clientCodec, stream: clientStream(clientId), clientId, actor: 'system' };
    const done = await runCommand(log, target, {
      type: 'RegisterClient',
      clientId,
      name: 'The shop',
      currency: 'GBP',
      origins: ['https://shop.example'],
    });
    if (isRejected(done)) throw new Error(done.code);
  } finally {
    await log.close();
  }
}

async function takesBehaviour(url: string): Promise<boolean> {
  const response = await fetch(`${url}/e/${clients.recorded}`, { method: 'POST', body: '{"batch":[]}' });
  return response.status === 202;
}

async function forwardedAll(ours: Ours): Promise<void> {
  while ((await ours.metric('vitrine_spool_facts')) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}
