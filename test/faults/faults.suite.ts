import { afterEach, expect, it } from '@jest/globals';
import { Split, type SplitOptions } from '../split.js';
import { until } from '../system.js';
import { type Fault, FaultRun } from './fault-run.js';
import { queryLoops, Traffic } from './traffic.js';

const seed = Number(process.env['VITRINE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const clientId = 'golf';
/** Enough that HAProxy's hash gives some to each node. */
const campaignIds = Array.from({ length: 8 }, (_, index) => `campaign-${index}`);
const buyers = Array.from({ length: 20 }, (_, index) => `buyer-${index}`);
/** What was asked later than this after a node took no more connections must not fail. */
const inFlightMs = 100;
/** Answers reach a node's disk with its flush, ten times a second; on a busy machine later. */
const unflushedMs = 1_500;

let split: Split | undefined;
afterEach(async () => {
  await split?.dispose();
});

/** Steady queries and behaviour while these faults happen: no query fails but those under way to a node, and nothing is lost or doubled. */
export function faultSuite(options: SplitOptions, faults: (run: FaultRun) => Promise<void>): void {
  const { eventLog, snapshots } = options;
  it(`over ${eventLog} and ${snapshots}, faults of every part cost no query, no behaviour and no count (VITRINE_TEST_SEED=${seed})`, async () => {
    const system = await Split.start(options);
    split = system;
    await define(system);
    const traffic = new Traffic(system, { clientId, campaignIds, buyers, random: random(seed + 1) });
    const run = new FaultRun(system, random(seed));
    try {
      await faults(run);
    } finally {
      await traffic.end();
      console.log(summary(run, traffic));
    }

    const nodeFaults = run.faults.filter(({ what }) => system.apps.has(what) && what.startsWith('query-'));
    const isExcused = ({ began, at }: { began: number; at: number }) =>
      nodeFaults.some(({ from, tookUntil }) => began <= tookUntil + inFlightMs && at >= from);
    expect(traffic.failures.filter((failure) => !isExcused(failure))).toEqual([]);
    expect(traffic.failures.length).toBeLessThanOrEqual(nodeFaults.length * queryLoops);
    expect(traffic.wrong).toEqual([]);

    await freshBehaviourCounts(system);
    await everyMessageOnce(system, traffic);
    await ordersAndTotals(system, traffic);
    await answersOnce(
      system,
      traffic,
      nodeFaults.filter(({ kind }) => kind === 'kill'),
    );
  }, 480_000);
}

async function define(system: Split): Promise<void> {
  await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf', currency: 'GBP' });
  for (const contentId of ['welcome', 'thanks']) {
    await system.command('registerContent', 'RegisterContentInput!', { clientId, contentId, type: 'TEXT', body: contentId });
  }
  await system.command('defineSegment', 'DefineSegmentInput!', {
    clientId,
    segmentId: 'buyers',
    name: 'Buyers',
    criteria: { field: 'orders.count', op: 'gte', value: 1 },
  });
  let position = '';
  for (const campaignId of campaignIds) {
    await system.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId, name: campaignId, defaultContentId: 'welcome' });
    const rules = [{ ruleId: 'buyers', priority: 1, segmentId: 'buyers', contentId: 'thanks' }];
    await system.command('setCampaignRules', 'SetCampaignRulesInput!', { clientId, campaignId, rules });
    position = (await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId })).position;
  }
  await system.live(clientId, position, 'PLAYBOOK');
  const bought = await system.behave(
    clientId,
    buyers.map((customerId) => order(customerId, 1)),
    { wait: true },
  );
  await system.live(clientId, bought.position, 'AUDIENCE');
}

function order(customerId: string, total: number) {
  return { type: 'Order Completed', messageId: `first-${customerId}`, customerId, properties: { total } };
}

async function freshBehaviourCounts(system: Split): Promise<void> {
  const { position } = await system.behave(clientId, [order('late', 1)], { wait: true });
  await system.live(clientId, position, 'AUDIENCE');
  for (const campaignId of campaignIds) {
    expect(await system.decide(clientId, campaignId, { c: 'late' })).toMatchObject({ ruleId: 'buyers', reason: 'TARGETING_MATCH' });
  }
}

const ours = `client_id = '${clientId}' AND startsWith(customer_id, 'visitor-')`;

async function everyMessageOnce(system: Split, { accepted }: Traffic): Promise<void> {
  const rows = await system.select(`SELECT message_id AS id, count() AS n FROM behaviour WHERE ${ours} GROUP BY id`);
  const found = new Set(rows.map(({ id }) => id as string));
  expect([...accepted.keys()].filter((id) => !found.has(id))).toEqual([]);
  expect(rows.filter(({ n, id }) => Number(n) !== 1 || !accepted.has(id))).toEqual([]);
}

async function ordersAndTotals(system: Split, { accepted }: Traffic): Promise<void> {
  const expected = new Map<string, { n: number; cents: number }>();
  for (const { type, customerId, properties } of accepted.values()) {
    if (type !== 'Order Completed') continue;
    const { n, cents } = expected.get(customerId) ?? { n: 0, cents: 0 };
    expected.set(customerId, { n: n + 1, cents: cents + Math.round(Number(properties.total) * 100) });
  }
  const rows = await system.select(
    `SELECT customer_id AS id, count() AS n, toInt64(sum(total) * 100) AS cents FROM orders WHERE ${ours} GROUP BY id`,
  );
  expect(new Map(rows.map(({ id, n, cents }) => [id, { n: Number(n), cents: Number(cents) }]))).toEqual(expected);
}

async function answersOnce(system: Split, { answers, failures }: Traffic, kills: readonly Fault[]): Promise<void> {
  const served = () =>
    system.select(
      `SELECT decision_id AS id, count() AS n FROM content_served WHERE ${ours} OR startsWith(customer_id, 'buyer-') GROUP BY id`,
    );
  const isUnflushed = (at: number) => kills.some(({ from, tookUntil }) => at >= from - unflushedMs && at <= tookUntil + inFlightMs);
  let rows = await served();
  await until('the answers are in the tables, but those of killed nodes', 30_000, async () => {
    rows = await served();
    const found = new Set(rows.map(({ id }) => id as string));
    return [...answers].every(([id, at]) => found.has(id) || isUnflushed(at));
  });
  expect(rows.filter(({ n }) => Number(n) !== 1)).toEqual([]);
  // An answer that broke on its way to the page is recorded all the same.
  expect(rows.filter(({ id }) => !answers.has(id)).length).toBeLessThanOrEqual(failures.length);
  console.log(`${answers.size - rows.filter(({ id }) => answers.has(id)).length} of ${answers.size} answers lost with killed nodes`);
}

function summary({ faults }: FaultRun, traffic: Traffic): string {
  const { answers, failures, accepted, retries, repeats, slowestMs } = traffic;
  return [
    `seed ${seed}: ${answers.size} answers (slowest ${slowestMs} ms), ${accepted.size} messages (${repeats} sent again, ${retries} retries)`,
    ...faults.map(({ kind, what, from, to }) => `${kind} ${what} at ${from}, ${to - from} ms`),
    ...failures.map(({ began, at, what }) => `failed: ${began} to ${at}: ${what}`),
  ].join('\n');
}

/** mulberry32: the same numbers from the same seed. */
function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
