import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import type { EventLog } from '#libs/event-log';
import { openSpool } from './spool.js';

const program = resolve('dist/libs/spool/testing/opening-process.js');
const away = () => {
  throw new Error('away');
};
// Asked for these two alone.
const noLog = { readStream: away, append: away } as Pick<EventLog, 'readStream' | 'append'> as EventLog;

it('opens what has waited for a log that was away for long without holding all of it in memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-opening-'));
  const spool = await openSpool({ folder, node: 'n1', log: noLog, onReport: () => undefined });
  const text = 'x'.repeat(100_000);
  const facts = Array.from({ length: 40 }, (_, n) => ({
    category: 'behaviour' as const,
    clientId: 'golf',
    type: 'PageViewed',
    data: { n, text },
  }));
  for (let put = 0; put < 50; put++) await spool.put(facts);
  expect(spool.status.spooledBytes).toBeGreaterThan(200_000_000);
  await spool.close();
  const { stdout, stderr } = spawnSync(process.execPath, [program, folder], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const [queued, mebibytes] = stdout.split(' ').map(Number);
  expect(queued).toBe(2_000);
  // Some segments of 8 MiB.
  expect(mebibytes).toBeLessThan(100);
  await rm(folder, { recursive: true });
});
