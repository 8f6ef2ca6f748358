import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type EventLog, EventLogUnavailable } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { SpoolFull } from './facts.js';
import { openSpool } from './spool.js';

// lmdb prints each commit that failed, also after the last test; the errors themselves are what is tested here.
console.error = () => undefined;

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

it('takes puts whole or not at all on a full disk, and goes on when the log has emptied it', async () => {
  const log = await openFileLog({ folder: join(root, 'log') });
  let isAway = true;
  const readStream: EventLog['readStream'] = (...given) => {
    if (isAway) throw new EventLogUnavailable('away');
    return log.readStream(...given);
  };
  const append: EventLog['append'] = (...given) => log.append(...given);
  // The spool asks a log for these two alone; nothing is appended before the stream's end was read.
  const spool = await openSpool({
    folder: join(root, 'small', 'spool'),
    node: 'n1',
    log: { readStream, append } as EventLog,
    onReport: () => undefined,
  });
  const taken: number[] = [];
  let refused = 0;
  for (let put = 0; put < 50; put++) {
    const numbers = Array.from({ length: 20 }, (_, index) => put * 20 + index);
    const facts = numbers.map((n) => ({
      category: 'behaviour' as const,
      clientId: 'golf',
      type: 'PageViewed',
      data: { n, text: 'x'.repeat(3_000) },
    }));
    try {
      await spool.put(facts);
      taken.push(...numbers);
    } catch (error) {
      expect(error).toBeInstanceOf(SpoolFull);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
  expect(taken.length).toBeGreaterThan(100);
  isAway = false;
  await spool.drained();
  await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n: -1 } }]);
  await spool.drained();
  await spool.close();
  const found: unknown[] = [];
  for await (const { data } of log.readAll({ after: null })) found.push(data.n);
  expect(found).toEqual([...taken, -1]);
  await log.close();
});
