/**
 * A whole build of an audience, from the question to the published, checksummed and fsynced file, beside the bare ClickHouse query that computes the
 * same memberships (`FORMAT Null`, in no order). Embedded ClickHouse; the customers' states are there, as after a refresh. Target: at most 3 times.
 *
 *   npm run build && node dist/test/bench/audience-build.js [customers, 5000000 by default] [rounds, 9 by default] [folder that is kept]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import { type ClickHouseConnection, migrate, openAnalytics, openAnalyticsWriter, openClickHouse } from '#libs/analytics/clickhouse';
import { startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import type { Criteria } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { audienceSegmentIds, type ClientDefinitions, scopeOf, segmentCriteria } from '#libs/projections';
import { type Announcement, encodeIncrementInSlices } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { AudienceKeeper, touchedMaxDefault } from '../../libs/features/snapshot-builder/audience-keeper.js';
import { Judging } from '../../libs/features/snapshot-builder/judging.js';
import { KeptOverlays } from '../../libs/features/snapshot-builder/kept-overlays.js';
import { BuilderMetrics } from '../../libs/features/snapshot-builder/metrics.js';
import { eventsPerCustomer, writeHistory, writeLater } from './audience-history.js';
import { cpuMicros, forgetPeak, memoryOf } from './harness/cpu.js';

export interface AudienceBuildOptions {
  readonly customers: number;
  readonly rounds: number;
  /** Tables that are there already are used again; absent: a temporary folder. */
  readonly folder?: string;
  readonly say: (line: string) => void;
}

export interface AudienceBuildFigures {
  readonly customers: number;
  readonly events: number;
  readonly segments: number;
  readonly memberships: number;
  readonly imageBytes: number;
  /** What a customer's state takes on the disk. */
  readonly stateBytesPerCustomer: number;
  readonly rounds: readonly BuildRound[];
  /** Of 1 % of the customers at once, and of a few hundred, as they come within seconds. */
  readonly increments: readonly IncrementRound[];
  readonly fewTouched: readonly IncrementRound[];
}

export interface BuildRound {
  readonly oursMs: number;
  readonly bareQueryMs: number;
  readonly ratio: number;
  /** Processor time of the build: in this process, and in ClickHouse's; and of the bare query there. */
  readonly builderCpuMs: number;
  readonly clickHouseCpuMs: number;
  readonly bareQueryCpuMs: number;
  /** The most that each process held during the build. */
  readonly builderPeakBytes: number;
  readonly clickHousePeakBytes: number;
}

/** Customers with an event, as though all of them had changed: from the question whom events touched to the bytes of the increment. */
export interface IncrementRound {
  readonly customers: number;
  readonly ms: number;
  readonly bytes: number;
  readonly clickHouseCpuMs: number;
  readonly builderCpuMs: number;
}

const clientId = 'shop';
/** Touched customers of a busy client within the seconds between two increments. */
const few = 400;

/** Another threshold is another audience: no round finds the file of one before. */
function segmentsOf(round: number): Record<string, Criteria> {
  return {
    buyers: { field: 'orders.count', op: 'gte', value: 1 },
    repeat: { field: 'visits.count', op: 'gt', value: 1 },
    'first-time': { field: 'visits.count', op: 'eq', value: 1 },
    spenders: { field: 'orders.total', op: 'gte', value: `${50 + round}.00` },
    lately: { field: 'visits.last', op: 'newerThan', value: '7d' },
    lost: {
      all: [
        { field: 'orders.count', op: 'gte', value: 1 },
        { field: 'orders.last', op: 'olderThan', value: '60d' },
      ],
    },
    'carts-left': { field: 'cart.abandons', op: 'gte', value: 2 },
    viewers: { field: 'views.count', op: 'gte', value: 5, within: '30d' },
    news: { all: [{ field: 'arrival.source', op: 'eq', value: 'news' }, { not: { segment: 'buyers' } }] },
    frequent: { field: 'visits.count', op: 'gte', value: 2, within: '30d' },
  };
}

export async function measureAudienceBuild({ customers, rounds, folder: given, say }: AudienceBuildOptions): Promise<AudienceBuildFigures> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'vitrine-audience-build-')));
  const engine = await startEmbeddedClickHouse({ folder: join(folder, 'clickhouse'), httpPort: 0, nativePort: 0, onExit: say });
  const connection = openClickHouse({ url: engine.url, database: engine.database, requestTimeoutMs: 1_800_000 });
  try {
    await migrate(connection, migrations);
    await prepare(connection, customers, say);
    const buildFolder = await mkdtemp(join(folder, 'build-'));
    try {
      return await measured(connection, buildFolder, { customers, rounds, say, enginePid: engine.pid });
    } finally {
      await rm(buildFolder, { recursive: true, force: true });
    }
  } finally {
    await connection.close();
    await engine.stop();
    if (given === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The history and its states; then 1 % of the customers do something more and their states are made anew, as a day's traffic leaves the tables. */
async function prepare(connection: ClickHouseConnection, customers: number, say: (line: string) => void): Promise<void> {
  const rowsOf = async (table: string) => Number((await connection.query<{ n: string }>(`SELECT count() AS n FROM ${table}`))[0]?.n);
  const step = async (name: string, work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work();
    say(`${name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  };
  const until = new Date();
  if ((await rowsOf('checkpoints')) === 0)
    await step(`${customers * eventsPerCustomer} events`, () => writeHistory(connection, clientId, customers, until));
  if ((await rowsOf('customer_state_marks')) > 0) return;
  await step("customers' states", () => openAnalyticsWriter(connection).refreshStates('all'));
  await writeLater(connection, clientId, customers, until);
  await step('states of 1 % again', () => openAnalyticsWriter(connection).refreshStates('all'));
}

async function measured(
  connection: ClickHouseConnection,
  folder: string,
  { customers, rounds, say, enginePid }: Omit<AudienceBuildOptions, 'folder'> & { readonly enginePid: number },
): Promise<AudienceBuildFigures> {
  const log = await openFileLog({ folder: join(folder, 'log') });
  const publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
  const recording = recordingStreams(connection);
  try {
    const analytics = openAnalytics(recording.connection);
    const projectedTo = (await analytics.projectedTo()) as Position;
    let definitions = definitionsOf(0, projectedTo);
    let published: Announcement | undefined;
    let publishedAt = 0;
    const clock = () => new Date();
    const keeper = new AudienceKeeper(
      {
        log,
        analytics,
        publication: Object.assign(Object.create(publication) as typeof publication, {
          publish: async (snapshot: Parameters<typeof publication.publish>[0]) => {
            published = await publication.publish(snapshot);
            publishedAt = performance.now();
            return published;
          },
        }),
        metrics: new BuilderMetrics(new Registry(), clock),
        clock,
        options: { incrementSeconds: 2 },
        definitionsOf: () => ({ position: projectedTo, definitions }),
        report: say,
      },
      clientId,
      new KeptOverlays(),
    );
    const build = async (round: number): Promise<number> => {
      definitions = definitionsOf(round, projectedTo);
      recording.clear();
      const begun = performance.now();
      if (await keeper.step()) await keeper.build();
      return publishedAt - begun;
    };
    // The first is the warm-up: pages of the file system, code, connections.
    await build(0);
    await bareQuery(connection, recording.statements);
    const figures: BuildRound[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      // They take turns, the one first in even rounds, the other in odd ones.
      const bare = () => cpuOf([enginePid], () => bareQuery(connection, recording.statements));
      const before = round % 2 === 0 ? await bare() : undefined;
      for (const pid of [process.pid, enginePid]) forgetPeak(pid);
      const builderCpu = cpuMicros([process.pid]);
      const { result: oursMs, cpuMs: clickHouseCpuMs } = await cpuOf([enginePid], () => build(round));
      const builderCpuMs = (cpuMicros([process.pid]) - builderCpu) / 1000;
      const [builderPeakBytes, clickHousePeakBytes] = [memoryOf(process.pid).peak, memoryOf(enginePid).peak];
      const { result: bareQueryMs, cpuMs: bareQueryCpuMs } = before ?? (await bare());
      const ratio = oursMs / bareQueryMs;
      const peaks = { builderPeakBytes, clickHousePeakBytes };
      figures.push({ oursMs, bareQueryMs, ratio, builderCpuMs, clickHouseCpuMs, bareQueryCpuMs, ...peaks });
      say(
        `round ${round}: ${oursMs.toFixed(0)} ms, bare query ${bareQueryMs.toFixed(0)} ms, ratio ${ratio.toFixed(2)}; CPU ${builderCpuMs.toFixed(0)} + ${clickHouseCpuMs.toFixed(0)} ms, bare ${bareQueryCpuMs.toFixed(0)}`,
      );
    }
    const increments: IncrementRound[] = [];
    const fewTouched: IncrementRound[] = [];
    for (let round = 0; round < Math.min(rounds, 3); round += 1) {
      for (const [touched, told] of [
        [Math.ceil(customers / 100), increments],
        [Math.min(few, Math.ceil(customers / 100)), fewTouched],
      ] as const) {
        // Not the same ones twice.
        const upTo = (projectedTo - BigInt(round * touched)) as Position;
        told.push(await increment(analytics, definitions, { customers: touched, upTo, enginePid }));
        say(`increment: ${JSON.stringify(told.at(-1))}`);
      }
    }
    if (published === undefined) throw new Error('nothing was published');
    const { memberships, bytes } = published;
    const events = Number(projectedTo);
    return {
      customers,
      events,
      segments: definitions.segments.size,
      memberships: memberships ?? 0,
      imageBytes: bytes,
      stateBytesPerCustomer: await stateBytes(connection),
      rounds: figures,
      increments,
      fewTouched,
    };
  } finally {
    await publication.close();
    await log.close();
  }
}

async function stateBytes(connection: ClickHouseConnection): Promise<number> {
  const [row] = await connection.query<{ each: number }>(
    `SELECT sum(bytes_on_disk) / sum(rows) AS each FROM system.parts WHERE active AND database = currentDatabase() AND table = 'customer_states'`,
  );
  return Math.round(row?.each ?? 0);
}

/** Of the last so many positions, each of which is another customer's. */
async function increment(
  analytics: Analytics,
  definitions: ClientDefinitions,
  { customers, upTo, enginePid }: { readonly customers: number; readonly upTo: Position; readonly enginePid: number },
): Promise<IncrementRound> {
  const asOf = new Date();
  const segmentIds = audienceSegmentIds(definitions);
  const question = { scope: scopeOf(definitions.client), segments: segmentCriteria(definitions), segmentIds, asOf };
  const begun = performance.now();
  const builderCpu = cpuMicros([process.pid]);
  const { result, cpuMs } = await cpuOf([enginePid], async () => {
    const after = (upTo - BigInt(customers)) as Position;
    const touched = await analytics.touched({ clientId, after, upTo, dueAfter: asOf, dueUpTo: asOf, max: touchedMaxDefault });
    const changes = await new Judging(analytics).again(question, { says: () => false }, touched.customerIds);
    return encodeIncrementInSlices({ base: '0123456789abcdef', sequence: 1, segments: segmentIds.length }, changes);
  });
  const builderCpuMs = (cpuMicros([process.pid]) - builderCpu) / 1000;
  return { customers, ms: performance.now() - begun, bytes: result.length, clickHouseCpuMs: cpuMs, builderCpuMs };
}

async function cpuOf<Result>(
  pids: readonly number[],
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly cpuMs: number }> {
  const before = cpuMicros(pids);
  const result = await work();
  return { result, cpuMs: (cpuMicros(pids) - before) / 1000 };
}

function definitionsOf(round: number, position: Position): ClientDefinitions {
  const settings = { name: 'Shop', timeZone: 'UTC', currency: 'EUR', origins: [], sampleRate: 1 };
  const segments = Object.entries(segmentsOf(round)).map(
    ([segmentId, criteria]) => [segmentId, { segmentId, name: segmentId, criteria, status: 'active' as const }] as const,
  );
  // A change for each round, none of them after what the tables hold.
  const changedAt = (position - 1_000n + BigInt(round)) as Position;
  return {
    client: { ...settings, clientId, snapshotIntervalSeconds: 86_400, snapshotMaxAgeSeconds: null },
    contents: new Map(),
    segments: new Map(segments),
    campaigns: new Map(),
    changedAt,
    audienceChangedAt: changedAt,
    requestedAt: { audience: null, playbook: null },
  };
}

interface Statement {
  readonly sql: string;
  readonly params: Parameters<ClickHouseConnection['stream']>[1];
  readonly settings: Parameters<ClickHouseConnection['stream']>[2];
}

/** How the statement ends that judges customers: in the order of their hashes, as bytes. */
const judgingEnd = '\nORDER BY customer_hash\nFORMAT RowBinary';

/** The same connection, and what customers were judged by through it. */
function recordingStreams(connection: ClickHouseConnection) {
  let statements: Statement[] = [];
  const recorded: ClickHouseConnection = {
    ...connection,
    stream(sql, params, settings, signal) {
      if (sql.endsWith(judgingEnd)) statements.push({ sql, params, settings });
      return connection.stream(sql, params, settings, signal);
    },
    shards: async () => (await connection.shards()).map((shard) => ({ ...shard, connection: recorded })),
  };
  return {
    connection: recorded,
    clear() {
      statements = [];
    },
    get statements(): readonly Statement[] {
      return statements;
    },
  };
}

/** The build's own statements, which ClickHouse answers with nothing. */
async function bareQuery(connection: ClickHouseConnection, statements: readonly Statement[]): Promise<number> {
  if (statements.length === 0) throw new Error('nobody was judged by a statement of the known end');
  const begun = performance.now();
  for (const { sql, params, settings } of statements) {
    const bare = `${sql.slice(0, -judgingEnd.length)}\nFORMAT Null`;
    for await (const _bytes of connection.stream(bare, params, settings)) throw new Error('FORMAT Null answers something');
  }
  return performance.now() - begun;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [customers = '5000000', rounds = '9', folder] = process.argv.slice(2);
  const figures = await measureAudienceBuild({
    customers: Number(customers),
    rounds: Number(rounds),
    ...(folder === undefined ? {} : { folder }),
    say: (line) => console.error(line),
  });
  const ratios = figures.rounds.map(({ ratio }) => ratio).sort((a, b) => a - b);
  console.log(JSON.stringify(figures));
  console.log(`median ratio ${ratios[ratios.length >> 1]?.toFixed(2)} of ${ratios.length} rounds (target 3)`);
}
