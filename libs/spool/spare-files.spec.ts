import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventLog } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import type { SpooledFact } from './facts.js';
import { openSpool, type SpoolReport } from './spool.js';

const text = 'x'.repeat(4_000);
const fact = (n: number): SpooledFact => ({ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n, text } });
const away = () => {
  throw new Error('away');
};
// Asked for these two alone.
const noLog = { readStream: away, append: away } as Pick<EventLog, 'readStream' | 'append'> as EventLog;

describe('files of a spool that are used again', () => {
  let root: string;
  let folder: string;
  let log: EventLog;
  let reports: SpoolReport[];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'vitrine-spare-'));
    folder = join(root, 'spool');
    log = await openFileLog({ folder: join(root, 'log') });
    reports = [];
  });
  afterEach(async () => {
    await log.close();
    await rm(root, { recursive: true });
  });

  /** Segments of 64 KiB. */
  const open = (given: EventLog) =>
    openSpool({ folder, node: 'n1', log: given, bytesMax: 512 * 1024, onReport: (report) => reports.push(report) });
  const files = async (end: string) => (await readdir(folder)).filter((name) => name.endsWith(end)).sort();
  const numbers = async () => {
    const found: unknown[] = [];
    for await (const { data } of log.readAll({ after: null })) found.push(data.n);
    return found;
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
  /** Goes through some segments, then leaves `left` facts in one that holds old bytes behind them. */
  const used = async (left: number) => {
    const spool = await open(log);
    for (let n = 0; n < 100; n++) {
      await spool.put([fact(n)]);
      if (n % 10 === 9) await spool.drained();
    }
    await spool.drained();
    await spool.close();
    expect((await files('.spare')).length).toBeGreaterThan(0);
    const again = await open(noLog);
    for (let n = 100; n < 100 + left; n++) await again.put([fact(n)]);
    await again.close();
    const newest = join(folder, (await files('.seg')).at(-1) ?? '');
    expect((await stat(newest)).size).toBeGreaterThan(50_000);
    reports.splice(0);
    return newest;
  };

  it('hold what was put and nothing of what was there before, for every start', async () => {
    await used(5);
    for (let start = 0; start < 3; start++) {
      const spool = await open(noLog);
      expect(spool.status.queued).toBe(5);
      await spool.close();
    }
    expect(reports.filter(({ kind }) => kind !== 'logAway')).toEqual([]);
    const spool = await open(log);
    await spool.put([fact(105)]);
    await spool.drained();
    await spool.close();
    expect(await numbers()).toEqual(upTo(106));
    expect((await files('.spare')).length).toBeLessThanOrEqual(2);
  });

  it('tell a torn last frame from the old bytes behind it, at every place where it may be torn', async () => {
    const newest = await used(1);
    const bytes = await readFile(newest);
    const before = 46;
    const end = before + 12 + bytes.readUInt32BE(before + 4);
    for (let from = before; from < end; from += 97) {
      const torn = Buffer.from(bytes);
      // As the disk leaves it that wrote only the beginning: old bytes follow.
      torn.fill('VTF2', from, end);
      await writeFile(newest, torn);
      const spool = await open(noLog);
      expect(spool.status.queued).toBe(0);
      await spool.close();
      for (const name of await files('.seg')) if (join(folder, name) !== newest) await rm(join(folder, name));
    }
    await writeFile(newest, bytes);
    const spool = await open(log);
    await spool.drained();
    await spool.close();
    expect(await numbers()).toEqual(upTo(101));
  });

  it('are read also when their head is damaged', async () => {
    const newest = await used(3);
    const bytes = await readFile(newest);
    bytes[21] = (bytes[21] as number) ^ 1;
    await writeFile(newest, bytes);
    const spool = await open(log);
    await spool.drained();
    await spool.close();
    expect(await numbers()).toEqual(upTo(103));
  });

  it('lose no more than the frames that are damaged together with their head', async () => {
    const newest = await used(4);
    const bytes = await readFile(newest);
    bytes.fill(0, 0, 1_000);
    await writeFile(newest, bytes);
    const spool = await open(log);
    await spool.drained();
    await spool.close();
    expect(await numbers()).toEqual([...upTo(100), 101, 102, 103]);
  });

  it('give nothing of their former use when their head is damaged and nothing has been put since', async () => {
    const newest = await used(0);
    const bytes = await readFile(newest);
    bytes[21] = (bytes[21] as number) ^ 1;
    await writeFile(newest, bytes);
    for (const name of await files('.seg')) if (join(folder, name) !== newest) await rm(join(folder, name));
    // As a crash leaves the mark, before it has been renewed.
    const mark = JSON.parse(await readFile(join(folder, 'mark'), 'utf8')) as object;
    await writeFile(join(folder, 'mark'), JSON.stringify({ ...mark, forwarded: 0 }));
    const spool = await open(noLog);
    expect(spool.status.queued).toBe(0);
    await spool.close();
  });
});
