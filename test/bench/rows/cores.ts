/** Several workers on one port beside one: requests per second of processor time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeSettings } from '#libs/settings';
import { startNode } from '../harness/ours.js';
import { paired, spread, summaryOf, turn } from '../harness/rounds.js';
import { needs, type RowMaker } from '../harness/row.js';
import { clients } from '../harness/shop.js';

const workers = 2;
/** 1 / 0.9: as a cost, so that less is better here as everywhere. */
const target = 1.111;

export const coresRow: RowMaker = {
  ids: ['cores-scaling'],
  needs: [needs.wrk, needs.taskset],
  async measure({ folder, customers, rounds, seconds, say, snapshots }) {
    if (!describeSettings({}).some(({ name }) => name === 'VITRINE_WORKERS'))
      throw new Error('this version has no setting VITRINE_WORKERS');
    const clientId = clients.recorded;
    const node = async (name: string, count: number) =>
      startNode(join(folder, 'cores', name), await snapshots(), clientId, { core: null, environment: { VITRINE_WORKERS: String(count) } });
    const [many, one] = [await node('many', workers), await node('one', 1)];
    try {
      const run = (server: typeof many, seed: number) => turn(server, { script: 'query.lua', seconds, args: [customers, clientId, seed] });
      await run(many, 1);
      await run(one, 1);
      const pairs = await paired(
        rounds,
        (round) => run(many, 100 + round),
        (round) => run(one, 100 + round),
      );
      const ratios = spread(pairs.map(({ ours, peer }) => ours.cpuMicrosPerRequest / peer.cpuMicrosPerRequest));
      say(`cores-scaling: ${ratios.median} (${ratios.min}–${ratios.max})`);
      return [
        {
          id: 'cores-scaling',
          target,
          ratio: ratios.median,
          met: ratios.median <= target,
          rounds,
          compares: `CPU per request with VITRINE_WORKERS=${workers} / with 1, where the load generator takes part of the 2 cores`,
          ratios,
          ours: { ...summaryOf(pairs.map(({ ours }) => ours)), memoryBytes: shareOf(many.pids()) },
          peer: { name: 'VITRINE_WORKERS=1', version: '', ...summaryOf(pairs.map(({ peer }) => peer)), memoryBytes: shareOf(one.pids()) },
        },
      ];
    } finally {
      await many.stop();
      await one.stop();
    }
  },
};

/** What they hold together: memory that several share counts once (proportional set size). */
function shareOf(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) => sum + Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024,
    0,
  );
}
