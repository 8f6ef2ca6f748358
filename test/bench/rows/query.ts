/** The content query beside others: CPU per request, throughput and latencies of one core. */
import { join } from 'node:path';
import { type AnswerShape, shapeOf } from '../harness/answers.js';
import { cpuMicros } from '../harness/cpu.js';
import { type Ours, startNode } from '../harness/ours.js';
import { type Peer, startHaproxy, startNginx, startNodePeer, startRedis, versionOf } from '../harness/peers.js';
import { aside, paired, round, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { type Measuring, type Need, needs, type Row, type RowId, type RowMaker } from '../harness/row.js';
import { clients } from '../harness/shop.js';

interface Comparison {
  readonly id: RowId;
  readonly target: number;
  readonly clientId: string;
  readonly needs: readonly Need[];
  start(folder: string, shape: AnswerShape, customers: number): Promise<Peer>;
}

const comparisons: readonly Comparison[] = [
  { id: 'query-off-vs-nginx', target: 1, clientId: clients.unrecorded, needs: [needs.nginx], start: startNginx },
  { id: 'query-on-vs-nginx', target: 1.25, clientId: clients.recorded, needs: [needs.nginx], start: startNginx },
  { id: 'query-vs-haproxy-map', target: 0.55, clientId: clients.recorded, needs: [needs.haproxy], start: startHaproxy },
  {
    id: 'query-vs-node-http',
    target: 0.4,
    clientId: clients.recorded,
    needs: [],
    start: async (folder, shape) => ({
      server: await startNodePeer('node-http', folder, shape),
      name: 'Node http, a constant',
      version: process.version,
    }),
  },
  {
    id: 'query-vs-fastify-map',
    target: 0.3,
    clientId: clients.recorded,
    needs: [],
    start: async (folder, shape, customers) => ({
      server: await startNodePeer('fastify-map', folder, shape, [String(customers)]),
      name: 'Fastify with a Map',
      version: `${versionOf('fastify')}, Node ${process.version}`,
    }),
  },
  { id: 'query-vs-node-redis', target: 0.3, clientId: clients.recorded, needs: [needs.redis], start: startRedis },
];

/** A maker for each, so that a peer that fails costs its own row only. */
export const queryRows: readonly RowMaker[] = comparisons.map((comparison) => ({
  ids: [comparison.id],
  needs: [needs.wrk, needs.taskset, ...comparison.needs],
  measure: async (measuring: Measuring) => [await compare(measuring, comparison)],
}));

async function compare(measuring: Measuring, { id, target, clientId, start }: Comparison): Promise<Row> {
  const { customers, rounds, seconds, folder, say } = measuring;
  const ours = await startNode(join(folder, id, 'ours'), await measuring.snapshots(), clientId);
  try {
    const shape = await shapeOf(ours.url, (customer) => `/q/${clientId}/home?c=${customer}&p=hero&x.cart_items=1`, customers);
    const peer = await start(join(folder, id, 'peer'), shape, customers);
    try {
      const run = (server: Ours | Peer['server'], seed: number) =>
        turn(server, { script: 'query.lua', seconds, args: [customers, clientId, seed] });
      await run(ours, 1);
      await run(peer.server, 1);
      const before = await recordingOf(ours);
      const pairs = await paired(
        rounds,
        (round) => run(ours, 100 + round),
        (round) => aside(ours, () => run(peer.server, 100 + round)),
      );
      const after = await recordingOf(ours);
      const later = id === 'query-on-vs-nginx' ? { cpuMicrosPerRecordIntoTheLogLater: await costOfForwarding(ours) } : {};
      const ratios = spread(pairs.map((pair) => pair.ours.cpuMicrosPerRequest / pair.peer.cpuMicrosPerRequest));
      say(`${id}: ${ratios.median} (${ratios.min}–${ratios.max})`);
      return {
        id,
        target,
        ratio: ratios.median,
        met: ratios.median <= target,
        rounds,
        compares: `CPU per request: ours with recording ${clientId === clients.recorded ? 'on' : 'off'} / ${peer.name}`,
        ratios,
        ours: {
          ...summaryOf(pairs.map((pair) => pair.ours)),
          answerBytes: bytesOf(pairs.map((pair) => pair.ours)),
          ...since(before, after),
          ...later,
        },
        peer: {
          name: peer.name,
          version: peer.version,
          ...summaryOf(pairs.map((pair) => pair.peer)),
          answerBytes: bytesOf(pairs.map((pair) => pair.peer)),
        },
      };
    } finally {
      await peer.server.stop();
    }
  } finally {
    await ours.stop();
  }
}

/** What became of the answers' records: a cost that is put off is a cost all the same. */
async function recordingOf(node: Ours) {
  return {
    answers: await node.metric('vitrine_answers_total'),
    dropped: await node.metric('vitrine_records_dropped_total'),
    forwarded: await node.metric('vitrine_spool_forwarded'),
  };
}

/** What is on the node's disk is brought into the log when requests leave time for it: the processor time of that, per record, while none come. Null: all was there. */
async function costOfForwarding(node: Ours): Promise<number | null> {
  const pids = node.pids();
  const [before, cpuBefore] = [(await recordingOf(node)).forwarded, cpuMicros(pids)];
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const forwarded = (await recordingOf(node)).forwarded - before;
  return forwarded === 0 ? null : round((cpuMicros(pids) - cpuBefore) / forwarded);
}

function since(before: Awaited<ReturnType<typeof recordingOf>>, after: typeof before) {
  return {
    answers: after.answers - before.answers,
    recordsDropped: after.dropped - before.dropped,
    recordsForwarded: after.forwarded - before.forwarded,
  };
}

function bytesOf(turns: readonly Turn[]): number {
  return Math.round(turns.reduce((sum, each) => sum + each.bytes / each.requests, 0) / turns.length);
}
