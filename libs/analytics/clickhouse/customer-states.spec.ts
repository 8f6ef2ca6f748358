import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { BehaviourFact, Criteria } from '#libs/domain';
import type { Analytics, ClientScope } from '../analytics.js';
import { AnalyticsUnavailable } from '../analytics.js';
import type { AnalyticsWriter } from '../analytics-writer.js';
import { project, recorded, recordedEvent } from '../testing/recorded.js';
import { startShardedDatabase, startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { audienceRows } from './audience.js';
import type { ClickHouseConnection } from './client.js';
import { openAnalytics } from './open-analytics.js';
import { refreshStates } from './state-refresh.js';
import { openAnalyticsWriter } from './writer.js';

const now = new Date('2026-11-23T12:00:00.000Z');
const viewed = (count: number): Criteria => ({ field: 'views.count', op: 'gte', value: count });
const settings = { currency: 'EUR', sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };

// Two engines beside whatever else runs on two cores.
jest.setTimeout(240_000);

describe.each<[string, () => Promise<TestDatabase>]>([
  ['in one ClickHouse', startTestDatabase],
  ['over two shards', startShardedDatabase],
])("customers' states, %s", (_, start) => {
  let database: TestDatabase;
  let analytics: Analytics;
  let writer: AnalyticsWriter;
  let scope: ClientScope;
  let position = 0n;
  let clients = 0;
  beforeAll(async () => {
    database = await start();
    analytics = openAnalytics(database.connection);
    writer = openAnalyticsWriter(database.connection);
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    scope = { clientId: `shop${clients++}`, timeZone: 'UTC', origins: [], currency: 'EUR' };
    await revised({});
  });

  const revised = async (to: { timeZone?: string; origins?: string[] }) => {
    scope = { ...scope, ...to };
    const { clientId, timeZone, origins } = scope;
    const data = { clientId, name: clientId, timeZone, origins: [...origins], ...settings };
    await project(writer, [recordedEvent(clientId, ++position, 'ClientRegistered', data)]);
  };
  const view = async (customerId: string, more: Partial<BehaviourFact> = {}) => {
    const messageId = `m${++position}`;
    const fact = {
      type: 'Product Viewed' as const,
      messageId,
      customerId,
      sessionId: null,
      time: '2026-11-20T10:00:00.000Z',
      properties: {},
      ...more,
    };
    await project(writer, [recorded(scope.clientId, position, fact)]);
  };
  const members = async (criteria: Criteria, asOf = now) => (await analytics.preview({ scope, segments: {}, criteria, asOf })).sample;
  /** What nobody did: a row of customer_states that says something else shows whether it is read. */
  const tamper = async (columns: string) => {
    for (const { connection, part } of await database.connection.shards()) {
      const all = `${part('customer_states')} FINAL WHERE client_id = {client:String}`;
      await connection.command(`INSERT INTO ${part('customer_states')} SELECT * REPLACE (${columns}) FROM ${all}`, {
        client: scope.clientId,
      });
    }
  };

  it('answer in place of the facts, until an event touches the customer', async () => {
    for (const customerId of ['ann', 'bob', 'carol', 'dave', 'erin']) await view(customerId);
    await writer.refreshStates('all');
    await tamper('toUInt64(7) AS views');
    expect(await members(viewed(7))).toEqual(['ann', 'bob', 'carol', 'dave', 'erin']);
    await view('bob');
    expect(await members(viewed(7))).toEqual(['ann', 'carol', 'dave', 'erin']);
    expect(await members(viewed(2))).toEqual(['ann', 'bob', 'carol', 'dave', 'erin']);
    await writer.refreshStates('all');
    expect(await members(viewed(2))).toEqual(['ann', 'bob', 'carol', 'dave', 'erin']);
    expect(await members(viewed(3))).toEqual(['ann', 'carol', 'dave', 'erin']);
  });

  it('tell nothing of a time before their latest event', async () => {
    await view('ann');
    await view('bob', { time: '2026-11-24T10:00:00.000Z' });
    await writer.refreshStates('all');
    await tamper('toUInt64(7) AS views');
    expect(await members(viewed(1))).toEqual(['ann']);
    expect(await members(viewed(7), new Date('2026-11-25T10:00:00.000Z'))).toEqual(['ann', 'bob']);
    expect(await members(viewed(1), new Date('2026-11-19T00:00:00.000Z'))).toEqual([]);
  });

  it('are of one time zone and one set of origins', async () => {
    await view('ann', { time: '2026-11-20T23:30:00.000Z' });
    await view('ann', { time: '2026-11-21T00:30:00.000Z' });
    await writer.refreshStates('all');
    const visits = (count: number): Criteria => ({ field: 'visits.count', op: 'eq', value: count });
    expect(await members(visits(2))).toEqual(['ann']);
    await revised({ timeZone: 'America/New_York' });
    expect(await members(visits(1))).toEqual(['ann']);
    await writer.refreshStates('all');
    expect(await members(visits(1))).toEqual(['ann']);
    await tamper('toUInt64(5) AS visits');
    expect(await members(visits(5))).toEqual(['ann']);
  });

  it('are not read where they changed since the question was planned', async () => {
    await view('ann');
    await view('bob');
    await writer.refreshStates('all');
    // As a refresh by new settings leaves them that was cut short before its mark.
    await tamper("'other' AS basis, toUInt64(7) AS views");
    expect(await members(viewed(1))).toEqual(['ann', 'bob']);
    expect(await members(viewed(7))).toEqual([]);
    const whole = { scope, segments: { viewers: viewed(1) }, segmentIds: ['viewers'], asOf: now };
    const read = async () => {
      for await (const _chunk of (await analytics.audience(whole)).chunks);
    };
    await expect(read()).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await revised({ timeZone: 'Asia/Kathmandu' });
    await writer.refreshStates('all');
    await read();
  });

  it('may be made by new settings in part, and the old settings come back', async () => {
    const everybody = Array.from({ length: 8 }, (_, n) => `c${n}`);
    for (const customerId of everybody) await view(customerId);
    await writer.refreshStates('all');
    await revised({ timeZone: 'Asia/Kathmandu' });
    const cut = beforeCommands(database.connection, (given) => {
      if (given > 1) throw new AnalyticsUnavailable('cut short');
    });
    await expect(refreshStates(cut, scope.clientId, { rowsMax: 1 })).rejects.toThrow('cut short');
    await revised({ timeZone: 'UTC' });
    expect(await members(viewed(1))).toEqual(everybody);
    await writer.refreshStates('all');
    await tamper('toUInt64(7) AS views');
    expect(await members(viewed(7))).toEqual(everybody);
  });

  it('are made no further once the signal comes', async () => {
    const everybody = Array.from({ length: 8 }, (_, n) => `c${n}`);
    for (const customerId of everybody) await view(customerId);
    const ending = new AbortController();
    const connection = beforeCommands(database.connection, () => ending.abort(new Error('stopped')));
    await expect(refreshStates(connection, scope.clientId, { rowsMax: 1, signal: ending.signal })).rejects.toThrow('stopped');
    const made = async () => {
      const { clientId: client } = scope;
      const rows = database.connection.query('SELECT customer_id FROM customer_states FINAL WHERE client_id = {client:String}', { client });
      return (await rows).length;
    };
    expect(await made()).toBeLessThan(everybody.length);
    await writer.refreshStates('all');
    expect(await made()).toBe(everybody.length);
  });

  it('may be refreshed while an audience is read slice by slice', async () => {
    const everybody = Array.from({ length: 8 }, (_, n) => `c${n}`);
    for (const customerId of everybody) await view(customerId);
    await writer.refreshStates('all');
    const recent: Criteria = { field: 'visits.first', op: 'newerThan', value: '30d', within: '30d' };
    const segments = { recent: { all: [recent, { field: 'views.count', op: 'eq', value: 1 }] } } as const;
    const { chunks } = await audienceRows(database.connection, { scope, segments, segmentIds: ['recent'], asOf: now }, 1);
    const rows: string[] = [];
    for await (const chunk of chunks) {
      // Later than the question, and brought into the states before the next slice.
      if (rows.length === 0) for (const customerId of everybody) await view(customerId, { time: '2026-11-23T12:00:01.000Z' });
      await writer.refreshStates('all');
      for (let at = 0; at < chunk.length; at += 16)
        rows.push(
          Buffer.from(chunk)
            .subarray(at + 8, at + 16)
            .toString('hex'),
        );
    }
    expect(rows).toEqual(everybody.map(() => '0100000000000000'));
  });

  it('are the same rows when they are made again', async () => {
    await view('ann', { properties: { url: 'https://shop.example/?utm_source=news' } });
    for (const type of ['Product Added', 'Order Completed', 'Order Refunded', 'Customer Updated'] as const)
      await view('ann', { type, properties: { total: '2.5', plan: 'gold' } });
    await view('bob', { type: 'Product Added' });
    await writer.refreshStates('all');
    const rows = () =>
      database.connection.query(
        'SELECT * EXCEPT (log_position) FROM customer_states FINAL WHERE client_id = {client:String} ORDER BY customer_id',
        { client: scope.clientId },
      );
    const before = await rows();
    expect(before).toHaveLength(2);
    await revised({ timeZone: 'Asia/Kathmandu' });
    await writer.refreshStates('all');
    await revised({ timeZone: 'UTC' });
    await refreshStates(database.connection, scope.clientId, { rowsMax: 2 });
    expect(await rows()).toEqual(before);
  });

  it('do not go back to what a leader that stood still writes late', async () => {
    await view('ann');
    await writer.refreshStates('all');
    await tamper('toUInt64(1) AS log_position, toUInt64(7) AS views');
    expect(await members(viewed(1))).toEqual(['ann']);
    expect(await members(viewed(7))).toEqual([]);
  });

  it('leave what they cannot tell to the facts', async () => {
    const properties = { url: 'https://shop.example/?utm_source=news' };
    for (const customerId of ['ann', 'bob', 'carol', 'dave']) await view(customerId, { properties });
    await writer.refreshStates('all');
    await tamper('toUInt64(7) AS views');
    const arrived: Criteria = { field: 'arrival.source', op: 'eq', value: 'news', within: '30d' };
    await view('bob');
    expect(await members({ all: [viewed(7), arrived] })).toEqual(['ann', 'carol', 'dave']);
    expect(await members({ all: [viewed(2), arrived, { not: { customers: ['ann'] } }] })).toEqual(['bob', 'carol', 'dave']);
    expect(await members({ all: [viewed(2), { field: 'arrival.source', op: 'neq', value: 'news', within: '30d' }] })).toEqual([]);
    const whole = { scope, segments: { both: { all: [viewed(7), arrived] } }, segmentIds: ['both'], asOf: now };
    let bytes = 0;
    for await (const chunk of (await analytics.audience(whole)).chunks) bytes += chunk.length;
    expect(bytes).toBe(4 * 16);
    // Who did what in which visit is put together from the facts alone.
    const { visits, productViews } = await analytics.customerSummary({
      scope,
      segments: {},
      filter: null,
      period: { from: new Date(0), to: now },
      now,
    });
    expect([visits, productViews]).toEqual([4, 5]);
  });

  it('of other clients do not wait for one that fails', async () => {
    const broken = scope;
    await revised({ timeZone: 'No/Where' });
    await view('ann');
    scope = { ...scope, clientId: `${scope.clientId}-other` };
    await revised({ timeZone: 'UTC' });
    await view('bob');
    await expect(writer.refreshStates('all')).rejects.toThrow('No/Where');
    await tamper('toUInt64(7) AS views');
    expect(await members(viewed(7))).toEqual(['bob']);
    scope = broken;
    await revised({ timeZone: 'UTC' });
    await writer.refreshStates('all');
    await tamper('toUInt64(7) AS views');
    expect(await members(viewed(7))).toEqual(['ann']);
  });
});

/** The same, with something done before each command on a shard. */
function beforeCommands(connection: ClickHouseConnection, before: (given: number) => void): ClickHouseConnection {
  const shards = async () =>
    (await connection.shards()).map((shard) => {
      let given = 0;
      const command: ClickHouseConnection['command'] = async (...its) => {
        given += 1;
        before(given);
        await shard.connection.command(...its);
      };
      return { ...shard, connection: { ...shard.connection, command } };
    });
  return { ...connection, shards };
}
