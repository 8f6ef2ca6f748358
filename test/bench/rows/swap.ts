/** Another audience under full load: what requests notice of it, and what memory it takes for a while. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type AudienceImage, versionOf } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { memoryOf } from '../harness/cpu.js';
import { together } from '../harness/latencies.js';
import { type Ours, startNode } from '../harness/ours.js';
import { root, serverCore } from '../harness/processes.js';
import { round, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { type Measuring, needs, type Row, type RowMaker } from '../harness/row.js';
import { audienceOf, clients, playbookOf, publish } from '../harness/shop.js';
import type { Publish, Published } from '../peers/publisher.js';

const p999Target = 1.2;
const slowMsMax = 10;
const swapEveryMs = 2_000;
const memoryTarget = 2.2;

export const swapRows: RowMaker = {
  ids: ['swap-p999', 'swap-peak-memory'],
  needs: [needs.wrk, needs.taskset],
  async measure(measuring, ids) {
    const rows: Row[] = [];
    if (ids.includes('swap-p999')) {
      rows.push(await onNode(measuring, 'swap-p999', clients.recorded, (node, swaps) => latencies(measuring, node, swaps)));
    }
    // The pages of the log's file, which grows with every record, count as the process's memory: here nothing is recorded.
    if (ids.includes('swap-peak-memory')) {
      rows.push(await onNode(measuring, 'swap-peak-memory', clients.unrecorded, (node, swaps) => peakMemory(measuring, node, swaps)));
    }
    return rows;
  },
};

/** A node that answers from a small audience, and is warm. */
async function onNode(
  measuring: Measuring,
  name: string,
  clientId: string,
  measure: (node: Ours, swaps: Swaps) => Promise<Row>,
): Promise<Row> {
  const images = [await measuring.audience(measuring.customers), await measuring.audience(measuring.customers, 1)] as const;
  const [folder, snapshots, data] = ['', 'snapshots', 'node'].map((part) => join(measuring.folder, name, part)) as [string, string, string];
  mkdirSync(folder, { recursive: true });
  const publication = await openFileSnapshots({ folder: snapshots });
  try {
    await publish(publication, clientId, playbookOf(clientId, clientId === clients.recorded ? 1 : 0.000001));
    for (const image of images) await publish(publication, clientId, image);
    await publish(publication, clientId, await audienceOf(1_000));
  } finally {
    await publication.close();
  }
  const node = await startNode(data, snapshots, clientId, { core: null });
  answerOnItsCore(node);
  const publisher = startPublisher(snapshots, data, clientId);
  try {
    const swaps = new Swaps(publisher, clientId, images);
    await swaps.load(node, measuring, 1, 4);
    await swaps.load(node, measuring, 2, 4);
    return await measure(node, swaps);
  } finally {
    publisher.disconnect();
    await node.stop();
  }
}

/**
 * The thread that answers has one core, the load generator the other, as in all rows; the node's other threads may run on both, and the one that loads has to
 * find time on one of them. Without that the kernel puts the two on one core for seconds whenever somebody else needs a moment, which no swap has to do with.
 */
function answerOnItsCore(node: Ours): void {
  // The process's first thread, which has the process's number, and no other.
  execFileSync('taskset', ['-cp', String(serverCore), String(node.pids()[0])], { stdio: 'ignore' });
}

/** At a priority at which it takes no time from anybody: hashing an image is the work of another machine. */
function startPublisher(snapshots: string, data: string, clientId: string): ChildProcess {
  const program = join(root, 'dist/test/bench/peers/publisher.js');
  return spawn('chrt', ['--idle', '0', process.execPath, program, snapshots, data, clientId], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Publishes one of two audiences of all customers after the other, and waits until the node answers by it and has it on its disk. */
class Swaps {
  private turn = 0;
  private position = 1_000_000;
  private readonly versions: readonly string[];

  constructor(
    private readonly publisher: ChildProcess,
    private readonly clientId: string,
    private readonly images: readonly [AudienceImage, AudienceImage],
  ) {
    this.versions = images.map(({ bytes }) => versionOf(bytes).version);
  }

  get imageBytes(): number {
    return this.images[0].bytes.length;
  }

  next(): Promise<Published> {
    this.turn += 1;
    return this.say();
  }

  /** The same work of the publisher, and nothing for the node: the audience that it has is announced again. */
  none(): Promise<Published> {
    return this.say();
  }

  load(node: Ours, { customers }: Measuring, seed: number, seconds: number): Promise<Turn> {
    return turn(node, { script: 'query.lua', seconds, args: [customers, this.clientId, seed] });
  }

  private async say(): Promise<Published> {
    this.position += 1;
    const which = this.turn % 2;
    const { customers, memberships } = this.images[which] as AudienceImage;
    const heard = this.heard();
    this.publisher.send({ version: this.versions[which] as string, position: this.position, customers, memberships } satisfies Publish);
    return heard;
  }

  private async heard(): Promise<Published> {
    const listening = new AbortController();
    const { signal } = listening;
    try {
      return await Promise.race([
        once(this.publisher, 'message', { signal }).then(([published]) => published as Published),
        once(this.publisher, 'exit', { signal }).then(() => Promise.reject(new Error('the publisher ended'))),
      ]);
    } finally {
      listening.abort();
    }
  }
}

interface SwapTurn {
  readonly load: Turn;
  readonly swaps: readonly Published[];
}

/**
 * Each round has three turns of load: one with swaps, one without, and one more without, which shows how far two turns of the same differ on this
 * machine. Audiences of all customers come every two seconds, a hundred times as often as the ten clients of a node would have them.
 */
async function latencies(measuring: Measuring, node: Ours, swaps: Swaps): Promise<Row> {
  const seconds = measuring.seconds * 4;
  // The first takes the place of nothing: a swap is from the third on, when both buffers are there.
  for (let n = 0; n < 3; n += 1) await swaps.next();
  let within = 0;
  const turnOf = async (seed: number, publish: () => Promise<Published>): Promise<SwapTurn> => {
    const began = performance.now();
    const loaded = swaps.load(node, measuring, seed, seconds);
    const published: Published[] = [];
    for (let at = swapEveryMs / 4; at < seconds * 1000 - swapEveryMs / 2; at += swapEveryMs) {
      await setTimeout(Math.max(0, began + at - performance.now()));
      if (performance.now() - began > seconds * 1000 - swapEveryMs / 2) break;
      published.push(await publish());
    }
    if (performance.now() - began < seconds * 1000) within += 1;
    return { load: await loaded, swaps: published };
  };
  const rounds: { readonly with: SwapTurn; readonly without: SwapTurn; readonly control: SwapTurn }[] = [];
  for (let n = 0; n < measuring.rounds; n += 1) {
    const turns: Partial<Record<'with' | 'without' | 'control', SwapTurn>> = {};
    // Whatever follows what, in turns.
    for (let at = 0; at < 3; at += 1) {
      const kind = (['with', 'without', 'control'] as const)[(n + at) % 3] as 'with' | 'without' | 'control';
      turns[kind] = await turnOf(100 + n, kind === 'with' ? () => swaps.next() : () => swaps.none());
    }
    rounds.push(turns as Required<typeof turns>);
  }
  const ratios = spread(rounds.map((each) => each.with.load.p999Ms / together([each.without.load, each.control.load]).percentileMs(0.999)));
  const noise = spread(rounds.map((each) => each.control.load.p999Ms / each.without.load.p999Ms));
  const figures = (kind: 'with' | 'without' | 'control') => {
    const loads = rounds.map((each) => each[kind].load);
    const all = together(loads);
    return {
      ...summaryOf(loads),
      slowestMs: spread(loads.map(({ maxMs }) => maxMs)),
      pooledP999Ms: all.percentileMs(0.999),
      pooledP9999Ms: all.percentileMs(0.9999),
      pooledSlowestMs: all.maxMs,
      aboveTenMs: all.above(slowMsMax),
      requests: all.requests,
    };
  };
  const [ours, without, control] = [figures('with'), figures('without'), figures('control')];
  const swapped = rounds.flatMap((each) => each.with.swaps);
  measuring.say(
    `swap-p999: ${ratios.median} (${ratios.min}–${ratios.max}), without against without ${noise.median} (${noise.min}–${noise.max}); p99.9 of all ${ours.pooledP999Ms}, ${without.pooledP999Ms}, ${control.pooledP999Ms} ms; above ${slowMsMax} ms ${ours.aboveTenMs}, ${without.aboveTenMs}, ${control.aboveTenMs} of ${ours.requests}; slowest ${ours.slowestMs.median}, ${without.slowestMs.median}, ${control.slowestMs.median} ms`,
  );
  return {
    id: 'swap-p999',
    target: p999Target,
    ratio: ratios.median,
    met: ratios.median <= p999Target && ours.slowestMs.median <= Math.max(slowMsMax, without.slowestMs.median, control.slowestMs.median),
    rounds: measuring.rounds,
    compares: `p99.9 of ${seconds} s with a swap of ${measuring.customers} customers every ${swapEveryMs / 1000} s / of the two without; no request above ${slowMsMax} ms because of it`,
    ratios,
    ours: {
      ...ours,
      swaps: swapped.length,
      turnsWithAllWithin: within,
      swapMs: spread(swapped.map(({ loadedMs }) => loadedMs)),
      onDiskMs: spread(swapped.map(({ keptMs }) => keptMs)),
    },
    peer: {
      name: 'the same node without a swap',
      version: '',
      ...without,
      // What the method itself tells apart: the same again.
      controlRatio: noise,
      controlPooledP999Ms: control.pooledP999Ms,
      controlAboveTenMs: control.aboveTenMs,
      controlSlowestMs: control.slowestMs,
    },
  };
}

async function peakMemory(measuring: Measuring, node: Ours, swaps: Swaps): Promise<Row> {
  const pid = node.pids()[0] as number;
  const peakOf = async (round: number, during: () => Promise<unknown>) => {
    const loaded = swaps.load(node, measuring, 200 + round, 2);
    // Forgets the peak so far (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    await during();
    await loaded;
    return memoryOf(pid).peak;
  };
  // Peaks are compared with peaks: the heap of a node that answers and records rises and falls by more than an image.
  const bases: number[] = [];
  for (let n = 0; n < measuring.rounds; n += 1) bases.push(await peakOf(n, () => Promise.resolve()));
  const base = spread(bases).median;
  const peaks: number[] = [];
  // The first takes the place of nothing: a swap is from the second on.
  await swaps.next();
  for (let n = 0; n < measuring.rounds; n += 1) peaks.push(await peakOf(measuring.rounds + n, () => swaps.next()));
  const ratios = spread(peaks.map((peak) => (peak - base) / swaps.imageBytes));
  measuring.say(`swap-peak-memory: ${ratios.median} images (${ratios.min}–${ratios.max}) above ${round(base / 2 ** 20)} MiB`);
  return {
    id: 'swap-peak-memory',
    target: memoryTarget,
    ratio: ratios.median,
    met: ratios.median <= memoryTarget,
    rounds: measuring.rounds,
    compares: `peak of the node's memory during a swap under load, above its peak under the same load with 1,000 customers / one audience of ${measuring.customers}`,
    ratios,
    ours: { peakBytes: spread(peaks), baseBytes: spread(bases) },
    peer: { name: 'one audience', version: '', bytes: swaps.imageBytes },
  };
}
