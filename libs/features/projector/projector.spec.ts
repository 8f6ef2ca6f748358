import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import {
  type ClickHouseConnection,
  migrate,
  openAnalytics,
  openAnalyticsWriter,
  openClickHouse,
  openProjectionTables,
} from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import type { EventLog, JsonObject, Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { lockFileLeadership } from '#libs/leadership';
import { Projector } from './projector.js';
import { defaultLimits, ProjectorModule } from './projector.module.js';
import { requestRebuild } from './rebuild-request.js';
import { plainFold } from './testing/plain-fold.js';
import { RandomHistory } from './testing/random-history.js';
import { readTables } from './testing/read-tables.js';

let folder: string;
let engine: EmbeddedClickHouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-projector-'));
  engine = await startEmbeddedClickHouse({
    folder: join(folder, 'clickhouse'),
    httpPort: 0,
    nativePort: 0,
    restart: true,
    onExit: console.error,
  });
});
afterAll(async () => {
  await engine.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A log and tables of its own for each test, in one ClickHouse. */
let log: EventLog;
let connection: ClickHouseConnection;
let analytics: Analytics;
const modules: { close(): Promise<void> }[] = [];
let count = 0;
beforeEach(async () => {
  count += 1;
  log = await openFileLog({ folder: join(folder, `log${count}`) });
  connection = openClickHouse({ url: engine.url, database: `vitrine_${count}` });
  await migrate(connection, migrations);
  analytics = openAnalytics(connection);
});
afterEach(async () => {
  for (const module of modules.splice(0)) await module.close();
  await connection.close();
  await log.close();
});

async function startProjector(): Promise<{ projector: Projector; registry: Registry }> {
  const registry = new Registry();
  const module = await Test.createTestingModule({
    imports: [
      ProjectorModule.register({
        log,
        tables: openProjectionTables(connection, migrations),
        acquireLeadership: lockFileLeadership(join(folder, `lock${count}`), undefined, 10),
        registry,
        clock: () => new Date(),
        limits: { ...defaultLimits, intervalMs: 50 },
        onFailure: (error) => {
          throw error;
        },
      }),
    ],
  }).compile();
  await module.init();
  modules.push(module);
  return { projector: module.get(Projector), registry };
}

async function append(type: string, data: JsonObject, schema = 1): Promise<Position> {
  const event = { id: randomUUID(), type, data, metadata: { schema, clientId: 'golf', actor: 'node:spec' } };
  return (await log.append('behaviour-golf.spec.2026-11-23', [event], 'any')).position;
}

function view(messageId: string, time = '2026-11-23T08:00:00.000Z'): JsonObject {
  return { type: 'Page Viewed', messageId, customerId: 'ann', sessionId: null, time, properties: {} };
}

const messages = async () =>
  (await connection.query<{ message_id: string }>('SELECT message_id FROM behaviour ORDER BY log_position')).map((row) => row.message_id);

describe('projector', () => {
  it('brings a log into the tables as a plain fold says, and a rebuild to the same rows', async () => {
    await new RandomHistory(7).append(log, 5_000);
    await startProjector();
    await analytics.waitFor((await log.lastPosition())!, 30_000);
    const expected = await plainFold(log);
    expect(expected.behaviour.length).toBeGreaterThan(1_000);
    expect(await readTables(connection)).toEqual(expected);
    const ofStates = 'SELECT * EXCEPT (log_position) FROM customer_states FINAL ORDER BY client_id, customer_hash';
    const deadline = Date.now() + 30_000;
    while ((await connection.query(ofStates)).length === 0 && Date.now() < deadline) await pause(100);
    expect((await connection.query(ofStates)).length).toBeGreaterThan(0);
    await openAnalyticsWriter(connection).refreshStates('all');
    const states = await connection.query(ofStates);
    expect(states).toHaveLength(expected.customers.length);

    await connection.command('TRUNCATE TABLE behaviour_facts');
    await connection.command('TRUNCATE TABLE customer_states');
    await analytics.waitFor(await requestRebuild(log, 'system'), 30_000);
    expect(await readTables(connection)).toEqual(expected);
    expect(await connection.query(ofStates)).toEqual(states);
    expect(await connection.query("SELECT name FROM system.databases WHERE name LIKE '%rebuild%'")).toEqual([]);
  });

  it('shows each event without waiting for the next', async () => {
    const { projector } = await startProjector();
    await analytics.waitFor(await append('PageViewed', view('first')), 10_000);
    for (let n = 0; n < 10; n++) {
      await analytics.waitFor(await append('PageViewed', view(`m${n}`)), 10_000);
    }
    await goesLive(projector);
  });

  it('moves on past events of no table, so that one can wait for any position', async () => {
    const { registry } = await startProjector();
    const position = await append('SegmentArchived', {});
    await analytics.waitFor(position, 10_000);
    const deadline = Date.now() + 10_000;
    const said = () => registry.getSingleMetricAsString('vitrine_projector_position');
    while (!(await said()).includes(` ${position}`) && Date.now() < deadline) await pause(10);
    expect(await said()).toContain(` ${position}`);
  });

  it('records what nobody can read or no table takes, counts it, and goes on', async () => {
    const { registry } = await startProjector();
    await append('PageViewed', view('good 1'));
    const future = await append('PageViewed', view('future'), 2);
    const empty = await append('OrderCompleted', {});
    await append('PageViewed', view('good 2'));
    const untimely = await append('PageViewed', view('untimely', 'yesterday'));
    const immense = await append('OrderCompleted', {
      ...view('immense'),
      type: 'Order Completed',
      properties: { products: [{ price: '99999999999999999999999' }] },
    });
    await analytics.waitFor(await append('PageViewed', view('good 3')), 10_000);
    expect((await messages()).filter((id) => id.startsWith('good'))).toEqual(['good 1', 'good 2', 'good 3']);
    const letters = await connection.query<{ log_position: string; type: string; reason: string }>(
      'SELECT * FROM dead_letters FINAL ORDER BY log_position',
    );
    expect(letters.map(({ log_position, type }) => `${log_position} ${type}`)).toEqual([
      `${future} PageViewed`,
      `${empty} OrderCompleted`,
      `${untimely} PageViewed`,
      `${immense} OrderCompleted`,
    ]);
    expect(letters[0]?.reason).toBe('PageViewed of schema 2: this version reads 1 to 1');
    expect(letters.every(({ reason }) => reason !== '')).toBe(true);
    const counted = await registry.getSingleMetricAsString('vitrine_projector_dead_letters_total');
    expect(counted).toMatch(/type="PageViewed"\} 2/);
    expect(counted).toMatch(/type="OrderCompleted"\} 2/);
  });

  it('waits for ClickHouse when it is away, and goes on from its checkpoint', async () => {
    const { registry } = await startProjector();
    await analytics.waitFor(await append('PageViewed', view('before')), 10_000);
    process.kill(engine.pid, 'SIGKILL');
    const position = await append('PageViewed', view('after'));
    const deadline = Date.now() + 20_000;
    while ((await analytics.projectedTo().catch(() => null)) !== position) expect(Date.now()).toBeLessThan(deadline);
    expect(await messages()).toEqual(['before', 'after']);
    expect(await registry.getSingleMetricAsString('vitrine_projector_retries_total')).toMatch(/code="ANALYTICS_UNAVAILABLE"\} [1-9]/);
  });

  it('lets one of several work, and another take over', async () => {
    const first = await startProjector();
    const second = await startProjector();
    await analytics.waitFor(await append('PageViewed', view('one')), 10_000);
    expect(second.projector.status).toEqual({ state: 'standing by', projectedTo: null });
    await modules.shift()?.close();
    expect(first.projector.status.state).toBe('stopped');
    await analytics.waitFor(await append('PageViewed', view('two')), 10_000);
    await goesLive(second.projector);
    expect(await messages()).toEqual(['one', 'two']);
  });
});

/** The tables show an event a moment before the projector says what it does. */
async function goesLive(projector: Projector): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (projector.status.state !== 'live' && Date.now() < deadline) await pause(10);
  expect(projector.status.state).toBe('live');
}
