import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { type ImageLoading, openImageLoading, openSnapshotCache, readSnapshotCache, type SnapshotCache } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { ContentQueryMetrics } from './metrics.js';
import { ServingTables } from './serving-tables.js';
import { audienceImage, Builder, campaign, content, type Folders, makeFolders, playbook, rule, until } from './testing/edge.js';

const segmentIds = ['repeat'];
const shop = playbook(
  'golf',
  [content('plain'), content('ten')],
  [campaign('spring', [rule('r', 1, { segmentId: 'repeat', contentId: 'ten' })])],
);

let folders: Folders;
let builder: Builder;
let stop: (() => Promise<void>)[];
beforeEach(async () => {
  folders = await makeFolders();
  builder = await Builder.open(folders);
  stop = [() => builder.publication.close()];
});
afterEach(async () => {
  for (const one of stop.reverse()) await one();
  await folders.remove();
});

async function start(loading: ImageLoading, cache?: SnapshotCache) {
  const refused: string[] = [];
  const publication = await openFileSnapshots({ folder: folders.snapshots });
  const tables = new ServingTables({
    publication,
    cache: cache ?? (await openSnapshotCache(folders.cache)),
    loading,
    nodeId: `node-${stop.length}`,
    metrics: new ContentQueryMetrics(new Registry()),
    report: (_message, error) => refused.push(error instanceof Error ? error.message : String(error)),
  });
  await tables.start();
  stop.push(
    () => publication.close(),
    () => tables.stop(),
  );
  return { tables, refused };
}

const versionIn = (tables: ServingTables) => tables.of('golf')?.audience?.version;

describe('a client’s audiences in a node', () => {
  it('stay as they are while the loading thread ends, and follow when it is there again', async () => {
    // Loads the first, ends in the middle of the second, and is itself again after that.
    const [seen, ended] = [join(folders.root, 'seen'), join(folders.root, 'ended')];
    const real = resolve('dist/libs/snapshots/loading/loading-thread.js');
    const program = join(folders.root, 'thread.mjs');
    await writeFile(
      program,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       const { on } = parentPort;
       parentPort.on = (name, listener) => on.call(parentPort, name, (work) => {
         if (work.do === 'load' && !existsSync(${JSON.stringify(ended)})) {
           if (existsSync(${JSON.stringify(seen)})) {
             writeFileSync(${JSON.stringify(ended)}, '');
             process.exit(1);
           }
           writeFileSync(${JSON.stringify(seen)}, '');
         }
         listener(work);
       });
       await import(${JSON.stringify(real)});`,
    );
    await builder.playbook(shop);
    const first = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    const { tables, refused } = await start(openImageLoading(program));
    await until('the first is loaded', () => versionIn(tables) === first.version);
    const before = tables.of('golf');
    const second = await builder.audience('golf', segmentIds, { ann: ['repeat'], bob: [] });
    await until('the thread has ended', () => existsSync(ended) && refused.length > 0);
    expect(refused[0]).toMatch(/the loading thread ended/);
    expect(tables.of('golf')).toBe(before);
    expect(before?.audience?.lookup.membershipOfId('ann')).toBe(0);
    await until('the second is loaded', () => versionIn(tables) === second.version);
    expect(tables.of('golf')?.audience?.lookup.membershipOfId('bob')).toBeGreaterThanOrEqual(0);
  });

  it('know nobody once they are replaced: their memory may be another client’s', async () => {
    await builder.playbook(shop);
    const first = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    const { tables } = await start(openImageLoading());
    await until('the first is loaded', () => versionIn(tables) === first.version);
    const old = tables.of('golf')?.audience?.lookup;
    expect(old?.membershipOfId('ann')).toBe(0);
    const second = await builder.audience('golf', segmentIds, { ann: ['repeat'], bob: [] });
    await until('the second is loaded', () => versionIn(tables) === second.version);
    expect(old?.membershipOfId('ann')).toBe(-1);
    expect(old?.memberships).toEqual([['repeat']]);
  });

  it('are in memory once for nodes that share a loading, of which one keeps the disk', async () => {
    await builder.playbook(shop);
    const loading = openImageLoading();
    // Two that would close it: the second only borrows it.
    const shared = { ...borrowed(loading) };
    const one = await start(loading);
    const other = await start(shared, readSnapshotCache(folders.cache));
    const both = [one.tables, other.tables];
    for (let round = 0; round < 4; round += 1) {
      const { bytes } = await audienceImage(segmentIds, { ann: ['repeat'], [`round-${round}`]: [] });
      const { version } = await builder.publish('golf', 'audience', bytes, 2, 2);
      await until('both have it', () => both.every((tables) => versionIn(tables) === version));
      const [mine, its] = both.map((tables) => tables.of('golf')?.audience?.image.bytes);
      expect(mine?.buffer).toBe(its?.buffer);
      await until('it is kept', () => existsSync(join(folders.cache, 'images', `golf.audience.${version}`)));
      expect(loading.memory.usedBytes + loading.memory.spareBytes).toBeLessThanOrEqual(2 * mine!.buffer.byteLength);
    }
    const again = await start(borrowed(loading), readSnapshotCache(folders.cache));
    await until('a third has it too', () => versionIn(again.tables) === versionIn(one.tables));
  });
});

function borrowed(loading: ImageLoading): ImageLoading {
  return { audience: (...asked) => loading.audience(...asked), memory: loading.memory, close: async () => undefined };
}
