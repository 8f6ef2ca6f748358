import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Criteria } from '#libs/domain';
import type { EventLog, Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { type CustomerHash, customerHash, type SnapshotPublication, segmentSizes } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { begin, Shop, stepOf } from './testing/shop.js';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

let folder: string;
let log: EventLog;
let publication: SnapshotPublication;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-builder-'));
  log = await openFileLog({ folder: join(folder, 'log') });
  publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
});
afterAll(async () => {
  await publication.close();
  await log.close();
  await rm(folder, { recursive: true });
});

const buyers: Criteria = { field: 'orders.count', op: 'gte', value: 1 };
const viewers: Criteria = { field: 'views.count', op: 'gte', value: 2 };

describe('an audience', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = new Shop({ buyers, viewers }, { log, publication });
  });

  it('is built at first, and says how far the log is in it', async () => {
    shop.act('ann', 'Order Completed');
    shop.act('bob');
    const built = await shop.step();
    expect(built).toMatchObject({
      position: shop.position,
      builtAt: '2026-11-23T12:00:00.000Z',
      increment: 0,
      customers: 2,
      memberships: 2,
    });
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
    expect(await shop.published()).toEqual([built.version]);
  });

  it('waits for tables that hold nothing yet', async () => {
    shop.tables.upTo = null;
    await stepOf(shop.keeper);
    expect(await shop.announced()).toBeNull();
  });

  it('gets an increment for who was touched and is in other segments now', async () => {
    shop.act('ann');
    shop.act('bob', 'Order Completed');
    const built = await shop.step();
    shop.act('ann', 'Order Completed');
    shop.act('bob', 'Order Completed');
    shop.now += 2 * second;
    const after = await shop.step();
    expect(after).toEqual({ ...built, increment: 1, position: shop.position });
    expect(shop.tables.asked.at(-1)?.only).toEqual(['ann', 'bob']);
    const [increment] = await publication.increments(shop.clientId, built.version, 0);
    expect(increment).toMatchObject({ builtAt: '2026-11-23T12:00:02.000Z', position: shop.position });
    expect((await shop.loaded()).changed).toBe(1);
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
    expect(segmentSizes(await shop.loaded()).get('buyers')).toBe(2);
    expect(await shop.published()).toEqual([built.version]);
  });

  it('says progress, without an increment or an event, when nobody is elsewhere now', async () => {
    shop.act('ann', 'Order Completed');
    const built = await shop.step();
    shop.next();
    expect(await shop.step()).toEqual({ ...built, position: shop.position });
    shop.act('ann', 'Order Completed');
    shop.act('stranger');
    expect(await shop.step()).toEqual({ ...built, position: shop.position });
    expect(await shop.published()).toHaveLength(1);
  });

  it('says no position that the definitions or the tables have not reached', async () => {
    await shop.step();
    shop.act('ann');
    const tables = shop.position;
    shop.definedTo = tables + 5n;
    expect((await shop.step()).position).toBe(tables);
    shop.next();
    shop.definedTo = tables;
    expect((await shop.step()).position).toBe(tables);
  });

  it('is not touched while the tables are being rebuilt', async () => {
    shop.act('ann', 'Order Completed');
    const built = await shop.step();
    shop.tables.upTo = (built.position - 1n) as Position;
    shop.now += 1000 * second;
    expect(await shop.step()).toEqual(built);
    shop.tables.upTo = shop.position as Position;
    expect((await shop.step()).builtAt).not.toBe(built.builtAt);
  });

  it('is built whole at its interval, also at the same position, and then has the same version when nothing changed', async () => {
    shop.act('ann', 'Order Completed');
    const built = await shop.step();
    shop.now += 899 * second;
    expect(await shop.step()).toEqual(built);
    shop.now += 1 * second;
    expect(await shop.step()).toEqual({ ...built, builtAt: '2026-11-23T12:15:00.000Z' });
    expect(await shop.published()).toHaveLength(1);
  });

  it('puts in order at its interval what time alone changed', async () => {
    shop.define({ recent: { field: 'visits.last', op: 'newerThan', value: '1h' } });
    shop.act('ann');
    await shop.step();
    expect(await shop.segmentsOf('ann')).toEqual(['recent']);
    shop.now += 2 * hour;
    await shop.step();
    expect(await shop.segmentsOf('ann')).toEqual([]);
  });

  it('counts an event of the future at the first look after it is due, without a whole build', async () => {
    shop.act('bob');
    const built = await shop.step();
    shop.act('ann', 'Order Completed', begin + 3 * second);
    const early = await shop.step();
    expect(early).toEqual({ ...built, position: shop.position });
    shop.now += 2 * second;
    expect(await shop.step()).toEqual(early);
    expect(await shop.segmentsOf('ann')).toEqual([]);
    shop.now += 1 * second;
    expect(await shop.step()).toEqual({ ...early, increment: 1 });
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
    expect(shop.tables.asked.map(({ only }) => only)).toEqual([undefined, ['ann'], ['ann']]);
    shop.now += 2 * second;
    await shop.step();
    expect(shop.tables.asked).toHaveLength(3);
  });

  it.each([
    [
      'after a restart',
      (restarted: Shop) => {
        restarted.keeper = restarted.newKeeper();
      },
    ],
    [
      'after the tables were away',
      (alone: Shop) => {
        alone.tables.failure = new Error('away');
      },
    ],
  ])('counts an event that became due meanwhile, %s', async (_, befall) => {
    await shop.step();
    shop.act('ann', 'Order Completed', begin + 3 * second);
    await shop.step();
    shop.now += 5 * second;
    befall(shop);
    await Promise.allSettled([shop.keeper.step()]);
    shop.tables.failure = undefined;
    shop.now += 2 * second;
    expect((await shop.step()).increment).toBe(1);
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
  });

  it('is another version when its image has increments of an earlier time', async () => {
    shop.act('ann', 'Product Viewed', begin - 5 * day);
    const built = await shop.step();
    shop.define({ buyers, viewers });
    shop.act('ann', 'Product Viewed', begin - 5 * day);
    shop.define({ buyers, viewers: { field: 'views.count', op: 'gte', value: 2, within: '2d' } });
    const same = await shop.step();
    expect(same.version).toBe(built.version);
    shop.act('ann', 'Order Completed');
    expect((await shop.step()).increment).toBe(1);
    shop.define({ buyers: { field: 'orders.count', op: 'gte', value: 2 }, viewers: buyers });
    shop.define({ buyers: { any: [] }, viewers: { any: [] } });
    const again = await shop.step();
    expect(again.increment).toBe(0);
    expect(again.version).not.toBe(built.version);
    expect(await shop.segmentsOf('ann')).toEqual([]);
  });

  it('is another version in a new publication, of which nodes may have kept increments', async () => {
    shop.act('ann', 'Order Completed');
    const built = await shop.step();
    const emptied = await openFileSnapshots({ folder: join(folder, 'emptied') });
    shop.now += second;
    await stepOf(shop.newKeeper(emptied));
    const anew = (await emptied.current(shop.clientId, 'audience'))!;
    await emptied.close();
    expect(anew).toMatchObject({ customers: built.customers, bytes: built.bytes });
    expect(anew.version).not.toBe(built.version);
  });

  it('is built whole when segments change, and when it is asked for', async () => {
    shop.act('ann', 'Order Completed');
    const built = await shop.step();
    shop.define({ buyers, viewers, everyone: { all: [] } });
    shop.now += second;
    const changed = await shop.step();
    expect(changed).toMatchObject({ builtAt: '2026-11-23T12:00:01.000Z', position: shop.position });
    expect(await shop.segmentsOf('ann')).toEqual(['buyers', 'everyone']);
    const requestedAt = shop.request();
    shop.tables.upTo = (requestedAt - 1n) as Position;
    shop.now += second;
    expect((await shop.step()).builtAt).toBe(changed.builtAt);
    shop.tables.upTo = requestedAt;
    expect(await shop.step()).toMatchObject({ version: changed.version, builtAt: '2026-11-23T12:00:02.000Z', position: requestedAt });
    shop.now += second;
    expect((await shop.step()).builtAt).toBe('2026-11-23T12:00:02.000Z');
    expect(await shop.published()).toEqual([built.version, changed.version, changed.version]);
  });

  it('goes on after a restart from what is announced', async () => {
    shop.act('ann');
    const built = await shop.step();
    shop.act('ann');
    await shop.step();
    shop.keeper = shop.newKeeper();
    shop.act('ann', 'Order Completed');
    expect(await shop.step()).toEqual({ ...built, increment: 2, position: shop.position });
    expect(await shop.segmentsOf('ann')).toEqual(['buyers', 'viewers']);
    expect(shop.tables.asked.filter(({ only }) => only === undefined)).toHaveLength(1);
  });

  it('is built again after a restart when the definitions changed meanwhile', async () => {
    shop.act('ann', 'Order Completed');
    await shop.step();
    shop.keeper = shop.newKeeper();
    shop.define({ buyers: { not: buyers } });
    await shop.step();
    expect(await shop.segmentsOf('ann')).toEqual([]);
  });

  it('writes into the log after a crash what was published before it', async () => {
    const built = await shop.step();
    await log.deleteStream(`snapshot-${shop.clientId}.audience`, 'any');
    shop.keeper = shop.newKeeper();
    shop.now += second;
    await shop.step();
    expect(await shop.published()).toEqual([built.version]);
  });

  it('is built whole when many were touched', async () => {
    shop = new Shop({ buyers }, { log, publication }, { options: { touchedMax: 3 } });
    await shop.step();
    for (const id of ['a', 'b', 'c', 'd']) shop.act(id, 'Order Completed');
    shop.now += second;
    expect(await shop.step()).toMatchObject({ increment: 0, customers: 4, position: shop.position });
  });

  it('stays as it is when the tables are away', async () => {
    const built = await shop.step();
    shop.act('ann', 'Order Completed');
    shop.tables.failure = new Error('away');
    await expect(shop.keeper.step()).rejects.toThrow('away');
    expect(await shop.announced()).toEqual(built);
    shop.tables.failure = undefined;
    expect((await shop.step()).increment).toBe(1);
  });

  it('lets two builders work beside each other', async () => {
    shop.act('ann');
    await shop.step();
    const other = shop.newKeeper();
    for (const id of ['ann', 'bob', 'cem']) {
      shop.act(id, 'Order Completed');
      shop.now += second;
      await Promise.allSettled([stepOf(shop.keeper), stepOf(other)]);
      await stepOf(shop.keeper);
      await stepOf(other);
      expect(await shop.segmentsOf(id)).toEqual(['buyers']);
      expect((await shop.announced())?.position).toBe(shop.position);
    }
  });
});

describe('an audience kept by increments', () => {
  const criteria: fc.Arbitrary<Criteria> = fc.letrec<{ tree: Criteria; leaf: Criteria }>((tie) => ({
    leaf: fc.oneof(
      fc.record({
        field: fc.constantFrom('orders.count', 'views.count', 'visits.count', 'cart.adds'),
        op: fc.constantFrom('gte', 'eq', 'lt'),
        value: fc.integer({ min: 0, max: 3 }),
      }),
      fc.record({ field: fc.constantFrom('orders.total'), op: fc.constantFrom('gt', 'lte'), value: fc.constantFrom('10', '25.5') }),
      fc.uniqueArray(fc.constantFrom('c0', 'c1', 'listed'), { maxLength: 3 }).map((customers) => ({ customers })),
    ) as fc.Arbitrary<Criteria>,
    tree: fc.oneof(
      { maxDepth: 2 },
      tie('leaf'),
      fc.array(tie('tree'), { maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie('tree'), { maxLength: 3 }).map((any) => ({ any })),
      tie('tree').map((not) => ({ not })),
    ),
  })).tree;
  const windows = fc.constantFrom<Criteria>(
    { field: 'orders.count', op: 'gte', value: 1, within: '6h' },
    { field: 'visits.last', op: 'olderThan', value: '3h' },
    { field: 'views.count', op: 'eq', value: 0, within: '1d' },
    { field: 'cart.abandons', op: 'gte', value: 1 },
  );
  const acts = fc.array(
    fc.record({
      customer: fc.integer({ min: 0, max: 9 }).map((number) => `c${number}`),
      type: fc.constantFrom('Product Viewed' as const, 'Product Added' as const, 'Order Completed' as const),
      agoMs: fc.constantFrom(-2 * hour, -second, 0, hour, 5 * hour, 13 * hour, 2 * day),
    }),
    { maxLength: 12 },
  );
  const rounds = fc.array(fc.record({ acts, laterMs: fc.constantFrom(second, hour, 4 * hour) }), { minLength: 1, maxLength: 5 });
  const crowded: CustomerHash = (id) => (customerHash(id) % 7n) << 58n;

  it.each([
    ['hashes as they are', customerHash],
    ['hashes that collide', crowded],
  ])('answers like one built whole: for who was touched, and for all where no window is (%s)', async (_, hash) => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom('s1', 's2', 's3'), criteria), windows, rounds, async (plain, window, then) => {
        const shop = new Shop({ ...plain, window }, { log, publication }, { hash });
        shop.definitions = { ...shop.definitions, client: { ...shop.definitions.client, snapshotIntervalSeconds: 1_000_000 } };
        for (const round of then) {
          shop.now += round.laterMs;
          for (const { customer, type, agoMs } of round.acts) shop.act(customer, type, shop.now - agoMs);
          await shop.step();
          const touched = new Set(round.acts.map(({ customer }) => customer));
          const expected = shop.expected();
          for (const [id, segments] of expected) {
            const now = await shop.segmentsOf(id);
            if (touched.has(id)) expect(now).toEqual(segments);
            else expect(now.filter((segment) => segment !== 'window')).toEqual(segments.filter((segment) => segment !== 'window'));
          }
        }
        expect(shop.tables.asked.filter(({ only }) => only === undefined)).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });
});
