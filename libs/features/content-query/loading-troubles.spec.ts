import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import {
  type Announcement,
  type ImageLoading,
  openImageLoading,
  openSnapshotCache,
  type SnapshotCache,
  type SnapshotPublication,
  versionOf,
} from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { ContentQueryMetrics } from './metrics.js';
import { ServingTables } from './serving-tables.js';
import { audienceImage, Builder, campaign, content, type Folders, makeFolders, playbook, rule, until } from './testing/edge.js';

const segmentIds = ['repeat'];
/** Images of some size, each for one customer more. */
const members = (version: number) =>
  Object.fromEntries(Array.from({ length: 20_000 + version }, (_, index) => [`customer-${index}`, index % 3 === 0 ? ['repeat'] : []]));

let folders: Folders;
let builder: Builder;
let stop: (() => Promise<void>)[];
beforeEach(async () => {
  folders = await makeFolders();
  builder = await Builder.open(folders);
  stop = [() => builder.publication.close()];
  const shown = [campaign('spring', [rule('r', 1, { segmentId: 'repeat', contentId: 'ten' })])];
  await builder.playbook(playbook('golf', [content('plain'), content('ten')], shown));
});
afterEach(async () => {
  for (const one of stop.reverse()) await one();
  await folders.remove();
});

/** Serves what is published, as builders do, unless `how` does something else with the answer. */
async function imageServer() {
  const images = new Map<string, Uint8Array>();
  const asked: string[] = [];
  const state: { how?: ((version: string, image: Uint8Array, response: ServerResponse) => void) | undefined } = {};
  const server = createServer((request, response) => {
    const version = request.url!.slice(1);
    const image = images.get(version)!;
    asked.push(version);
    if (state.how !== undefined) return state.how(version, image, response);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-length': image.length - from, 'content-range': `bytes ${from}-${image.length - 1}/${image.length}` };
    response.writeHead(from === 0 ? 200 : 206, range).end(image.subarray(from));
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  stop.push(async () => void (server.listening && (await close())));
  return {
    asked,
    state,
    close,
    listenAgain: () => listen(port),
    async publish(version: number): Promise<Announcement> {
      const { bytes, customers, memberships } = await audienceImage(segmentIds, members(version));
      images.set(versionOf(bytes).version, bytes);
      return builder.publish('golf', 'audience', bytes, customers, memberships);
    },
    placeOf: async ({ sha256 }: Pick<Announcement, 'sha256'>) => ({ url: `http://127.0.0.1:${port}/${sha256.slice(0, 16)}` }),
  };
}

async function node(server: Awaited<ReturnType<typeof imageServer>>, cache?: SnapshotCache) {
  const loading: ImageLoading = openImageLoading();
  const files = await openFileSnapshots({ folder: folders.snapshots });
  // Pointers as from a folder, images as from a builder elsewhere.
  const publication: SnapshotPublication = Object.create(files, { placeOf: { value: server.placeOf } });
  const refused: string[] = [];
  const tables = new ServingTables({
    publication,
    cache: cache ?? (await openSnapshotCache(join(folders.cache))),
    loading,
    nodeId: 'node-1',
    metrics: new ContentQueryMetrics(new Registry()),
    report: (_message, error) => refused.push(error instanceof Error ? error.message : String(error)),
  });
  await tables.start();
  stop.push(
    () => files.close(),
    () => tables.stop(),
  );
  const version = () => tables.of('golf')?.audience?.version;
  const heldBytes = () => loading.memory.usedBytes + loading.memory.spareBytes;
  return { tables, loading, refused, version, heldBytes };
}

describe('a node whose audiences do not come as they should', () => {
  it('goes from the audience that it was loading to the newest, past those between, in the memory of two', async () => {
    const server = await imageServer();
    const first = await server.publish(0);
    const { version, heldBytes, refused } = await node(server);
    await until('the first is loaded', () => version() === first.version);
    const oneBytes = heldBytes();

    let finish: () => void = () => undefined;
    server.state.how = (_version, image, response) => {
      response.writeHead(200, { 'content-length': image.length }).write(image.subarray(0, 50_000));
      finish = () => response.end(image.subarray(50_000));
      server.state.how = undefined;
    };
    const slow = await server.publish(1);
    await until('it is being loaded', () => server.asked.includes(slow.version));
    const later: Announcement[] = [];
    for (let number = 2; number <= 6; number += 1) {
      later.push(await server.publish(number));
      expect(version()).toBe(first.version);
    }
    await until('the pointer was seen', async () => (await builder.publication.current('golf', 'audience'))?.version === later[4]?.version);
    finish();
    await until('the newest is loaded', () => {
      expect(heldBytes()).toBeLessThanOrEqual(2 * oneBytes);
      return version() === later[4]?.version;
    });
    expect(server.asked).toEqual([first.version, slow.version, later[4]?.version]);
    expect(refused).toEqual([]);
  });

  it('answers on while an image is cut again and again and its server goes away, and has it when that is back', async () => {
    const server = await imageServer();
    const first = await server.publish(0);
    const { version, loading, refused, tables } = await node(server);
    await until('the first is loaded', () => version() === first.version);
    const { usedBytes } = loading.memory;
    let cuts = 0;
    // Each attempt brings a little, then nothing more; after the tenth nobody is there at all.
    server.state.how = (_version, image, response) => {
      cuts += 1;
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 1_000), () => response.destroy());
      if (cuts === 10) void server.close();
    };
    const second = await server.publish(1);
    await until('nobody is there', () => refused.some((message) => message.includes('ECONNREFUSED')));
    expect(cuts).toBe(10);
    expect(version()).toBe(first.version);
    expect(tables.of('golf')?.audience?.lookup.membershipOfId('customer-3')).toBeGreaterThanOrEqual(0);
    await until('its memory is back', () => loading.memory.usedBytes === usedBytes);
    server.state.how = undefined;
    await server.listenAgain();
    await until('the second is loaded', () => version() === second.version);
  });

  it('does not hold images for a disk that is slower than they come, and keeps the newest', async () => {
    const server = await imageServer();
    const cache = await openSnapshotCache(folders.cache);
    let goOn: () => void = () => undefined;
    const disk = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const written: string[] = [];
    const slow: SnapshotCache = {
      kept: (damaged) => cache.kept(damaged),
      keepIncrement: (increment) => cache.keepIncrement(increment),
      async keep(snapshot) {
        await disk;
        await cache.keep(snapshot);
        if (snapshot.announcement.kind === 'audience') written.push(snapshot.announcement.version);
      },
    };
    const { version, heldBytes } = await node(server, slow);
    const all: Announcement[] = [];
    let oneBytes = 0;
    for (let number = 0; number < 6; number += 1) {
      all.push(await server.publish(number));
      await until('it is loaded', () => version() === all[number]?.version);
      if (number === 0) oneBytes = heldBytes();
    }
    expect(heldBytes()).toBeLessThanOrEqual(3 * oneBytes);
    goOn();
    await until('the newest is kept', () => written.includes(all[5]?.version ?? ''));
    expect(written.length).toBeLessThanOrEqual(2);
    const kept = await (await openSnapshotCache(folders.cache)).kept(() => undefined);
    expect(kept.find(({ announcement }) => announcement.kind === 'audience')?.announcement.version).toBe(all[5]?.version);
  });
});
