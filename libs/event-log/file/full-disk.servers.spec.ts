import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { EventLogUnavailable } from '../event-log.js';
import { collect, event } from '../testing/given-events.js';
import { openFileLog } from './file-log.js';
import { verifyLog } from './verify.js';

// lmdb prints each commit that failed, also after the last test; the errors themselves are what is tested here.
console.error = () => undefined;

// A small file system that fills up; mounting takes root, which the machine of these tests gives.
let root: string;
beforeEach(async () => {
  // The driver prints each failed commit itself, beside rejecting it.
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  root = await mkdtemp(join(tmpdir(), 'vitrine-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root], { encoding: 'utf8' });
  expect(mounted.stderr).toBe('');
});
afterEach(async () => {
  spawnSync('umount', [root]);
  await rm(root, { recursive: true });
});

it('refuses appends on a full disk, keeps what it acknowledged, and goes on when there is room', async () => {
  await writeFile(join(root, 'ballast'), 'x'.repeat(1_000_000));
  const folder = join(root, 'log');
  const log = await openFileLog({ folder });
  const kept: string[] = [];
  const append = async () => {
    const given = event({ data: { text: 'x'.repeat(20_000) } });
    await log.append('full-golf', [given], 'any');
    kept.push(given.id);
  };
  await expect(
    (async () => {
      for (;;) await append();
    })(),
  ).rejects.toBeInstanceOf(EventLogUnavailable);
  await expect(append()).rejects.toThrow('the disk is full or failing');
  expect((await collect(log.readAll({ after: null }))).map(({ id }) => id)).toEqual(kept);
  await rm(join(root, 'ballast'));
  await append();
  expect((await collect(log.readAll({ after: null }))).map(({ id }) => id)).toEqual(kept);
  await log.close();
  expect(await verifyLog({ folder })).toMatchObject({ events: kept.length, problems: [] });
});
