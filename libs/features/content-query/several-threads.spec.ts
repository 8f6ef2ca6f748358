import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import {
  type Announcement,
  type ImageLoading,
  loadingOver,
  type NodePublication,
  offerLoading,
  offerPublication,
  openImageLoading,
  openSnapshotCache,
  publicationOver,
  readSnapshotCache,
  SharedPublication,
} from '#libs/snapshots';
import { ContentQueryMetrics } from './metrics.js';
import { ServingTables } from './serving-tables.js';
import { Builder, campaign, content, type Folders, makeFolders, playbook, until } from './testing/edge.js';

const many = (prefix: string) => Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`${prefix}${index}`, ['repeat']]));

/** Tables as the threads of one process have them: over ports, from one loading, here in one thread. */
describe('the tables of several threads', () => {
  let folders: Folders;
  let builder: Builder;
  let loading: ImageLoading;
  let shared: SharedPublication;
  let all: ServingTables[];
  let fetched: string[];
  let reported: string[];
  beforeEach(async () => {
    folders = await makeFolders();
    builder = await Builder.open(folders);
    loading = openImageLoading();
    [all, fetched, reported] = [[], [], []];
    const { publication } = builder;
    const seen: NodePublication = Object.assign(Object.create(publication) as typeof publication, {
      fetch: (of: Announcement) => {
        fetched.push(of.kind);
        return publication.fetch(of);
      },
    });
    shared = new SharedPublication(seen, { nodeId: 'n', threads: 3 });
    await builder.playbook(playbook('golf', [content('plain')], [campaign('spring', [])]));
  });
  afterEach(async () => {
    for (const tables of all.reverse()) await tables.stop();
    shared.close();
    await loading.close();
    await builder.publication.close();
    await folders.remove();
  });

  const start = async (thread: number, heard: (publication: NodePublication) => NodePublication = (publication) => publication) => {
    const [images, snapshots] = [new MessageChannel(), new MessageChannel()];
    offerLoading(loading, images.port1);
    offerPublication(shared.of(thread), snapshots.port1);
    const isFirst = thread === 0;
    const tables = new ServingTables({
      publication: isFirst ? shared.of(0) : heard(publicationOver(snapshots.port2)),
      cache: isFirst ? await openSnapshotCache(folders.cache) : readSnapshotCache(folders.cache),
      loading: isFirst
        ? { audience: (...which) => loading.audience(...which), memory: loading.memory, close: async () => undefined }
        : loadingOver(images.port2),
      nodeId: `thread ${thread}`,
      metrics: new ContentQueryMetrics(new Registry()),
      report: (message, error) => reported.push(`${message}: ${String(error)}`),
    });
    all.push(tables);
    await tables.start();
    return tables;
  };
  const answersFrom = (tables: ServingTables, version: string) => until(version, () => tables.of('golf')?.audience?.version === version);
  const knows = (tables: ServingTables, customerId: string) => (tables.of('golf')?.audience?.lookup.membershipOfId(customerId) ?? -1) >= 0;

  it('read one memory, through swaps and increments; what is fetched is fetched once', async () => {
    let current = await builder.audience('golf', ['repeat'], many('a'));
    for (const thread of [0, 1, 2]) await start(thread);
    for (const prefix of ['b', 'c', 'd']) {
      for (const tables of all) await answersFrom(tables, current.version);
      const images = all.map((tables) => tables.of('golf')!.audience!.image.bytes);
      images[0]![0]! ^= 1;
      expect(images.map((bytes) => bytes[0])).toEqual(images.map(() => images[0]![0]));
      images[0]![0]! ^= 1;
      await until('one image is in memory', () => loading.memory.usedBytes > 0 && loading.memory.usedBytes < 2 * current.bytes);
      await builder.increment(current, 1, ['repeat'], { newcomer: ['repeat'] });
      for (const tables of all) await answersFrom(tables, `${current.version}+1`);
      expect(all.map((tables) => knows(tables, 'newcomer'))).toEqual([true, true, true]);
      current = await builder.audience('golf', ['repeat'], many(prefix));
    }
    for (const tables of all) await answersFrom(tables, current.version);
    expect(all.map((tables) => [knows(tables, 'd7'), knows(tables, 'a7')])).toEqual(all.map(() => [true, false]));
    expect(fetched).toEqual(['playbook']);
    expect(reported).toEqual([]);
  });

  it('keep the memory that one of them still reads', async () => {
    const first = await builder.audience('golf', ['repeat'], many('a'));
    const ahead = await start(0);
    let isHeld = false;
    const behind = await start(1, (publication) => ({
      ...publication,
      watch: (listener, signal) =>
        publication.watch({ ...listener, announced: (announcement) => (isHeld ? undefined : listener.announced(announcement)) }, signal),
    }));
    for (const tables of [ahead, behind]) await answersFrom(tables, first.version);
    isHeld = true;
    for (const prefix of ['b', 'c', 'd', 'e']) await answersFrom(ahead, (await builder.audience('golf', ['repeat'], many(prefix))).version);
    expect([knows(ahead, 'a7'), knows(ahead, 'e7'), knows(behind, 'e7')]).toEqual([false, true, false]);
    for (let index = 0; index < 20_000; index += 1) if (!knows(behind, `a${index}`)) throw new Error(`a${index} is gone`);
    expect(loading.memory.usedBytes).toBeGreaterThan(1.5 * first.bytes);
    await behind.stop();
    await until('it is given back', () => loading.memory.usedBytes < 2 * first.bytes);
  });

  it('start from what the first has kept', async () => {
    const { version } = await builder.audience('golf', ['repeat'], many('a'));
    await answersFrom(await start(0), version);
    await until('it is kept', async () => (await readSnapshotCache(folders.cache).kept(() => undefined)).length === 2);
    const away = (publication: NodePublication): NodePublication => ({ ...publication, watch: () => Promise.reject(new Error('away')) });
    const later = await start(1, away);
    expect([later.ready(), knows(later, 'a7')]).toEqual([true, true]);
    expect(loading.memory.usedBytes).toBeLessThan(2 * (await builder.publication.current('golf', 'audience'))!.bytes);
  });
});
