import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AudienceBuilder } from '../audience/audience-builder.js';
import { trustedAudience } from '../audience/read-audience.js';
import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import { rowsOf } from '../testing/rows.js';
import { type ImageLoading, openImageLoading } from './image-loading.js';

async function imageOf(customers: number, edition = 0) {
  const members = new Map(Array.from({ length: customers }, (_, index) => [`c${index}`, index % 2 === 0 ? ['even'] : []]));
  const builder = new AudienceBuilder(['even']);
  await builder.take(rowsOf(['even'], members));
  return named(builder.image(edition).bytes);
}

function named(image: Uint8Array) {
  return { image, bytes: image.length, sha256: createHash('sha256').update(image).digest('hex') };
}

describe('the loading thread', () => {
  let folder: string;
  let loading: ImageLoading;
  let server: Server | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-loading-'));
    loading = openImageLoading();
  });
  afterEach(async () => {
    await loading.close();
    server?.closeAllConnections();
    server = server?.close() && undefined;
    await rm(folder, { recursive: true });
  });

  const file = async (bytes: Uint8Array, name = 'image') => {
    await writeFile(join(folder, name), bytes);
    return { path: join(folder, name) };
  };
  const thread = (program: string) => file(Buffer.from(program), 'thread.mjs');

  it('reads a verified audience into memory that is shared, and takes turns in it', async () => {
    const [one, other] = [await imageOf(1000), await imageOf(1000, 5)];
    const [first, second] = await Promise.all([
      loading.audience(await file(one.image, 'one'), one),
      loading.audience(await file(other.image, 'other'), other),
    ]);
    expect(Buffer.from(first.bytes).equals(one.image)).toBe(true);
    expect(Buffer.from(second.bytes).equals(other.image)).toBe(true);
    expect(first.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    const audience = trustedAudience(first.bytes);
    expect(audience.memberships[audience.membershipOfId('c4')]).toEqual(['even']);
    expect(audience.memberships[audience.membershipOfId('c5')]).toEqual([]);
    expect(audience.membershipOfId('nobody')).toBe(-1);

    first.retain();
    first.release();
    expect(loading.memory.spareBytes).toBe(0);
    first.release();
    expect(() => first.release()).toThrow('was released');
    // Nobody keeps it, so it is read again, into the memory that became free.
    const again = await loading.audience({ path: join(folder, 'one') }, one);
    expect(again.bytes.buffer).toBe(first.bytes.buffer);
    expect(loading.memory.spareBytes).toBe(0);
    // One that is kept is given once more.
    const more = await loading.audience({ path: join(folder, 'other') }, other);
    expect(more.bytes.buffer).toBe(second.bytes.buffer);
    second.release();
    expect(loading.memory.spareBytes).toBe(0);
    more.release();
    expect(loading.memory.spareBytes).toBeGreaterThan(0);
  });

  it('refuses what is damaged, cut, longer, of another name, or not there, and gives the memory back', async () => {
    const { image, bytes, sha256 } = await imageOf(100);
    const refused = async (what: Uint8Array, as: { bytes: number; sha256: string }) =>
      expect(loading.audience(await file(what), as)).rejects.toThrow(SnapshotCorrupt);
    for (const at of [0, 8, 60, 300, bytes - 1]) {
      const flipped = image.slice();
      flipped[at]! ^= 4;
      await refused(flipped, { bytes, sha256 });
      // As its maker named it, who had damaged it before: only the format's own checks can see that.
      await refused(flipped, named(flipped));
    }
    const shorter = image.subarray(0, bytes - 8);
    await refused(shorter, { bytes, sha256 });
    await refused(shorter, named(shorter));
    await refused(Buffer.concat([image, Buffer.alloc(8)]), { bytes, sha256 });
    const future = image.slice();
    future[8] = 9;
    await expect(loading.audience(await file(future), named(future))).rejects.toThrow('format 9 is newer');
    await expect(loading.audience({ path: join(folder, 'nothing') }, { bytes, sha256 })).rejects.toThrow(SnapshotMissing);
    await expect(loading.audience({ path: folder }, { bytes: 4096, sha256 })).rejects.toMatchObject({ code: /^SNAPSHOT/ });
    await expect(loading.audience(await file(image), { bytes: 2 ** 40, sha256 })).rejects.toThrow(SnapshotCorrupt);
    expect(loading.memory.usedBytes).toBe(0);
    await expect(loading.audience(await file(image), { bytes, sha256 })).resolves.toBeDefined();
  });

  it('fetches over HTTP, and goes on where an answer was cut', async () => {
    const { image, bytes, sha256 } = await imageOf(5000);
    const ranges: (string | undefined)[] = [];
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      if (request.url === '/missing') return void response.writeHead(404).end();
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = image.subarray(from);
      const head = { 'content-length': rest.length, 'content-range': `bytes ${from}-${bytes - 1}/${bytes}` };
      response.writeHead(from === 0 ? 200 : 206, head);
      if (request.url === '/damaged') return void response.end(Buffer.alloc(rest.length));
      if (from > 0) return void response.end(rest);
      response.write(rest.subarray(0, 10_000), () => response.destroy());
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const loaded = await loading.audience({ url: `${url}/image` }, { bytes, sha256 });
    expect(Buffer.from(loaded.bytes).equals(image)).toBe(true);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    loaded.release();
    await expect(loading.audience({ url: `${url}/damaged` }, { bytes, sha256 })).rejects.toThrow('damaged where it is served');
    await expect(loading.audience({ url: `${url}/missing` }, { bytes, sha256 })).rejects.toThrow(SnapshotMissing);
  });

  it('leaves the threads that answer their priority', async () => {
    const one = await imageOf(10);
    const place = await file(one.image);
    const priorities = async () => {
      const all: number[] = [];
      for (const task of await readdir('/proc/self/task')) {
        // The nineteenth field of a thread's line, after its name in brackets: proc(5).
        const line = await readFile(`/proc/self/task/${task}/stat`, 'utf8').catch((error: NodeJS.ErrnoException) => {
          // The thread of an earlier test has ended meanwhile.
          if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
          throw error;
        });
        if (line !== '') all.push(Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[16]));
      }
      return all;
    };
    const before = (await priorities()).filter((nice) => nice === 19).length;
    (await loading.audience(place, one, true)).release();
    expect((await priorities()).filter((nice) => nice === 19)).toHaveLength(before);
    await loading.audience(place, one);
    expect((await priorities()).filter((nice) => nice === 19)).toHaveLength(before + 1);
    expect(getPriority(0)).not.toBe(19);
  });

  it('writes an image to the disk, and says when it cannot', async () => {
    const one = await imageOf(1000);
    const image = await loading.audience(await file(one.image), one);
    await image.writeTo(join(folder, 'written'));
    expect((await readFile(join(folder, 'written'))).equals(one.image)).toBe(true);
    await expect(image.writeTo(join(folder, 'written'))).rejects.toThrow(/EEXIST/);
    await expect(image.writeTo(join(folder, 'no folder', 'x'))).rejects.toThrow(SnapshotsUnavailable);
  });

  it('is given memory once, and told when no image will get it any more', async () => {
    const log = join(folder, 'log');
    await writeFile(log, '');
    const { path } = await thread(`
      import { parentPort } from 'node:worker_threads';
      import { appendFileSync } from 'node:fs';
      parentPort.on('message', ({ do: work, buffer, memory }) => {
        appendFileSync(${JSON.stringify(log)}, [work, buffer, memory === undefined ? 'known' : 'given'].join(' ') + '\\n');
        if (work !== 'forget') parentPort.postMessage(null);
      });`);
    const told = openImageLoading(path);
    const mb = 1024 * 1024;
    let current = await told.audience({ path: 'a' }, { sha256: 'a', bytes: 20 * mb });
    // A client's image that changes, then one that has outgrown the memory of both.
    for (const [sha256, bytes] of [
      ['b', 20],
      ['c', 20],
      ['d', 20],
      ['e', 40],
      ['f', 40],
    ] as const) {
      const next = await told.audience({ path: sha256 }, { sha256, bytes: bytes * mb });
      current.release();
      current = next;
    }
    await current.writeTo(join(folder, 'written'));
    await told.close();
    expect((await readFile(log, 'utf8')).trim().split('\n')).toEqual([
      'load 1 given',
      'load 2 given',
      'load 1 known',
      'load 2 known',
      'forget 1 known',
      'load 3 given',
      'forget 2 known',
      'load 4 given',
      'write 4 known',
    ]);
  });

  it('is started again when it ends, however it ended', async () => {
    const one = await imageOf(10);
    const place = await file(one.image);
    for (const end of ['process.exit(3)', 'throw new Error("a bug")', 'const all = []; for (;;) all.push(new Array(1000).fill({}))']) {
      const flag = join(folder, 'ended');
      await rm(flag, { force: true });
      // Ends in its first work, and answers the next.
      const { path } = await thread(`
        import { parentPort } from 'node:worker_threads';
        import { existsSync, writeFileSync } from 'node:fs';
        parentPort.on('message', () => {
          if (existsSync(${JSON.stringify(flag)})) return parentPort.postMessage(null);
          writeFileSync(${JSON.stringify(flag)}, '');
          ${end};
        });`);
      const crashing = openImageLoading(path);
      await expect(crashing.audience(place, one)).rejects.toThrow(/the loading thread ended/);
      expect(crashing.memory.usedBytes).toBe(0);
      await expect(crashing.audience(place, one)).resolves.toBeDefined();
      await crashing.close();
    }
  });

  it('refuses those who wait when it is closed, and all after', async () => {
    const one = await imageOf(10);
    const place = await file(one.image);
    const { path } = await thread(`import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});`);
    const silent = openImageLoading(path);
    const waiting = [silent.audience(place, one), silent.audience(place, one)].map((load) =>
      expect(load).rejects.toThrow(SnapshotsUnavailable),
    );
    await silent.close();
    await Promise.all(waiting);
    await expect(silent.audience(place, one)).rejects.toThrow('closed');
    expect(silent.memory.usedBytes).toBe(0);
  });
});
