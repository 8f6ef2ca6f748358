import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import type { Announcement } from '../publication.js';
import { Files } from './files.js';
import { Pointers } from './pointers.js';

const key = 'golf.audience';
const first: Announcement = {
  clientId: 'golf',
  kind: 'audience',
  version: '0123456789abcdef',
  position: 1n as Position,
  builtAt: '2026-11-23T12:00:00.000Z',
  bytes: 1,
  sha256: '0'.repeat(64),
  url: 'images/0',
  increment: 0,
  customers: 0,
  memberships: 0,
};

describe('pointers changed by several', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-pointers-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = async () => {
    const pointers = new Pointers(new Files(folder));
    await pointers.prepare();
    return pointers;
  };
  /** Counts the position up by one: what is lost is missing from the sum. */
  const count = (pointers: Pointers) =>
    pointers.change(key, false, (current) => (current === null ? first : { ...current, position: (current.position + 1n) as Position }));

  it('lose no change', async () => {
    const all = await Promise.all([open(), open(), open()]);
    await count(all[0]!);
    await Promise.all(
      all.map(async (pointers) => {
        for (let round = 0; round < 20; round += 1) await count(pointers);
      }),
    );
    for (const pointers of all) expect((await pointers.read(key))?.position).toBe(61n);
  });

  it('are not changed from what has long been replaced, when a writer was stopped in between', async () => {
    const [stopped, other] = await Promise.all([open(), open()]);
    await count(stopped);
    let calls = 0;
    const changed = await stopped.change(key, false, async (current) => {
      calls += 1;
      // Meanwhile so many others were written that the next number was taken and removed again.
      if (calls === 1) for (let round = 0; round < 30; round += 1) await count(other);
      return { ...current!, position: (current!.position + 1n) as Position };
    });
    expect(changed?.position).toBe(32n);
    expect(calls).toBe(2);
    expect((await (await open()).read(key))?.position).toBe(32n);
  });

  it('are found again by who has not looked for long', async () => {
    const [reader, writer] = await Promise.all([open(), open()]);
    await count(writer);
    expect((await reader.read(key))?.position).toBe(1n);
    for (let round = 0; round < 3; round += 1) await count(writer);
    expect((await reader.read(key))?.position).toBe(4n);
    for (let round = 0; round < 30; round += 1) await count(writer);
    expect((await reader.read(key))?.position).toBe(34n);
    expect(await readdir(join(folder, 'current'))).toHaveLength(8);
  });
});
