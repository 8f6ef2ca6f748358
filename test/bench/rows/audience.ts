/** The audience in memory: its size, a lookup, an increment of 1 % of the customers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Change, customerHash, encodeIncrement, Overlay, readAudience, versionOf } from '#libs/snapshots';
import { collect } from '../../system.js';
import { root, serverCore } from '../harness/processes.js';
import { round, spread } from '../harness/rounds.js';
import { type Measuring, needs, type Row, type RowMaker } from '../harness/row.js';
import { idOf, segmentIds } from '../harness/shop.js';

const bytesTarget = 6;
const lookupMicrosTarget = 0.5;
const incrementTarget = 0.02;
const applyMsTarget = 100;
/** Longer than that is a pause. */
const pauseMsMax = 10;
const limit = { name: 'none: a limit', version: '' };

export const audienceRows: RowMaker = {
  ids: ['audience-bytes-per-customer', 'audience-lookup-us', 'increment-bytes', 'increment-apply-ms'],
  needs: [needs.taskset],
  async measure(measuring, ids) {
    const lookups = ids.some((id) => id.startsWith('audience-')) ? await lookupRows(measuring) : [];
    const increments = ids.some((id) => id.startsWith('increment-')) ? await incrementRows(measuring) : [];
    return [...lookups, ...increments].filter(({ id }) => ids.includes(id));
  },
};

interface Lookups {
  readonly bytes: number;
  readonly mapBytesPerCustomer: number;
  readonly pairs: readonly { readonly ours: number; readonly map: number }[];
}

async function lookupRows({ customers, rounds, short, say }: Measuring): Promise<Row[]> {
  const program = [process.execPath, '--max-old-space-size=12000', join(root, 'dist/test/bench/peers/audience-lookups.js')];
  const args = [String(customers), String(short ? 100_000 : 1_000_000), String(rounds)];
  const child = spawn('taskset', ['-c', String(serverCore), ...program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the lookups ended with ${code}: ${output().stderr}`);
  const { bytes, mapBytesPerCustomer, pairs } = JSON.parse(output().stdout) as Lookups;
  const perCustomer = bytes / customers;
  const micros = spread(pairs.map(({ ours }) => ours));
  const ratios = spread(pairs.map(({ ours }) => ours / lookupMicrosTarget));
  say(`audience: ${round(perCustomer)} bytes per customer, lookup ${micros.median} µs (${micros.min}–${micros.max})`);
  const map = { name: "JavaScript's Map from the id to a number", version: `Node ${process.version}` };
  return [
    {
      id: 'audience-bytes-per-customer',
      target: 1,
      ratio: round(perCustomer / bytesTarget),
      met: perCustomer <= bytesTarget,
      rounds: 1,
      compares: `bytes of memory per customer at ${customers} customers / ${bytesTarget}`,
      ratios: spread([perCustomer / bytesTarget]),
      ours: { customers, imageBytes: bytes, bytesPerCustomer: round(perCustomer) },
      peer: { ...map, bytesPerCustomer: round(mapBytesPerCustomer) },
    },
    {
      id: 'audience-lookup-us',
      target: 1,
      ratio: ratios.median,
      met: ratios.median <= 1,
      rounds,
      compares: `µs from a random customer's id to the membership, hash included, at ${customers} customers / ${lookupMicrosTarget}`,
      ratios,
      // 4 remainders of 32 bits at most stand in a bucket: docs/adr/0009.
      ours: { micros, unknownTakenForKnown: 'below 1e-9 per lookup (at most 4 remainders of 32 bits in a bucket)' },
      peer: { ...map, micros: spread(pairs.map((pair) => pair.map)) },
    },
  ];
}

async function incrementRows({ customers, rounds, say, audience }: Measuring): Promise<Row[]> {
  const { bytes: image } = await audience(customers);
  const { version } = versionOf(image);
  const base = readAudience(image);
  const changed = Math.floor(customers / 100);
  const places = Array.from({ length: rounds }, (_, round) => round);
  const increments = places.map((place) =>
    encodeIncrement({ base: version, sequence: 1, segments: segmentIds.length }, changesOf(changed, customers, place)),
  );
  const applied: { readonly ms: number; readonly pauseMs: number }[] = [];
  for (const increment of increments) {
    const overlay = await Overlay.inSlices(base, version);
    applied.push(await pausesOf(() => overlay.applyInSlices(increment)));
  }
  const shares = spread(increments.map(({ length }) => length / image.length));
  const ms = spread(applied.map((each) => each.ms));
  const pauseMs = spread(applied.map((each) => each.pauseMs));
  const ratios = spread(applied.map((each) => each.ms / applyMsTarget));
  say(
    `increment of ${changed}: ${round(shares.median * 100)} % of the image, applied in ${ms.median} ms, longest pause ${pauseMs.median} ms`,
  );
  return [
    {
      id: 'increment-bytes',
      target: incrementTarget,
      ratio: shares.median,
      met: shares.median <= incrementTarget,
      rounds,
      compares: `bytes of an increment of 1 % of ${customers} customers / bytes of the image`,
      ratios: shares,
      ours: { customers: changed, bytes: spread(increments.map(({ length }) => length)) },
      peer: { name: 'the whole image', version: '', bytes: image.length },
    },
    {
      id: 'increment-apply-ms',
      target: 1,
      ratio: ratios.median,
      met: ratios.median <= 1 && pauseMs.median <= pauseMsMax,
      rounds,
      compares: `ms until an increment of 1 % of ${customers} customers counts / ${applyMsTarget}, with no pause above ${pauseMsMax} ms`,
      ratios,
      ours: { customers: changed, ms, longestPauseMs: pauseMs },
      peer: { ...limit, limitMs: applyMsTarget },
    },
  ];
}

function changesOf(count: number, customers: number, seed: number): Change[] {
  const chosen = new Set<number>();
  for (let n = 0; chosen.size < count; n += 1) chosen.add((n * 7_919 + seed * 104_729 + (n % 97) * 31) % customers);
  return [...chosen].map((customer) => ({
    hash: customerHash(idOf(customer)),
    set: new Uint32Array([((customer % 199) + 1) * 0x9e37, customer & 1]),
  }));
}

/** How long the work took, and the longest time in which nothing else could run meanwhile. */
async function pausesOf(work: () => Promise<void>): Promise<{ readonly ms: number; readonly pauseMs: number }> {
  let pauseMs = 0;
  let last = performance.now();
  let running = true;
  const look = () => {
    const now = performance.now();
    pauseMs = Math.max(pauseMs, now - last);
    last = now;
    if (running) setImmediate(look);
  };
  setImmediate(look);
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  running = false;
  return { ms, pauseMs };
}
