/** Another audience under full load: what requests notice of it, and what memory it takes for a while. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AudienceImage, SnapshotPublication } from '#libs/snapshots';
import { versionOf } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { until } from '../../system.js';
import { memoryOf } from '../harness/cpu.js';
import { type Ours, startNode } from '../harness/ours.js';
import { paired, round, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { type Measuring, needs, type Row, type RowMaker } from '../harness/row.js';
import { audienceOf, clients, idOf, playbookOf, publish } from '../harness/shop.js';

const p999Target = 1.2;
const slowMsMax = 10;
const memoryTarget = 2.2;

export const swapRows: RowMaker = {
  ids: ['swap-p999', 'swap-peak-memory'],
  needs: [needs.wrk, needs.taskset],
  async measure(measuring, ids) {
    const rows: Row[] = [];
    if (ids.includes('swap-p999')) {
      rows.push(
        await onNode(measuring, 'swap-p999', clients.recorded, async (node, swaps) => {
          await swaps.next(node);
          return latencies(measuring, node, swaps);
        }),
      );
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
  const folder = join(measuring.folder, name);
  mkdirSync(folder, { recursive: true });
  const publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
  try {
    await publish(publication, clientId, playbookOf(clientId, clientId === clients.recorded ? 1 : 0.000001));
    await publish(publication, clientId, await audienceOf(1_000));
    // On both cores, where the load generator takes its part: the thread that loads has to find time somewhere.
    const node = await startNode(join(folder, 'node'), join(folder, 'snapshots'), clientId, { core: null });
    try {
      const swaps = new Swaps(publication, clientId, images);
      await swaps.load(node, measuring, 1);
      await swaps.load(node, measuring, 2);
      return await measure(node, swaps);
    } finally {
      await node.stop();
    }
  } finally {
    await publication.close();
  }
}

/** Publishes one of two audiences of all customers after the other, and waits until the node answers by it. */
class Swaps {
  private turn = 0;
  private readonly versions: readonly string[];

  constructor(
    private readonly publication: SnapshotPublication,
    private readonly clientId: string,
    private readonly images: readonly [AudienceImage, AudienceImage],
  ) {
    this.versions = images.map(({ bytes }) => versionOf(bytes).version);
  }

  get imageBytes(): number {
    return this.images[0].bytes.length;
  }

  /** Milliseconds from the announcement to the first answer by it. */
  async next(node: Ours): Promise<number> {
    const next = this.turn % 2 === 0 ? 0 : 1;
    this.turn += 1;
    await publish(this.publication, this.clientId, this.images[next]);
    const announced = performance.now();
    await until('the swap', 60_000, async () => {
      const response = await fetch(`${node.url}/q/${this.clientId}/home?c=${idOf(0)}`);
      return ((await response.json()) as { audience: string }).audience === this.versions[next];
    });
    return performance.now() - announced;
  }

  load(node: Ours, { customers, seconds }: Measuring, seed: number): Promise<Turn> {
    return turn(node, { script: 'query.lua', seconds: seconds * 2, args: [customers, this.clientId, seed] });
  }

  /** The same work of this process, and nothing for the node: the audience that it has is published again. */
  async none(): Promise<void> {
    await publish(this.publication, this.clientId, this.images[this.turn % 2 === 0 ? 1 : 0]);
  }
}

async function latencies(measuring: Measuring, node: Ours, swaps: Swaps): Promise<Row> {
  const swapMs: number[] = [];
  let within = 0;
  const pairs = await paired(
    measuring.rounds,
    async (round) => {
      const loaded = swaps.load(node, measuring, 100 + round);
      await afterHalfASecond();
      let ended = false;
      void loaded.finally(() => {
        ended = true;
      });
      swapMs.push(await swaps.next(node));
      if (!ended) within += 1;
      return loaded;
    },
    async (round) => {
      const loaded = swaps.load(node, measuring, 100 + round);
      await afterHalfASecond();
      await swaps.none();
      return loaded;
    },
  );
  const ratios = spread(pairs.map(({ ours, peer }) => ours.p999Ms / peer.p999Ms));
  const [slowest, slowestWithout] = [spread(pairs.map(({ ours }) => ours.maxMs)), spread(pairs.map(({ peer }) => peer.maxMs))];
  measuring.say(
    `swap-p999: ${ratios.median} (${ratios.min}–${ratios.max}), slowest ${slowest.median} ms, without ${slowestWithout.median} ms`,
  );
  return {
    id: 'swap-p999',
    target: p999Target,
    ratio: ratios.median,
    met: within === measuring.rounds && ratios.median <= p999Target && slowest.median <= Math.max(slowMsMax, slowestWithout.median),
    rounds: measuring.rounds,
    compares: `p99.9 of seconds with a swap of ${measuring.customers} customers in them / without; no request above ${slowMsMax} ms because of it`,
    ratios,
    ours: { ...summaryOf(pairs.map(({ ours }) => ours)), slowestMs: slowest, swapMs: spread(swapMs), swapsWithinLoad: within },
    peer: { name: 'the same node without a swap', version: '', ...summaryOf(pairs.map(({ peer }) => peer)), slowestMs: slowestWithout },
  };
}

async function peakMemory(measuring: Measuring, node: Ours, swaps: Swaps): Promise<Row> {
  const pid = node.pids()[0] as number;
  const peakOf = async (round: number, during: () => Promise<unknown>) => {
    const loaded = swaps.load(node, { ...measuring, seconds: 1 }, 200 + round);
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
  await swaps.next(node);
  for (let n = 0; n < measuring.rounds; n += 1) peaks.push(await peakOf(measuring.rounds + n, () => swaps.next(node)));
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

function afterHalfASecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 500));
}
