/** A content-query node that starts from its own disk, with nothing published: from the process's start until it says that it is ready. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { openFileSnapshots } from '#libs/snapshots/file';
import { clean, until } from '../../system.js';
import { cpuMicros, memoryOf } from '../harness/cpu.js';
import { answersFromAudience, startOurs } from '../harness/ours.js';
import { freePort, root } from '../harness/processes.js';
import { round, spread } from '../harness/rounds.js';
import type { Measuring, RowMaker } from '../harness/row.js';
import { playbookOf, publish } from '../harness/shop.js';

const clientIds = Array.from({ length: 10 }, (_, index) => `shop-${index}`);
const targetMs = 2_000;

export const nodeStartRow: RowMaker = {
  ids: ['node-start-10x1M'],
  needs: [],
  async measure(measuring) {
    const { rounds, say, customers } = measuring;
    const perClient = customers / 10;
    const { data, snapshots } = await nodeThatHasRun(measuring, perClient);
    const empty = join(measuring.folder, 'node-start', 'nothing published');
    // The first start reads the programs from the disk.
    await start(data, empty);
    const starts: Awaited<ReturnType<typeof start>>[] = [];
    for (let n = 0; n < rounds; n += 1) starts.push(await start(data, empty));
    const ready = spread(starts.map(({ readyMs }) => readyMs));
    const ratios = spread(starts.map(({ readyMs }) => readyMs / targetMs));
    say(`node-start-10x1M: ${ready.median} ms (${ready.min}–${ready.max})`);
    return [
      {
        id: 'node-start-10x1M',
        target: 1,
        ratio: ratios.median,
        met: ratios.median <= 1,
        rounds,
        compares: `from the start of the process to /health/ready / ${targetMs} ms`,
        ratios,
        ours: {
          clients: clientIds.length,
          customersPerClient: perClient,
          readyMs: ready,
          cpuMs: spread(starts.map(({ cpuMs }) => cpuMs)),
          memoryBytes: spread(starts.map(({ memoryBytes }) => memoryBytes)),
          // What of it is the process, without any snapshots.
          emptyReadyMs: spread(await emptyStarts(join(measuring.folder, 'node-start', 'empty'), snapshots)),
        },
        peer: { name: 'none: a limit', version: '', limitMs: targetMs },
      },
    ];
  },
};

/** The data folder of a node that has had all clients' snapshots. */
async function nodeThatHasRun({ folder, audience }: Measuring, perClient: number) {
  const data = join(folder, 'node-start', 'data');
  const snapshots = join(folder, 'node-start', 'snapshots');
  mkdirSync(snapshots, { recursive: true });
  const image = await audience(perClient);
  const publication = await openFileSnapshots({ folder: snapshots });
  for (const clientId of clientIds) {
    await publish(publication, clientId, playbookOf(clientId, 1));
    await publish(publication, clientId, image);
  }
  await publication.close();
  const node = await startOurs({
    app: 'content-query',
    data,
    core: null,
    environment: { VITRINE_SNAPSHOTS: `file:${snapshots}` },
    ready: async (url) => {
      for (const clientId of clientIds) if (!(await answersFromAudience(url, clientId))) return false;
      return true;
    },
  });
  const kept = () => readdirSync(data, { recursive: true }).filter((name) => /\/kept\/.*\.json$/.test(String(name))).length;
  await until('all is kept', 120_000, () => kept() === clientIds.length * 2);
  await node.stop();
  return { data, snapshots };
}

async function start(data: string, snapshots: string, expected: readonly string[] = clientIds) {
  const [edge, ops] = [await freePort(), await freePort()];
  const environment = {
    VITRINE_DATA: data,
    VITRINE_EDGE_PORT: String(edge),
    VITRINE_OPS_PORT: String(ops),
    VITRINE_SECRET: 'a secret of the benchmarks only',
    VITRINE_SNAPSHOTS: `file:${snapshots}`,
  };
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist/apps/content-query/main.js')], {
    cwd: root,
    env: clean(environment),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const closed = once(child, 'close');
  try {
    while ((await statusOf(`http://127.0.0.1:${ops}/health/ready`)) !== 200) {
      if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}`);
      if (performance.now() - began > 60_000) throw new Error('the node is not ready after a minute');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const readyMs = round(performance.now() - began);
    const pid = child.pid as number;
    const used = { cpuMs: round(cpuMicros([pid]) / 1000), memoryBytes: memoryOf(pid).now };
    for (const clientId of expected) {
      if (!(await answersFromAudience(`http://127.0.0.1:${edge}`, clientId))) throw new Error(`${clientId} has no audience`);
    }
    return { readyMs, ...used };
  } finally {
    child.kill('SIGTERM');
    await closed;
  }
}

/** Without snapshots on its disk a node is ready when it has seen the pointers. */
async function emptyStarts(data: string, snapshots: string): Promise<number[]> {
  const none = `${snapshots}-none`;
  mkdirSync(none, { recursive: true });
  const all: number[] = [];
  for (let n = 0; n < 3; n += 1) all.push((await start(data, none, [])).readyMs);
  return all;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    }).once('error', () => resolve(undefined));
  });
}
