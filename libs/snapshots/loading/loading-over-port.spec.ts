import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AudienceBuilder } from '../audience/audience-builder.js';
import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import { rowsOf } from '../testing/rows.js';
import { type ImageLoading, openImageLoading } from './image-loading.js';
import { loadingOver, offerLoading } from './loading-over-port.js';

describe('loading through another thread', () => {
  let folder: string;
  let loading: ImageLoading;
  let image: Uint8Array;
  let of: { sha256: string; bytes: number };
  let place: { path: string };
  let ports: MessagePort[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-loading-'));
    loading = openImageLoading();
    ports = [];
    const builder = new AudienceBuilder(['all']);
    await builder.take(rowsOf(['all'], new Map(Array.from({ length: 500 }, (_, index) => [`c${index}`, ['all']]))));
    image = builder.image().bytes;
    of = { sha256: createHash('sha256').update(image).digest('hex'), bytes: image.length };
    place = { path: join(folder, 'image') };
    await writeFile(place.path, image);
  });
  afterEach(async () => {
    for (const port of ports) port.close();
    await loading.close();
    await rm(folder, { recursive: true });
  });

  const other = () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    offerLoading(loading, port1);
    return loadingOver(port2);
  };
  const given = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  };

  it('gives all threads the same memory, until the last has released it', async () => {
    const others = [other(), other()];
    const images = await Promise.all([loading, ...others].map((one) => one.audience(place, of)));
    const [own, ...theirs] = images;
    // A view of the same memory may be another object in each thread: what one writes the other reads.
    expect(theirs.every(({ bytes }) => Buffer.from(bytes).equals(image))).toBe(true);
    own!.bytes[0]! ^= 1;
    expect(theirs.map(({ bytes }) => bytes[0])).toEqual([image[0]! ^ 1, image[0]! ^ 1]);
    own!.bytes[0]! ^= 1;
    const { usedBytes } = loading.memory;
    expect(usedBytes).toBeLessThan(2 * image.length);

    own!.release();
    theirs[0]!.retain();
    theirs[0]!.release();
    theirs[0]!.release();
    expect(() => theirs[0]!.release()).toThrow('was released');
    // A question that is answered after the release before it was heard.
    await others[0]!.audience(place, of);
    expect(loading.memory.usedBytes).toBe(usedBytes);
    ports[1]!.close();
    theirs[1]!.release();
    await given(() => loading.memory.usedBytes === 0);
  });

  it('says what is refused as it is, and writes', async () => {
    const one = other();
    await expect(one.audience({ path: join(folder, 'nothing') }, of)).rejects.toThrow(SnapshotMissing);
    await writeFile(join(folder, 'damaged'), Buffer.from(image).fill(0, 9, 30));
    await expect(one.audience({ path: join(folder, 'damaged') }, of)).rejects.toThrow(SnapshotCorrupt);
    const loaded = await one.audience(place, of, true);
    await loaded.writeTo(join(folder, 'written'));
    expect((await readFile(join(folder, 'written'))).equals(image)).toBe(true);
    await expect(loaded.writeTo(join(folder, 'written'))).rejects.toThrow(SnapshotsUnavailable);
    await one.close();
    await expect(one.audience(place, of)).rejects.toThrow(SnapshotsUnavailable);
  });

  it('has back what a thread kept that ended', async () => {
    const { port1, port2 } = new MessageChannel();
    offerLoading(loading, port1);
    const ask = JSON.stringify({ ask: 'audience', id: 1, place, of, urgent: true });
    const thread = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       workerData.on('message', ({ bytes }) => { parentPort.postMessage(bytes.length); });
       workerData.postMessage(${ask});`,
      { eval: true, workerData: port2, transferList: [port2], execArgv: [] },
    );
    const length = await new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
    expect(length).toBe(image.length);
    expect(loading.memory.usedBytes).toBeGreaterThan(0);
    await thread.terminate();
    await given(() => loading.memory.usedBytes === 0);
    expect(loading.memory.spareBytes).toBeGreaterThan(0);
  });
});
