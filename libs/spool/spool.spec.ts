import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type EventLog, EventLogUnavailable, type RecordedEvent } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import type { SpooledFact } from './facts.js';
import { openSpool, type Spool, type SpoolOptions, type SpoolReport } from './spool.js';

const fact = (n: number, given: Partial<SpooledFact> = {}): SpooledFact => ({
  category: 'behaviour',
  clientId: 'golf',
  type: 'PageViewed',
  data: { n },
  ...given,
});
const facts = (from: number, count: number, given: Partial<SpooledFact> = {}) =>
  Array.from({ length: count }, (_, index) => fact(from + index, given));

describe('spool', () => {
  let root: string;
  let log: EventLog;
  let opened: Spool[];
  let reports: SpoolReport[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'vitrine-spool-'));
    log = await openFileLog({ folder: join(root, 'log') });
    opened = [];
    reports = [];
  });
  afterEach(async () => {
    for (const spool of opened) await spool.close();
    await log.close();
    await rm(root, { recursive: true });
  });

  const open = async (given: Partial<SpoolOptions> = {}) => {
    const spool = await openSpool({ folder: join(root, 'spool'), node: 'n1', log, onReport: (report) => reports.push(report), ...given });
    opened.push(spool);
    return spool;
  };
  const recorded = async () => {
    const all: RecordedEvent[] = [];
    for await (const event of log.readAll({ after: null })) all.push(event);
    return all;
  };
  const numbers = async () => (await recorded()).map(({ data }) => data.n);

  it('brings what was put into the log, in order, with what an event needs', async () => {
    const spool = await open();
    const receipt = await spool.put([fact(0), fact(1, { metadata: { importId: 'i7' } })]);
    const position = await receipt.appended();
    const events = await recorded();
    expect(events.map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }]);
    expect(events[1]).toMatchObject({
      stream: `behaviour-golf.n1.${new Date().toISOString().slice(0, 10)}`,
      type: 'PageViewed',
      position,
      metadata: { schema: 1, clientId: 'golf', actor: 'node:n1', node: 'n1', importId: 'i7' },
    });
    expect(spool.status).toMatchObject({ queued: 0, spooledBytes: 0, forwarded: 2, dropped: 0, refused: 0, logAvailable: true });
  });

  it('brings facts that stand as JSON already, in their place among the others', async () => {
    const spool = await open();
    await spool.put([fact(0)]);
    const receipt = await spool.putJson(Buffer.from(JSON.stringify(facts(1, 2))), 2);
    const next = await spool.put([fact(3)]);
    await Promise.all([receipt.appended(), next.appended()]);
    expect(await numbers()).toEqual([0, 1, 2, 3]);
  });

  it('keeps clients and categories in streams of their own', async () => {
    const spool = await open();
    await spool.put([fact(0), fact(1, { clientId: 'tea' }), fact(2, { category: 'served' }), fact(3)]);
    await spool.drained();
    const streams = (await recorded()).map(({ stream }) => stream.slice(0, -11));
    expect(streams.sort()).toEqual(['behaviour-golf.n1', 'behaviour-golf.n1', 'behaviour-tea.n1', 'served-golf.n1']);
  });

  it('brings offered facts with the next flush, and says when it is full', async () => {
    const spool = await open({ memoryMax: 3, flushIntervalMs: 5 });
    expect([0, 1, 2, 3, 4].map((n) => spool.offer(fact(n)))).toEqual([true, true, true, false, false]);
    expect(spool.status).toMatchObject({ queued: 3, dropped: 2 });
    await spool.drained();
    expect(await numbers()).toEqual([0, 1, 2]);
    expect(spool.offer(fact(5))).toBe(true);
    await spool.drained();
    expect(await numbers()).toEqual([0, 1, 2, 5]);
  });

  it('is drained at once when there is nothing, also after a restart', async () => {
    expect(await (await open()).drained()).toBeNull();
    await opened.pop()?.close();
    const spool = await open();
    await spool.put([fact(0)]);
    expect(await spool.drained()).not.toBeNull();
    await opened.pop()?.close();
    expect(await (await open()).drained()).toBeNull();
    expect(await numbers()).toEqual([0]);
  });

  it('goes through many facts of many puts in order', async () => {
    const spool = await open();
    await Promise.all(Array.from({ length: 100 }, (_, put) => spool.put(facts(put * 100, 100))));
    await spool.drained();
    expect(await numbers()).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
  });

  it('takes nothing of what would go past bytesMax, and takes facts again when the log has the others', async () => {
    const away = switchable(log);
    const spool = await open({ log: away.log, bytesMax: 20_000 });
    away.switchOff();
    await spool.put(facts(0, 100));
    await expect(spool.put(facts(1000, 1000))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    for (let n = 100; ; n++) {
      const full = await spool.put([fact(n)]).then(
        () => false,
        (error: { code: string }) => error.code === 'SPOOL_FULL',
      );
      if (!full) continue;
      expect(spool.status.spooledBytes).toBeLessThanOrEqual(20_000);
      away.switchOn();
      await spool.drained();
      expect(await numbers()).toEqual(Array.from({ length: n }, (_, index) => index));
      break;
    }
    await spool.put([fact(-1)]);
    await spool.drained();
    expect((await numbers()).at(-1)).toBe(-1);
  });

  it('waits while the log is away, and says so', async () => {
    const away = switchable(log);
    const spool = await open({ log: away.log });
    await (await spool.put([fact(0)])).appended();
    away.switchOff();
    const receipt = await spool.put([fact(1)]);
    await until(() => !spool.status.logAvailable);
    expect(spool.status.queued).toBe(1);
    away.switchOn();
    await receipt.appended();
    expect(spool.status).toMatchObject({ queued: 0, logAvailable: true });
    expect(reports.map(({ kind }) => kind)).toEqual(['logAway', 'logBack']);
    expect(await numbers()).toEqual([0, 1]);
  });

  it('does not double what was appended when the answer was lost', async () => {
    const away = switchable(log);
    away.loseAnswers(3);
    const spool = await open({ log: away.log });
    await spool.put(facts(0, 50));
    await spool.put(facts(50, 50));
    await spool.drained();
    expect(await numbers()).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('does not double what an earlier run appended but did not write down', async () => {
    const folder = join(root, 'spool');
    await open({ folder });
    const first = opened.pop() as Spool;
    await first.put(facts(0, 30));
    // As a crash leaves it: the facts on the disk, nothing of them in the mark.
    const before = await readFile(join(folder, 'mark'));
    const [segment] = (await readdir(folder)).filter((name) => name.endsWith('.seg'));
    await copyFile(join(folder, segment as string), join(root, 'segment'));
    await first.drained();
    await first.close();
    await writeFile(join(folder, 'mark'), before);
    await copyFile(join(root, 'segment'), join(folder, segment as string));
    const second = await open({ folder });
    expect(second.status.queued).toBe(30);
    await second.put(facts(30, 5));
    await second.drained();
    expect(await numbers()).toEqual(Array.from({ length: 35 }, (_, n) => n));
  });

  it('finds its place by the log alone when the mark is lost', async () => {
    const folder = join(root, 'spool');
    const first = await open({ folder });
    opened.pop();
    await first.put(facts(0, 30));
    await first.drained();
    await first.close();
    await rm(join(folder, 'mark'));
    const second = await open({ folder });
    await second.put(facts(30, 5));
    await second.drained();
    expect(await numbers()).toEqual(Array.from({ length: 35 }, (_, n) => n));
  });

  it('puts aside what the log refuses for ever, and goes on with the others', async () => {
    const spool = await open();
    const huge = fact(7, { data: { n: 7, text: 'x'.repeat(1024 * 1024 + 1) } });
    const receipt = await spool.put([...facts(0, 7), huge, ...facts(8, 7)]);
    await expect(receipt.appended()).rejects.toMatchObject({ code: 'APPEND_TOO_LARGE' });
    await (await spool.put([fact(15)])).appended();
    expect(await numbers()).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(spool.status).toMatchObject({ refused: 1, queued: 0 });
    const [line] = (await readFile(join(root, 'spool', 'dead-letter.ndjson'), 'utf8')).trim().split('\n');
    expect(JSON.parse(line as string)).toMatchObject({ code: 'APPEND_TOO_LARGE', event: { data: { n: 7 } } });
    expect(reports).toContainEqual(expect.objectContaining({ kind: 'refused' }));
  });

  it('refuses a put that is no JSON, and drops such an offer without costing others', async () => {
    const spool = await open();
    const wrong = { ...fact(0), data: { n: 1n } } as unknown as SpooledFact;
    await expect(spool.put([wrong])).rejects.toBeInstanceOf(TypeError);
    spool.offer(fact(1));
    spool.offer(wrong);
    spool.offer(fact(2));
    await spool.drained();
    expect(await numbers()).toEqual([1, 2]);
    expect(spool.status.dropped).toBe(1);
  });

  it('has one opener at a time, and is free again after close', async () => {
    const spool = await open();
    await expect(open()).rejects.toMatchObject({ code: 'SPOOL_IN_USE' });
    await spool.close();
    opened.pop();
    await (await open()).put([fact(0)]);
  });

  it('takes over the lock of a process that is gone', async () => {
    await mkdir(join(root, 'spool'), { recursive: true });
    await writeFile(join(root, 'spool', 'lock'), '999999999 5');
    await (await open()).put([fact(0)]);
  });

  it('goes on after a cut at every byte of the last record', async () => {
    const away = switchable(log);
    away.switchOff();
    const folder = join(root, 'spool');
    const spool = await open({ folder, log: away.log });
    opened.pop();
    await spool.put(facts(0, 2));
    const [segment] = (await readdir(folder)).filter((name) => name.endsWith('.seg'));
    const path = join(folder, segment as string);
    const kept = (await stat(path)).size;
    await spool.put(facts(2, 2));
    const whole = (await stat(path)).size;
    await spool.close();
    for (let size = kept; size <= whole; size++) {
      const copy = join(root, `cut-${size}`);
      await mkdir(copy);
      for (const name of await readdir(folder)) await copyFile(join(folder, name), join(copy, name));
      await truncate(join(copy, segment as string), size);
      const cut = await open({ folder: copy, log: away.log });
      expect(cut.status.queued).toBe(size === whole ? 4 : 2);
      expect(reports.filter(({ kind }) => kind === 'tornTail')).toHaveLength(size === kept || size === whole ? 0 : 1);
      reports = [];
      await cut.close();
      opened.pop();
    }
    // And what is put after such a cut follows what was left.
    await truncate(path, whole - 1);
    away.switchOn();
    const cut = await open({ folder, log: away.log });
    await cut.put([fact(9)]);
    await cut.drained();
    expect(await numbers()).toEqual([0, 1, 9]);
  });

  it('leaves out a flipped byte in the middle, says so, and keeps what follows', async () => {
    const away = switchable(log);
    away.switchOff();
    const folder = join(root, 'spool');
    const spool = await open({ folder, log: away.log });
    opened.pop();
    for (let n = 0; n < 3; n++) await spool.put([fact(n)]);
    await spool.close();
    const [segment] = (await readdir(folder)).filter((name) => name.endsWith('.seg'));
    const path = join(folder, segment as string);
    const bytes = await readFile(path);
    const middle = bytes.indexOf('"n":1');
    bytes[middle] = (bytes[middle] as number) ^ 1;
    await writeFile(path, bytes);
    away.switchOn();
    const again = await open({ folder, log: away.log });
    await again.drained();
    expect(await numbers()).toEqual([0, 2]);
    expect(reports).toContainEqual(expect.objectContaining({ kind: 'damaged', file: path }));
  });
});

/** The log itself, which can be made to be away, or to lose its answers. */
function switchable(log: EventLog) {
  let isAway = false;
  let lost = 0;
  const assertThere = () => {
    if (isAway) throw new EventLogUnavailable('away');
  };
  return {
    switchOff: () => {
      isAway = true;
    },
    switchOn: () => {
      isAway = false;
    },
    loseAnswers: (count: number) => {
      lost = count;
    },
    log: {
      ...bound(log),
      async append(...given: Parameters<EventLog['append']>) {
        assertThere();
        const result = await log.append(...given);
        if (lost-- > 0) throw new EventLogUnavailable('the answer was lost');
        return result;
      },
      readStream(...given: Parameters<EventLog['readStream']>) {
        assertThere();
        return log.readStream(...given);
      },
    } satisfies EventLog,
  };
}

function bound(log: EventLog): EventLog {
  return {
    append: (...given) => log.append(...given),
    readStream: (...given) => log.readStream(...given),
    readAll: (...given) => log.readAll(...given),
    readAt: (...given) => log.readAt(...given),
    lastPosition: () => log.lastPosition(),
    subscribe: (...given) => log.subscribe(...given),
    deleteStream: (...given) => log.deleteStream(...given),
    close: () => log.close(),
  };
}

async function until(holds: () => boolean, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
