/** The content query beside others: CPU per request, throughput and latencies of one core. */
import { join } from 'node:path';
import { until } from '../../system.js';
import { type AnswerShape, shapeOf } from '../harness/answers.js';
import { cpuMicros } from '../harness/cpu.js';
import { type Ours, startNode } from '../harness/ours.js';
import { type Peer, startHaproxy, startNginx, startNodePeer, startRedis, versionOf } from '../harness/peers.js';
import { paired, round, spread, summaryOf, type Turn, turn } from '../harness/rounds.js';
import { type Measuring, type Need, needs, type Row, type RowId, type RowMaker } from '../harness/row.js';
import { clients } from '../harness/shop.js';
import { load } from '../harness/wrk.js';

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
    const shape = await shapeOf(ours.url, (customer) => `/q/${clientId}/home?c=${customer}&s=${customer}&p=hero&x.cart_items=1`, customers);
    const peer = await start(join(folder, id, 'peer'), shape, customers);
    try {
      const inTurns = async (form: 'get' | 'tag') => {
        const run = (server: Ours | Peer['server'], seed: number) =>
          turn(server, { script: 'query.lua', seconds, args: [customers, clientId, seed, form] });
        await run(ours, 1);
        await run(peer.server, 1);
        return paired(
          rounds,
          (round) => run(ours, 100 + round),
          (round) => run(peer.server, 100 + round),
        );
      };
      const before = await recordingOf(ours);
      const pairs = await inTurns('get');
      const after = await recordingOf(ours);
      const asTag = peer.name === 'nginx' ? asTheTagAsks(await inTurns('tag')) : {};
      const later = id === 'query-on-vs-nginx' ? await costIntoLog(measuring, clientId) : {};
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
          ...asTag,
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

/** The same in the form in which the tag asks: `POST`, with a body that names slots. The peer's answer is the same constant. */
function asTheTagAsks(pairs: readonly { readonly ours: Turn; readonly peer: Turn }[]) {
  return {
    tagRatios: spread(pairs.map(({ ours, peer }) => ours.cpuMicrosPerRequest / peer.cpuMicrosPerRequest)),
    tagCpuMicrosPerRequest: spread(pairs.map(({ ours }) => ours.cpuMicrosPerRequest)),
    tagPeerCpuMicrosPerRequest: spread(pairs.map(({ peer }) => peer.cpuMicrosPerRequest)),
    tagAnswerBytes: bytesOf(pairs.map(({ ours }) => ours)),
  };
}

/** What became of the answers' records, and how many answers were templates. */
async function recordingOf(node: Ours) {
  return {
    answers: await node.metric('vitrine_answers_total'),
    prepared: await node.metric('vitrine_fast_path_answers_total{way="prepared"}'),
    dropped: await node.metric('vitrine_records_dropped_total'),
    waiting: await node.metric('vitrine_spool_facts'),
  };
}

/** All that an answer costs, its record in a log in a folder included: the processor time from the first request until the last record is there, per answer. */
async function costIntoLog({ folder, customers, seconds, snapshots }: Measuring, clientId: string) {
  const node = await startNode(join(folder, 'query-into-log'), await snapshots(), clientId, {
    environment: { VITRINE_EVENT_LOG: 'file:' },
  });
  try {
    const before = cpuMicros(node.pids());
    const { requests } = await load({ script: 'query.lua', url: node.url, seconds, args: [customers, clientId, 7] });
    await until('all is in the log', 300_000, async () => (await node.metric('vitrine_spool_facts')) === 0);
    return { cpuMicrosPerAnswerIntoFileLog: round((cpuMicros(node.pids()) - before) / requests) };
  } finally {
    await node.stop();
  }
}

function since(before: Awaited<ReturnType<typeof recordingOf>>, after: typeof before) {
  return {
    answers: after.answers - before.answers,
    answersPrepared: after.prepared - before.prepared,
    recordsDropped: after.dropped - before.dropped,
    recordsOnDisk: after.waiting - before.waiting,
  };
}

function bytesOf(turns: readonly Turn[]): number {
  return Math.round(turns.reduce((sum, each) => sum + each.bytes / each.requests, 0) / turns.length);
}
