import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vitrine-durable-'));
});
afterEach(() => rm(root, { recursive: true }));

// Power loss cannot be tried here; what the system is asked can be seen (strace).
it('has pages and then the meta page on the disk before an append is seen or returns', async () => {
  const program = resolve('dist/libs/event-log/file/testing/log-process.js');
  const trace = join(root, 'trace');
  const calls = 'trace=openat,fdatasync,pwrite64,pwritev,write';
  const traced = spawnSync('strace', ['-f', '-e', calls, '-o', trace, process.execPath, program, 'write', join(root, 'log'), 'a', '20']);
  expect(traced.error).toBeUndefined();
  expect(traced.status).toBe(0);

  const lines = (await readFile(trace, 'utf8')).split('\n');
  const meta = lines.map((line) => /data\.mdb".*O_DSYNC.* = (\d+)/.exec(line)?.[1]).find(Boolean);
  expect(meta).toBeDefined();
  let said = 0;
  let since = '';
  for (const line of lines) {
    if (/ fdatasync\(\d+/.test(line)) since += 's';
    // The meta page is what makes a commit seen; through any other descriptor it would be so before it is on the disk.
    const metaWrite = / pwrite64\((\d+), .*, 128, (40|4136)\)/.exec(line);
    if (metaWrite) expect(metaWrite[1]).toBe(meta);
    if (metaWrite) since += 'm';
    if (!/ write\(1, "\d+\\n"/.test(line)) continue;
    // Two appends stand between two lines of the process, each a wait for the pages and then the meta page.
    expect(since).toMatch(/(sm)+sm$/);
    since = '';
    said++;
  }
  expect(said).toBe(20);
});
