import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { noRows } from '#libs/projections';
import { migrations } from '../schema/migrations.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { openProjectionTables } from './projection-tables.js';

describe('two projectors that both take themselves for the leader', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database?.stop());
  const at = (position: number) => BigInt(position) as Position;
  const open = () => openProjectionTables(database.connection, migrations);

  it('never move the checkpoint back', async () => {
    const [one, two] = [await open().live(), await open().live()];
    await two.write(noRows, at(20));
    await one.write(noRows, at(10));
    expect(await two.checkpoint()).toBe(20n);
  });

  it('cannot exchange tables once another one has begun to lead, nor touch what that one rebuilds', async () => {
    const [sleeper, leader] = [open(), open()];
    const stale = await sleeper.beside();
    await stale.write(noRows, at(900));
    // Here the sleeper stands still, and another one takes over.
    const live = await leader.live();
    const before = await live.checkpoint();
    const fresh = await leader.beside();
    await fresh.write(noRows, at(300));
    await expect(stale.write(noRows, at(901))).rejects.toThrow();
    await expect(sleeper.exchange(() => true)).rejects.toMatchObject({ code: 'ANALYTICS_UNAVAILABLE' });
    expect(await live.checkpoint()).toBe(before);
    expect(await fresh.checkpoint()).toBe(300n);
    await leader.exchange(() => true);
    expect(await live.checkpoint()).toBe(300n);
    await sleeper.close();
    await leader.close();
  });

  it('touch nothing more once they may not go on', async () => {
    const tables = open();
    const live = await tables.live();
    const before = await live.checkpoint();
    for (const steps of [0, 2]) {
      await (await tables.beside()).write(noRows, at(1_000));
      let asked = 0;
      expect(await tables.exchange(() => ++asked <= steps)).toBe(false);
      expect(asked).toBe(steps + 1);
      expect(await live.checkpoint()).toBe(before);
    }
    await tables.close();
  });
});
