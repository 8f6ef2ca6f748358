import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { openSpool } from './spool.js';

const program = resolve('dist/libs/spool/testing/failing-disk-process.js');
const halfMade = resolve('dist/libs/spool/testing/half-made-process.js');

/** Which of the process's calls the disk fails (strace). Before the first put, the mark and the first segment wait for the disk once each. */
function putOn(folder: string, ...faults: readonly string[]): string[] {
  const inject = faults.flatMap((fault) => ['-e', `inject=${fault}`]);
  const command = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync,ftruncate', ...inject, process.execPath, program, folder];
  const { stdout, stderr } = spawnSync('strace', command, { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: '1' } });
  expect(stderr).toBe('');
  return stdout.trim().split('\n');
}

it.each([
  ['a write', ['fdatasync:error=EIO:when=3']],
  ['a write and the cut behind it', ['fdatasync:error=EIO:when=3', 'ftruncate:error=EIO']],
  ['writes into two segments, and every cut', ['fdatasync:error=EIO:when=3..5', 'ftruncate:error=EIO']],
  ['a later write and the cut behind it', ['fdatasync:error=EIO:when=4', 'ftruncate:error=EIO']],
])('has every fact in the log once when the disk fails %s', async (_, faults) => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-failing-'));
  const folder = join(root, 'spool');
  const said = putOn(folder, ...faults);
  expect(said.filter((line) => line.startsWith('taken'))).toEqual(['taken 0', 'taken 1', 'taken 2']);
  expect(said.some((line) => line.startsWith('SPOOL_UNWRITABLE'))).toBe(true);
  const log = await openFileLog({ folder: join(root, 'log') });
  const spool = await openSpool({ folder, node: 'n1', log, onReport: () => undefined });
  await spool.drained();
  await spool.close();
  const found: unknown[] = [];
  for await (const { data } of log.readAll({ after: null })) found.push(data.n);
  expect(found).toEqual([0, 1, 2]);
  await log.close();
  await rm(root, { recursive: true });
});

it('has what was taken after the disk left a segment half made that it could neither finish nor remove', async () => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-half-made-'));
  const folder = join(root, 'spool');
  const second = join(folder, '000000000000002.seg');
  // The folder waits for the disk once for each segment.
  const faults = ['-e', 'inject=fsync:error=EIO:when=2', '-e', 'inject=unlink:error=EIO'];
  const command = ['-f', '-qq', '-o', '/dev/null', '-P', folder, '-P', second, '-e', 'trace=fsync,unlink', ...faults, process.execPath];
  const { stdout } = spawnSync('strace', [...command, halfMade, folder], {
    encoding: 'utf8',
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  const said = stdout.trim().split('\n');
  expect(said.slice(0, 2)).toEqual(['taken 0', 'SPOOL_UNWRITABLE 1']);
  const log = await openFileLog({ folder: join(root, 'log') });
  const spool = await openSpool({ folder, node: 'n1', log, onReport: () => undefined });
  await spool.drained();
  await spool.close();
  const found: unknown[] = [];
  for await (const { data } of log.readAll({ after: null })) found.push(`taken ${data.n}`);
  expect(found).toEqual(said.filter((line) => line.startsWith('taken')));
  await log.close();
  await rm(root, { recursive: true });
});
