import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventLog } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { SpoolFull } from './facts.js';
import { PackedQueue } from './packed-facts.js';
import { openSpool, type Spool, type SpoolOptions, type SpoolReport } from './spool.js';

/** Numbers in 64 bytes each. */
const size = 64;
const forms = {
  numbers: (bytes: Buffer) =>
    Array.from({ length: bytes.length / size }, (_, index) => ({
      category: 'served' as const,
      clientId: 'golf',
      type: 'ContentServed',
      data: { n: bytes.readUInt32LE(index * size) },
    })),
};

let folder: string;
let log: EventLog;
let reports: SpoolReport[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-packed-'));
  log = await openFileLog({ folder: join(folder, 'log') });
  reports = [];
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

const open = (options: Partial<SpoolOptions> = {}) =>
  openSpool({ folder: join(folder, 'spool'), node: 'n1', log, forms, onReport: (report) => reports.push(report), ...options });
const away: Pick<EventLog, 'readStream' | 'append'> = {
  // biome-ignore lint/correctness/useYield: it fails before there is anything to give
  async *readStream() {
    throw new Error('away');
  },
  append: () => Promise.reject(new Error('away')),
};
const logAway = () => ({ log: away as EventLog });

/** False when there is no room. */
function write(spool: Spool, n: number): boolean {
  const packed = spool.packed('numbers');
  if (!packed.reserve(size)) return false;
  packed.view.setUint32(packed.end, n, true);
  packed.commit(packed.end + size, 1);
  return true;
}
async function inTheLog(): Promise<number[]> {
  const found: number[] = [];
  for await (const { data } of log.readAll({ after: null })) found.push(Number(data['n']));
  return found;
}
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('facts in a form of their own', () => {
  it('come into the log once and in order, over many buffers, beside others', async () => {
    const spool = await open();
    const count = 20_000;
    for (let n = 0; n < count; n++) expect(write(spool, n)).toBe(true);
    expect(spool.status).toMatchObject({ queued: count, dropped: 0 });
    await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n: -1 } }]);
    await spool.drained();
    expect(spool.status).toMatchObject({ queued: 0, forwarded: count + 1 });
    await spool.close();
    const found = await inTheLog();
    expect(found.filter((n) => n >= 0)).toEqual(upTo(count));
    expect(found.length).toBe(count + 1);
  }, 60_000);

  it('survive the end of the process once they are on the disk', async () => {
    const first = await open(logAway());
    for (let n = 0; n < 10; n++) write(first, n);
    await first.close();
    const second = await open();
    expect(second.status.queued).toBe(10);
    await second.drained();
    await second.close();
    expect(await inTheLog()).toEqual(upTo(10));
  });

  it('are whole frames after a cut at every byte', async () => {
    const spool = await open({ ...logAway(), flushIntervalMs: 1 });
    for (let n = 0; n < 5; n++) {
      write(spool, n);
      await spool.put([{ category: 'served', clientId: 'golf', type: 'ContentServed', data: { n: 100 + n } }]);
    }
    await spool.close();
    const segments = async () => (await readdir(join(folder, 'spool'))).filter((name) => name.endsWith('.seg'));
    const segment = join(folder, 'spool', (await segments())[0] ?? '');
    const bytes = await readFile(segment);
    const asItWas = async () => {
      // The later ones say where they found its end.
      for (const name of await segments()) await rm(join(folder, 'spool', name));
      await writeFile(segment, bytes);
    };
    for (let length = bytes.length; length > 24; length -= 13) {
      await asItWas();
      await truncate(segment, length);
      const cut = await open(logAway());
      expect(cut.status.queued).toBeLessThanOrEqual(10);
      await cut.close();
    }
    await asItWas();
    const again = await open();
    await again.drained();
    await again.close();
    expect((await inTheLog()).sort((a, b) => a - b)).toEqual([...upTo(5), ...upTo(5).map((n) => 100 + n)]);
  });

  it('wait in memory while the disk takes none, are dropped and counted beyond that, and go on when it does', async () => {
    const spool = await open({ ...logAway(), bytesMax: 4096 });
    let taken = 0;
    while (write(spool, taken)) taken++;
    expect(taken).toBeGreaterThan(100_000);
    expect(write(spool, -1)).toBe(false);
    expect(spool.status.dropped).toBe(2);
    await expect(spool.drained()).rejects.toMatchObject({ code: 'SPOOL_UNWRITABLE' });
    expect(reports.filter(({ kind }) => kind === 'diskFailed').length).toBe(1);
    await spool.close();
    expect(spool.status.dropped).toBe(2 + taken);
  });

  it('are on the disk once when it took a later buffer and not an earlier one', async () => {
    // Less than a full buffer, and more than the few facts in the last one.
    const full = await open({ ...logAway(), bytesMax: 200_000, flushIntervalMs: 1 });
    const count = 5_000;
    for (let n = 0; n < count; n++) expect(write(full, n)).toBe(true);
    await expect(full.drained()).rejects.toMatchObject({ code: 'SPOOL_UNWRITABLE' });
    await expect(full.drained()).rejects.toMatchObject({ code: 'SPOOL_UNWRITABLE' });
    expect(full.status.queued).toBe(count);
    await full.close();
    const { dropped } = full.status;
    const again = await open();
    expect(again.status.queued).toBe(count - dropped);
    await again.drained();
    await again.close();
    const found = await inTheLog();
    expect(found.length).toBe(count - dropped);
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found).size).toBe(found.length);
  });

  it('go to the disk with the last flush, also when every buffer was full before', async () => {
    let isFull = true;
    let taken = 0;
    const queue = new PackedQueue(60_000, {
      put: async (_, facts) => {
        if (isFull) throw new SpoolFull('no room');
        taken += facts;
      },
      unwritable: () => undefined,
    });
    let count = 0;
    for (; queue.reserve(size); count++) queue.commit(queue.end + size, 1);
    expect(await queue.flush()).toBe(false);
    isFull = false;
    await queue.close();
    expect({ taken, dropped: queue.dropped }).toEqual({ taken: count, dropped: 1 });
  });

  it('stay on the disk for a process that knows their form', async () => {
    const first = await open(logAway());
    write(first, 7);
    await first.close();
    const stranger = await open({ forms: {} });
    await expect(stranger.drained()).rejects.toMatchObject({ code: 'SPOOL_DAMAGED', message: /form numbers/ });
    await stranger.close();
    expect(reports.map(({ kind }) => kind)).toContain('failed');
    const again = await open();
    await again.drained();
    await again.close();
    expect(await inTheLog()).toEqual([7]);
    expect(() => again.packed('letters')).toThrow('knows no form letters');
  });

  it('wait for a moment in which the process has time, but not for ever', async () => {
    const spool = await open({ givesWay: true, flushIntervalMs: 1 });
    let busy = true;
    const work = () => {
      for (const end = performance.now() + 20; performance.now() < end; );
      if (busy) setImmediate(work);
    };
    work();
    for (let n = 0; n < 5; n++) {
      write(spool, n);
      await new Promise((done) => setTimeout(done, 30));
    }
    expect(spool.status).toMatchObject({ queued: 5, forwarded: 0 });
    // Who waits for them has them at once.
    await spool.drained();
    expect(spool.status).toMatchObject({ queued: 0, forwarded: 5 });
    busy = false;
    await spool.close();
    expect(await inTheLog()).toEqual(upTo(5));
  });

  it('wait no longer than they may, however busy the process is', async () => {
    const spool = await open({ givesWay: true, givesWayMsMax: 300, flushIntervalMs: 1 });
    let busy = true;
    const work = () => {
      for (const end = performance.now() + 20; performance.now() < end; );
      if (busy) setImmediate(work);
    };
    work();
    const limit = performance.now() + 20_000;
    for (let n = 0; spool.status.forwarded < 5 && performance.now() < limit; n++) {
      if (n < 5) write(spool, n);
      await new Promise((done) => setTimeout(done, 30));
    }
    busy = false;
    expect(spool.status).toMatchObject({ queued: 0, forwarded: 5 });
    await spool.close();
    expect(await inTheLog()).toEqual(upTo(5));
  }, 60_000);
});
