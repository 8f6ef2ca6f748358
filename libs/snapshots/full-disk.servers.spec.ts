import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { AudienceBuilder } from './audience/audience-builder.js';
import { openSnapshotCache } from './cache.js';
import { openImageLoading } from './loading/image-loading.js';
import type { Announcement } from './publication.js';
import { rowsOf } from './testing/rows.js';

// A small file system that fills up; mounting takes root, which the machine of these tests gives.
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vitrine-full-'));
  await mkdir(join(root, 'small'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', join(root, 'small')], { encoding: 'utf8' });
  expect(mounted.stderr).toBe('');
});
afterEach(async () => {
  spawnSync('umount', [join(root, 'small')]);
  await rm(root, { recursive: true });
});

async function audience(customers: number) {
  const builder = new AudienceBuilder(['all']);
  await builder.take(rowsOf(['all'], new Map(Array.from({ length: customers }, (_, index) => [`c${index}`, ['all']]))));
  const image = builder.image().bytes;
  const sha256 = createHash('sha256').update(image).digest('hex');
  const place = { path: join(root, sha256) };
  await writeFile(place.path, image);
  const said = { position: 5n as Position, builtAt: '2026-11-23T12:00:00.000Z', url: 'x', increment: 0, customers, memberships: 1 };
  const version = sha256.slice(0, 16);
  return {
    image,
    place,
    announcement: { ...said, clientId: 'golf', kind: 'audience', version, sha256, bytes: image.length } as Announcement,
  };
}

it('keeps what was kept when the disk is full, leaves nothing half written, and keeps the next when there is room', async () => {
  const folder = join(root, 'small', 'cache');
  const cache = await openSnapshotCache(folder);
  const loading = openImageLoading();
  // Some 1 MB and 1.4 MB: one has room beside what else is there, both have not.
  const [first, second] = [await audience(180_000), await audience(240_000)];
  const load = ({ place, announcement }: typeof first) => loading.audience(place, announcement);
  const keep = async (which: typeof first) => {
    const image = await load(which);
    await cache.keep({ announcement: which.announcement, image, increments: [] }).finally(() => image.release());
  };
  const kept = async () => {
    const damaged: Error[] = [];
    const all = await (await openSnapshotCache(folder)).kept((_client, _kind, cause) => damaged.push(cause));
    expect(damaged).toEqual([]);
    return Promise.all(all.map(({ place }) => readFile(place.path)));
  };
  try {
    await keep(first);
    await expect(keep(second)).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE', message: expect.stringMatching(/ENOSPC/) });
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    expect(await kept()).toEqual([Buffer.from(first.image)]);
    expect(loading.memory.usedBytes).toBe(0);
    spawnSync('mount', ['-o', 'remount,size=8m', join(root, 'small')]);
    await keep(second);
    expect(await kept()).toEqual([Buffer.from(second.image)]);
  } finally {
    await loading.close();
  }
});
