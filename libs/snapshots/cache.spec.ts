import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { openSnapshotCache } from './cache.js';
import type { Announcement, Increment } from './publication.js';

const image = randomBytes(1000);

function announced(bytes: Buffer, more: Partial<Announcement> = {}): Announcement {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const at = { position: 5n as Position, builtAt: '2026-11-23T12:00:00.000Z', url: `images/${sha256}` };
  const counts = { bytes: bytes.length, increment: 0, customers: 1, memberships: 1 };
  return { clientId: 'golf', kind: 'audience', version: sha256.slice(0, 16), sha256, ...at, ...counts, ...more };
}

function increment(base: Announcement, sequence: number): Increment {
  const position = (base.position + BigInt(sequence)) as Position;
  return { clientId: 'golf', base: base.version, sequence, position, builtAt: base.builtAt, bytes: randomBytes(50) };
}

describe('the cache of snapshots on a node’s disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-cache-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const loadAgain = async () => {
    const damaged: string[] = [];
    const kept = await (await openSnapshotCache(folder)).kept((clientId, kind) => damaged.push(`${clientId} ${kind}`));
    const loaded = [];
    for (const { place, ...rest } of kept) loaded.push({ ...rest, image: await readFile(place.path) });
    return { loaded, damaged };
  };

  it('has nothing at first', async () => {
    expect(await loadAgain()).toEqual({ loaded: [], damaged: [] });
  });

  it('gives back the last image with all its increments', async () => {
    const cache = await openSnapshotCache(folder);
    const base = announced(image);
    const [one, two] = [increment(base, 1), increment(base, 2)];
    await cache.keep({ announcement: { ...base, increment: 1, position: one.position }, image, increments: [one] });
    await cache.keepIncrement(two);
    await cache.keepIncrement({ ...increment(base, 3), base: '0123456789abcdef' });
    const playbook = announced(image, { kind: 'playbook' });
    await cache.keep({ announcement: playbook, image, increments: [] });
    const { loaded, damaged } = await loadAgain();
    expect(damaged).toEqual([]);
    expect(loaded).toEqual([
      { announcement: { ...base, increment: 2, position: two.position }, image, increments: [one, two] },
      { announcement: playbook, image, increments: [] },
    ]);
  });

  it('keeps one image per client and kind', async () => {
    const cache = await openSnapshotCache(folder);
    const before = announced(image);
    await cache.keep({ announcement: before, image, increments: [] });
    await cache.keepIncrement(increment(before, 1));
    const other = randomBytes(10);
    await cache.keep({ announcement: announced(other), image: other, increments: [] });
    expect((await loadAgain()).loaded).toEqual([{ announcement: announced(other), image: other, increments: [] }]);
    expect(await readdir(join(folder, 'images'))).toHaveLength(1);
    expect(await readdir(join(folder, 'increments'))).toEqual([]);
  });

  it('leaves out what is damaged beside the images, and removes what was half written', async () => {
    const cache = await openSnapshotCache(folder);
    await cache.keep({ announcement: announced(image), image, increments: [] });
    await writeFile(join(folder, 'tmp', 'half'), image);
    await writeFile(join(folder, 'kept', 'golf.audience.json'), '');
    expect(await loadAgain()).toEqual({ loaded: [], damaged: ['golf audience'] });
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
  });

  it('goes back to the last whole increment, but not behind what was kept with the image', async () => {
    const cache = await openSnapshotCache(folder);
    const base = announced(image);
    await cache.keep({ announcement: { ...base, increment: 1, position: 6n as Position }, image, increments: [increment(base, 1)] });
    await cache.keepIncrement(increment(base, 2));
    const fileOf = (sequence: number) => join(folder, 'increments', `golf.${base.version}`, `00000000${sequence}`);
    await truncate(fileOf(2), 60);
    expect((await loadAgain()).loaded[0]?.announcement).toMatchObject({ increment: 1, position: 6n });
    await truncate(fileOf(1), 60);
    expect(await loadAgain()).toEqual({ loaded: [], damaged: ['golf audience'] });
  });
});
