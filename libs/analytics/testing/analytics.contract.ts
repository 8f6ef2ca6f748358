import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import xxhash from 'xxhash-wasm';
import { type BehaviourFact, type Criteria, customerFields } from '#libs/domain';
import type { JsonObject, Position } from '#libs/event-log';
import { type Analytics, type AudienceRows, type ClientScope, NotYet } from '../analytics.js';
import type { AnalyticsWriter } from '../analytics-writer.js';
import { audienceRows } from '../clickhouse/audience.js';
import { openAnalytics } from '../clickhouse/open-analytics.js';
import { openAnalyticsWriter } from '../clickhouse/writer.js';
import { project, recorded, recordedEvent } from './recorded.js';
import type { TestDatabase } from './test-database.js';

const { h64 } = await xxhash();
const now = new Date('2026-11-23T12:00:00.000Z');

function scopeOf(clientId: string): ClientScope {
  return { clientId, timeZone: 'Europe/London', origins: ['https://shop.example'], currency: 'GBP' };
}

let messages = 0;
function behaviour(customerId: string, type: BehaviourFact['type'], more: Partial<BehaviourFact> = {}): BehaviourFact {
  messages += 1;
  return { type, messageId: `m${messages}`, customerId, sessionId: null, time: '2026-11-20T10:00:00.000Z', properties: {}, ...more };
}

async function bytesOf(rows: AudienceRows): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rows.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What holds of the tables and of each question, however they lie. */
export function analyticsContract(layout: string, start: () => Promise<TestDatabase>): void {
  describe(`the tables and their questions, ${layout}`, () => {
    let database: TestDatabase;
    let analytics: Analytics;
    let writer: AnalyticsWriter;
    beforeAll(async () => {
      database = await start();
      analytics = openAnalytics(database.connection);
      writer = openAnalyticsWriter(database.connection);
    });
    afterAll(() => database.stop());

    it('hash a customer as the nodes do', async () => {
      const ids = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 500, seed: 1 });
      const [row] = await database.connection.query<{ hashes: string[] }>(
        'SELECT arrayMap(id -> xxHash64(id), {ids:Array(String)}) AS hashes',
        { ids },
      );
      // The parameter carries U+0000 and line ends too.
      expect(row?.hashes).toEqual(ids.map((id) => String(h64(id))));
    });

    it('show the same rows when everything is written twice', async () => {
      const events = [
        recordedEvent('twice', 100n, 'ClientRegistered', registered('twice')),
        recorded('twice', 101n, behaviour('ann', 'Product Viewed', { properties: { url: 'https://shop.example/a', product_id: 'p1' } })),
        recorded(
          'twice',
          102n,
          behaviour('ann', 'Order Completed', { properties: { order_id: 'o1', total: '10', products: [{ product_id: 'p1' }] } }),
        ),
        recorded('twice', 103n, behaviour('bob', 'Order Refunded', { properties: { total: '-3' } })),
      ];
      await project(writer, events);
      const seen = await viewsOf('twice');
      await project(writer, events);
      expect(await viewsOf('twice')).toEqual(seen);
      await project(writer, events.slice(2));
      expect(await viewsOf('twice')).toEqual(seen);
      expect(Object.fromEntries(Object.entries(seen).map(([view, rows]) => [view, rows.length]))).toEqual({
        behaviour: 3,
        orders: 1,
        order_items: 1,
        customers: 2,
        sessions: 1,
      });
    });

    it('know a message again: the first recorded counts, also in another batch', async () => {
      const first = behaviour('ann', 'Product Viewed', { messageId: 'same' });
      await project(writer, [recorded('again', 200n, first)]);
      await project(writer, [
        recorded('again', 201n, { ...first, customerId: 'bob' }),
        recorded('again', 202n, { ...first, type: 'Product Added' }),
      ]);
      const rows = await database.reader.query("SELECT customer_id, type FROM behaviour WHERE client_id = 'again' ORDER BY log_position");
      expect(rows).toEqual([
        { customer_id: 'ann', type: 'Product Viewed' },
        { customer_id: 'ann', type: 'Product Added' },
      ]);
      const known = await analytics.seenMessages('again', ['Product Viewed:same', 'Product Viewed:other']);
      expect([...known]).toEqual([['Product Viewed:same', { importId: null }]]);
      expect((await writer.firstRecorded(new Map([['again', ['Product Viewed:same']]])))('again', 'Product Viewed:same')).toBe(200n);
    });

    it('say how far they are, and wait for it', async () => {
      await writer.write((await import('#libs/projections')).noRows, 5_000n as Position);
      expect(await analytics.projectedTo()).toBe(5_000n);
      await expect(analytics.waitFor(5_000n as Position, 0)).resolves.toBeUndefined();
      await expect(analytics.waitFor(5_001n as Position, 60)).rejects.toBeInstanceOf(NotYet);
    });

    it('tell whom events touched, and find an answer', async () => {
      const request = { url: null, referrer: null, device: 'mobile', browser: null, country: null, context: {} };
      const answer = {
        decisionId: 'd-1',
        campaignId: 'spring',
        customerId: 'carol',
        sessionId: null,
        time: now.toISOString(),
        sampleRate: 1,
        request,
      };
      const ids = ['ann', 'bob', 'ann'].map((id, index) => recorded('touch', 300n + BigInt(index), behaviour(id, 'Page Viewed')));
      await project(writer, [
        ...ids,
        recordedEvent('touch', 303n, 'ContentServed', { ...answer, reason: 'DEFAULT', playbook: 'p', form: 'json' }),
      ]);
      const between = async (after: bigint, upTo: bigint, max = 10) => {
        const span = { after: after as Position, upTo: upTo as Position, dueAfter: new Date(0), dueUpTo: now };
        const { customerIds, more } = await analytics.touched({ clientId: 'touch', ...span, max });
        return { customerIds: [...customerIds].sort(), more };
      };
      expect(await between(300n, 303n)).toEqual({ customerIds: ['ann', 'bob', 'carol'], more: false });
      expect(await between(301n, 302n)).toEqual({ customerIds: ['ann'], more: false });
      expect((await between(299n, 303n, 2)).more).toBe(true);
      const judgedBy = (segments: Record<string, Criteria>) => ({
        scope: { clientId: 'touch', timeZone: 'UTC', origins: [], currency: 'USD' },
        segments,
        segmentIds: ['s'],
      });
      const told = async (after: bigint, segments: Record<string, Criteria>) => {
        const span = { after: after as Position, upTo: 303n as Position, dueAfter: new Date(0), dueUpTo: now };
        return analytics.touched({ clientId: 'touch', ...span, max: 10, judgedBy: judgedBy(segments) });
      };
      const viewed: Criteria = { field: 'views.count', op: 'gte', value: 1 };
      const served: Criteria = { field: 'content.served', op: 'gte', value: 1 };
      expect(await told(301n, { s: viewed })).toEqual({ customerIds: ['ann'], more: false, first: 302n });
      expect(await told(302n, { s: viewed, other: served })).toEqual({ customerIds: [], more: false, first: null });
      expect(await told(302n, { s: { not: { segment: 'other' } }, other: served })).toEqual({
        customerIds: ['carol'],
        more: false,
        first: 303n,
      });
      expect(await analytics.findDecision('d-1')).toEqual({ clientId: 'touch', position: 303n });
      expect(await analytics.findDecision("d-1' OR 1")).toBeNull();
      expect(await analytics.customersByHash('touch', [String(h64('bob')), String(h64('nobody'))])).toEqual(['bob']);
    });

    it('tell whose events of the future are due', async () => {
      const at = (ms: number) => new Date(now.getTime() + ms);
      const view = (position: bigint, customerId: string, ms: number) =>
        recorded('due', position, behaviour(customerId, 'Page Viewed', { time: at(ms).toISOString() }), now);
      const events = [
        view(320n, 'past', 0),
        view(321n, 'ann', 3_000),
        view(322n, 'bob', 3_001),
        view(323n, 'ann', 5_000),
        view(324n, 'carol', 5_000),
      ];
      await project(writer, events);
      await project(writer, events.slice(2));
      const due = (dueAfter: number, dueUpTo: number, { after = 324n, upTo = 324n, max = 10 } = {}) => {
        const span = { after: after as Position, upTo: upTo as Position, dueAfter: at(dueAfter), dueUpTo: at(dueUpTo) };
        return analytics.touched({ clientId: 'due', ...span, max });
      };
      const inOrder = async (told: ReturnType<typeof due>) => ({ ...(await told), customerIds: [...(await told).customerIds].sort() });
      expect(await due(-1_000, 2_999)).toEqual({ customerIds: [], more: false, first: null });
      expect(await due(0, 3_000)).toEqual({ customerIds: ['ann'], more: false, first: null });
      expect(await inOrder(due(3_000, 10_000))).toEqual({ customerIds: ['ann', 'bob', 'carol'], more: false, first: null });
      expect(await inOrder(due(3_000, 10_000, { after: 322n, upTo: 323n }))).toEqual({
        customerIds: ['ann', 'bob'],
        more: false,
        first: 323n,
      });
      const some = await due(0, 10_000, { max: 2 });
      expect({ ...some, customerIds: some.customerIds.length }).toEqual({ customerIds: 2, more: true, first: null });
    });

    it('judge forty segments, and more than sixty-four, whole or slice by slice', async () => {
      const customers = Array.from({ length: 300 }, (_, index) => `c${index}`);
      await project(
        writer,
        customers.flatMap((id, index) =>
          Array.from({ length: index % 7 }, (_, nth) =>
            recorded('many', BigInt(10_000 + index * 10 + nth), behaviour(id, 'Product Viewed')),
          ),
        ),
      );
      const segments: Record<string, Criteria> = { s0: { field: 'views.count', op: 'gte', value: 1 } };
      // Each refers twice to the one before: a statement that grew with the ways through them would never end.
      for (let index = 1; index < 70; index += 1) {
        const before = { segment: `s${Math.max(0, index - 3)}` };
        segments[`s${index}`] = { any: [{ all: [before, before] }, { field: 'views.count', op: 'eq', value: index % 9 }] };
      }
      const query = { scope: scopeOf('many'), segments, segmentIds: Object.keys(segments), asOf: now };
      const rows = await analytics.audience(query);
      expect(rows.words).toBe(2);
      const bytes = await bytesOf(rows);
      const known = customers.filter((_, index) => index % 7 > 0);
      expect(bytes.length).toBe(known.length * 24);
      for (let at = 0; at < bytes.length; at += 24)
        expect([bytes.readBigUInt64LE(at + 8), bytes.readBigUInt64LE(at + 16)]).toEqual([2n ** 64n - 1n, 63n]);
      expect(await bytesOf(await audienceRows(database.connection, query, 400))).toEqual(bytes);
      expect((await bytesOf(await analytics.audience({ ...query, only: [] }))).length).toBe(0);
      expect((await bytesOf(await analytics.audience({ ...query, segmentIds: [] }))).length).toBe(known.length * 16);
    });

    it('take lists far longer than one parameter', async () => {
      const ids = Array.from({ length: 20_000 }, (_, index) => `${"'\\".repeat(10)}${index}`);
      const query = {
        scope: scopeOf('lists'),
        segments: { all: { customers: ids.slice(0, 5_000) } },
        segmentIds: ['all'],
        asOf: now,
        only: ids,
      };
      expect((await bytesOf(await analytics.audience(query))).length).toBe(5_000 * 16);
    });

    it('show every order once, and its lines once', async () => {
      const order = (properties: BehaviourFact['properties']) => behaviour('ann', 'Order Completed', { properties });
      await project(writer, [
        recordedEvent('lines', 400n, 'ClientRegistered', registered('lines')),
        recorded('lines', 401n, order({ order_id: 'o1', products: [{ product_id: 'p1', price: '2.5', quantity: '2' }], coupon: 'TEN' })),
        recorded('lines', 402n, order({ order_id: 'o1', products: [{ product_id: 'p1', price: '2.5', quantity: '2' }] })),
        recorded('lines', 403n, order({ total: '1' })),
        recorded('lines', 404n, order({ total: '1' })),
      ]);
      const orders = "SELECT order_id, total, currency, coupon, items FROM orders WHERE client_id = 'lines' ORDER BY log_position";
      expect(await database.reader.query(orders)).toEqual([
        { order_id: 'o1', total: '5', currency: 'GBP', coupon: 'TEN', items: 1 },
        { order_id: null, total: '1', currency: 'GBP', coupon: null, items: 0 },
        { order_id: null, total: '1', currency: 'GBP', coupon: null, items: 0 },
      ]);
      const lines = "SELECT log_position, product_id, quantity, price FROM order_items WHERE client_id = 'lines'";
      expect(await database.reader.query(lines)).toEqual([{ log_position: '401', product_id: 'p1', quantity: '2', price: '2.5' }]);
    });

    it('stay readable whatever a page sends', async () => {
      const strange = { 'a.b': 1, a: { b: 2 }, '': undefined, "x'`": '2026-01-01', deep: { of: [1, 'x', { y: null }] }, big: 1e300 };
      const most = '99999999999999.9999';
      await project(writer, [
        recorded('strange', 500n, behaviour('ann', 'Page Viewed', { properties: strange })),
        recorded('strange', 501n, behaviour('ann', 'Order Completed', { properties: { total: most } })),
        recorded('strange', 502n, behaviour('ann', 'Order Completed', { properties: { total: most } })),
      ]);
      const [page] = await database.reader.query(
        "SELECT properties, properties.deep AS deep FROM behaviour WHERE client_id = 'strange' AND type = 'Page Viewed'",
      );
      expect(page).toMatchObject({ properties: { "x'`": '2026-01-01', a: { b: expect.anything() } } });
      expect(await database.reader.query("SELECT orders_count, orders_total FROM customers WHERE client_id = 'strange'")).toEqual([
        { orders_count: '2', orders_total: most },
      ]);
      const { customers } = await analytics.customers({
        scope: scopeOf('strange'),
        segments: {},
        filter: null,
        asOf: now,
        after: null,
        first: 1,
      });
      expect(customers[0]?.fields).toMatchObject({ 'orders.count': 2, 'orders.total': '199999999999999.9998' });
    });

    it('show in the view of customers what the admin shows', async () => {
      const at = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
      await project(writer, [
        recordedEvent('view', 600n, 'ClientRegistered', registered('view')),
        recordedEvent('view', 601n, 'ClientRevised', { origins: ['https://shop.example'], timeZone: 'Asia/Kathmandu' }),
        recorded(
          'view',
          602n,
          behaviour('ann', 'Page Viewed', { time: at(50), properties: { url: 'https://x.example/?utm_source=n&utm_campaign=c' } }),
        ),
        recorded('view', 603n, behaviour('ann', 'Product Added', { time: at(50), sessionId: 's1' })),
        recorded(
          'view',
          604n,
          behaviour('ann', 'Order Completed', { time: at(5), properties: { total: '3.25', coupon: 'A', email_sealed: 'v1' } }),
        ),
        recorded('view', 605n, behaviour('ann', 'Customer Updated', { time: at(4), properties: { tier: 'gold', points: 5, none: null } })),
        recorded(
          'view',
          606n,
          behaviour('bob', 'Page Viewed', { time: at(3), properties: { url: 'https://x.example/', referrer: 'https://shop.example/' } }),
        ),
        recorded('view', 607n, behaviour('future', 'Page Viewed', { time: at(-3) })),
      ]);
      const rows = await database.reader.query<Record<string, unknown>>(
        "SELECT * FROM customers WHERE client_id = 'view' ORDER BY customer_id",
      );
      const scope = { ...scopeOf('view'), timeZone: 'Asia/Kathmandu' };
      const { customers } = await analytics.customers({ scope, segments: {}, filter: null, asOf: new Date(), after: null, first: 10 });
      expect(rows.map((row) => row['customer_id'])).toEqual(['ann', 'bob']);
      expect(rows.map((row) => row['attributes'])).toEqual([{ tier: 'gold', points: '5' }, {}]);
      expect(customers[0]?.fields).toMatchObject({ 'attributes.tier': 'gold', 'attributes.points': 5, 'attributes.none': null });
      for (const [index, row] of rows.entries()) {
        const { fields } = customers[index]!;
        for (const field of Object.keys(customerFields)) {
          const shown = row[field.replace('.', '_')];
          expect([field, comparable(shown)]).toEqual([field, comparable(fields[field])]);
        }
      }
    });

    it('sum up what chosen customers did within a period', async () => {
      const inside = { time: '2026-11-10T10:00:00.000Z' };
      const before = { time: '2026-10-31T10:00:00.000Z' };
      await project(writer, [
        recorded('sum', 700n, behaviour('ann', 'Page Viewed', { ...before, properties: { url: 'https://shop.example/?utm_source=news' } })),
        recorded('sum', 701n, behaviour('ann', 'Order Completed', { ...inside, properties: { order_id: 'o', total: '10.10' } })),
        recorded('sum', 702n, behaviour('ann', 'Order Completed', { ...inside, properties: { order_id: 'o', total: '10.10' } })),
        recorded('sum', 703n, behaviour('bob', 'Product Viewed', inside)),
        recorded('sum', 704n, behaviour('bob', 'Order Refunded', { ...inside, properties: { total: '0.1' } })),
        recorded('sum', 705n, behaviour('carol', 'Product Viewed', before)),
      ]);
      const period = { from: new Date('2026-11-01T00:00:00Z'), to: new Date('2026-12-01T00:00:00Z') };
      const query = { scope: scopeOf('sum'), segments: {}, filter: null, period, now };
      const none = {
        customers: 0,
        newCustomers: 0,
        purchasers: 0,
        visits: 0,
        productViews: 0,
        cartAdds: 0,
        orders: 0,
        revenue: '0.0000',
        bySource: [],
      };
      expect(await analytics.customerSummary(query)).toEqual({
        ...none,
        customers: 2,
        newCustomers: 1,
        purchasers: 1,
        visits: 2,
        productViews: 1,
        orders: 1,
        revenue: '10.0000',
        bySource: [
          { source: 'news', customers: 1, purchasers: 1, orders: 1, revenue: '10.1000' },
          { source: 'unknown', customers: 1, purchasers: 0, orders: 0, revenue: '-0.1000' },
        ],
      });
      expect(await analytics.customerSummary({ ...query, filter: { any: [] } })).toEqual(none);
      expect(await analytics.customerSummary({ ...query, period: null })).toMatchObject({ customers: 3, newCustomers: 3, visits: 4 });
    });

    function registered(clientId: string): JsonObject {
      const settings = { sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };
      return { clientId, name: clientId, currency: 'GBP', timeZone: 'Europe/London', origins: [], ...settings };
    }

    async function viewsOf(clientId: string): Promise<Record<string, unknown[]>> {
      const views = ['behaviour', 'orders', 'order_items', 'customers', 'sessions'];
      const rows = await Promise.all(
        views.map((view) =>
          database.reader.query(`SELECT * FROM ${view} WHERE client_id = {client:String} ORDER BY ALL`, { client: clientId }),
        ),
      );
      return Object.fromEntries(views.map((view, index) => [view, rows[index] ?? []]));
    }
  });
}

function comparable(value: unknown): unknown {
  if (value === null || typeof value === 'boolean') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}
