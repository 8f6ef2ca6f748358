import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AudienceRows } from '#libs/analytics';
import type { Criteria } from '#libs/domain';
import type { EventLog, Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { type CustomerHash, customerHash, type SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { rowsOf } from '#libs/snapshots/testing';
import { Shop, stepOf } from './testing/shop.js';

const second = 1000;
const buyers: Criteria = { field: 'orders.count', op: 'gte', value: 1 };
const viewers: Criteria = { field: 'views.count', op: 'gte', value: 2 };

let folder: string;
let log: EventLog;
let publication: SnapshotPublication;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-beside-'));
  log = await openFileLog({ folder: join(folder, 'log') });
  publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
});
afterAll(async () => {
  await publication.close();
  await log.close();
  await rm(folder, { recursive: true });
});

/** Begins a whole build whose rows come when they are let go: they are those of the moment at which it was asked. */
async function begun(shop: Shop): Promise<{ readonly end: () => Promise<void> }> {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { tables } = shop;
  const audience = tables.audience.bind(tables);
  const asked = new Promise<void>((resolve) => {
    tables.audience = async (query) => {
      const rows = await audience(query);
      if (query.only !== undefined) return rows;
      tables.audience = audience;
      resolve();
      await held;
      return rows;
    };
  });
  const building = shop.keeper.build();
  await Promise.race([asked, building.then(() => Promise.reject(new Error('nothing was due')))]);
  return {
    end: () => {
      letGo();
      return building;
    },
  };
}

/** All are as plain code judges them now. */
async function expectAsPlain(shop: Shop): Promise<void> {
  for (const [id, segments] of shop.expected()) expect([id, [...(await shop.segmentsOf(id))].sort()]).toEqual([id, [...segments].sort()]);
}

describe("beside a client's whole build", () => {
  const at = (shop: Shop) => (shop.now += second);

  it('increments go on, and what it publishes holds them all', async () => {
    const shop = new Shop({ buyers, viewers }, { log, publication });
    for (const id of ['ann', 'bob', 'cem']) shop.act(id);
    const before = await shop.step();
    at(shop);
    shop.now += 900 * second;
    expect(await shop.keeper.step()).toBe(true);
    const build = await begun(shop);
    shop.act('ann', 'Order Completed');
    shop.act('new', 'Order Completed');
    at(shop);
    await shop.keeper.step();
    expect(await shop.announced()).toMatchObject({ version: before.version, increment: 1, position: shop.position });
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
    shop.act('bob');
    at(shop);
    await build.end();
    const after = (await shop.announced())!;
    expect(after).toMatchObject({
      increment: 0,
      position: shop.position,
      customers: 4,
      memberships: 3,
      builtAt: '2026-11-23T12:15:01.000Z',
    });
    await expectAsPlain(shop);
    expect(await shop.keeper.step()).toBe(false);
  });

  it('nothing is said to hold what is only being built', async () => {
    const shop = new Shop({ buyers, viewers }, { log, publication });
    shop.act('ann');
    await shop.step();
    shop.act('ann');
    const clear = await shop.step();
    expect(await shop.segmentsOf('ann')).toEqual(['viewers']);
    shop.define({ buyers, viewers: { not: viewers } });
    expect(await shop.keeper.step()).toBe(true);
    const build = await begun(shop);
    shop.act('bob', 'Order Completed');
    at(shop);
    await shop.keeper.step();
    // By the definitions before: fresh, and no position that promises the new ones.
    expect(await shop.segmentsOf('bob')).toEqual(['buyers']);
    expect(await shop.announced()).toMatchObject({ increment: clear.increment + 1, position: clear.position });
    shop.act('cem', 'Order Completed');
    at(shop);
    await build.end();
    expect(await shop.announced()).toMatchObject({ increment: 0, position: shop.position });
    await expectAsPlain(shop);
  });

  it('a request that comes meanwhile is met by another build, also after a restart', async () => {
    const shop = new Shop({ buyers }, { log, publication });
    await shop.step();
    shop.now += 900 * second;
    expect(await shop.keeper.step()).toBe(true);
    const build = await begun(shop);
    shop.act('ann', 'Order Completed');
    const requestedAt = shop.request();
    for (let steps = 0; steps < 3; steps += 1) {
      at(shop);
      expect(await shop.keeper.step()).toBe(true);
    }
    await build.end();
    const first = (await shop.announced())!;
    expect(first.position).toBeLessThan(requestedAt);
    expect(await shop.segmentsOf('ann')).toEqual(['buyers']);
    shop.keeper = shop.newKeeper();
    at(shop);
    const met = await shop.step();
    expect(met.position).toBe(requestedAt);
    expect(met.builtAt > first.builtAt).toBe(true);
    expect(await shop.keeper.step()).toBe(false);
  });

  it('more customers than one question takes are judged again in pieces', async () => {
    const shop = new Shop({ buyers }, { log, publication }, { options: { touchedMax: 3 } });
    await shop.step();
    shop.now += 900 * second;
    expect(await shop.keeper.step()).toBe(true);
    const build = await begun(shop);
    for (let index = 0; index < 40; index += 1) shop.act(`c${index % 20}`, index % 3 === 0 ? 'Order Completed' : 'Product Viewed');
    for (let index = 0; index < 12; index += 1) shop.act(`due${index}`, 'Order Completed', shop.now + (1 + (index % 6)) * second);
    shop.now += 20 * second;
    await build.end();
    expect(await shop.announced()).toMatchObject({ increment: 0, position: shop.position, customers: 32 });
    await expectAsPlain(shop);
  });

  it('a build whose tables went back is thrown away', async () => {
    const shop = new Shop({ buyers }, { log, publication });
    shop.act('ann');
    const before = await shop.step();
    shop.now += 900 * second;
    const build = await begun(shop);
    const upTo = shop.tables.upTo;
    shop.tables.upTo = (before.position - 1n) as Position;
    await build.end();
    expect(await shop.announced()).toEqual(before);
    shop.tables.upTo = upTo;
    expect((await shop.step()).builtAt).not.toBe(before.builtAt);
  });

  it('who were too many for one increment are not judged again and again until the whole build', async () => {
    const shop = new Shop({ buyers }, { log, publication }, { options: { touchedMax: 480_000 } });
    await shop.step();
    const customerIds = Array.from({ length: 470_000 }, (_, index) => `c${index}`);
    shop.next();
    shop.tables.touched = async () => ({ customerIds, more: false, first: null });
    let asked = 0;
    shop.tables.audience = async ({ segmentIds, only = [] }) => {
      asked += only.length;
      return rowsOf(segmentIds, new Map(only.map((id) => [id, ['buyers']])), { chunkBytes: 65_536 }) as AudienceRows;
    };
    expect(await shop.keeper.step()).toBe(true);
    expect(asked).toBe(customerIds.length);
    expect(await shop.keeper.step()).toBe(true);
    expect(asked).toBe(customerIds.length);
    expect(await shop.announced()).toMatchObject({ increment: 0 });
  });

  it('a build says no more than tables have that went back and are beyond what is announced', async () => {
    const shop = new Shop({ buyers }, { log, publication });
    await shop.step();
    shop.define({ buyers, viewers });
    expect(await shop.keeper.step()).toBe(true);
    const build = await begun(shop);
    shop.act('ann', 'Order Completed');
    shop.now += second;
    // By the definitions before: seen, and not announced.
    await shop.keeper.step();
    const { position } = shop;
    // The rebuilt tables do not have the order yet, and the build sees them first.
    shop.tables.upTo = (position - 1n) as Position;
    await build.end();
    expect(await shop.announced()).toMatchObject({ increment: 0, position: position - 1n });
    shop.tables.upTo = position as Position;
    shop.now += second;
    await shop.step();
    expect((await shop.announced())!.position).toBe(position);
    await expectAsPlain(shop);
  });

  const acts = fc.array(
    fc.record({
      customer: fc.integer({ min: 0, max: 9 }).map((number) => `c${number}`),
      type: fc.constantFrom('Product Viewed' as const, 'Order Completed' as const),
      inMs: fc.constantFrom(0, -5 * second, second, 3 * second),
    }),
    { maxLength: 6 },
  );
  const something = fc.oneof(
    { weight: 4, arbitrary: fc.record({ acts, what: fc.constant('step' as const) }) },
    fc.record({ acts, what: fc.constantFrom('request' as const, 'define' as const, 'restart' as const, 'interval' as const) }),
  );
  const crowded: CustomerHash = (id) => (customerHash(id) % 7n) << 58n;

  it.each([
    ['hashes as they are', customerHash],
    ['hashes that collide', crowded],
  ])('whatever is done in whichever order, positions keep their promise and all is as plain code says at the end (%s)', async (_, hash) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(something, fc.boolean()), { minLength: 1, maxLength: 10 }), async (things) => {
        const shop = new Shop({ buyers, viewers }, { log, publication }, { hash });
        await shop.step();
        let build: { readonly end: () => Promise<void> } | undefined;
        let flip = false;
        for (const [{ acts: done, what }, endsBuild] of things) {
          shop.now += second;
          for (const { customer, type, inMs } of done) shop.act(customer, type, shop.now + inMs);
          if (what === 'request') shop.request();
          if (what === 'interval') shop.now += 900 * second;
          if (what === 'define') {
            flip = !flip;
            shop.define({ buyers, viewers: flip ? { not: viewers } : viewers });
          }
          const before = (await shop.announced())!;
          const { audienceChangedAt, requestedAt } = shop.definitions;
          if (what === 'restart') {
            await build?.end();
            build = undefined;
            shop.keeper = shop.newKeeper();
          }
          if ((await shop.keeper.step()) && build === undefined) build = await begun(shop);
          const beside = (await shop.announced())!;
          expect(beside.position).toBeGreaterThanOrEqual(before.position);
          // A step alone meets neither a request nor a change of the definitions.
          if (what !== 'restart') {
            if (before.position < audienceChangedAt) expect(beside.position).toBeLessThan(audienceChangedAt);
            if (before.position < (requestedAt.audience ?? 0n)) expect(beside.position).toBeLessThan(requestedAt.audience!);
          }
          if (!endsBuild || build === undefined) continue;
          await build.end();
          build = undefined;
        }
        await build?.end();
        shop.now += second;
        for (let steps = 0; steps < 3; steps += 1) await stepOf(shop.keeper);
        expect((await shop.announced())!.position).toBe(shop.position);
        shop.now += 5 * second;
        await stepOf(shop.keeper);
        await expectAsPlain(shop);
      }),
      { numRuns: 20 },
    );
  });
});
