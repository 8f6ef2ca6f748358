import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { openSpool, type SpoolReport } from './spool.js';

const program = resolve('dist/libs/spool/testing/spool-process.js');
/** What changes files, or waits for the disk: the spool's own, and those of the log into which it forwards. */
const calls = 'pwrite64,fdatasync,fsync,ftruncate,rename,unlink';
const callsMax = 70;

/** Puts until the process is killed as it is about to make its nth such call (strace); the last number that it said. */
async function putUntil(nth: number, folder: string, log: string, first: number): Promise<number | undefined> {
  const kill = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${nth}`];
  // One thread for all that Node does beside, so that the calls are counted as they follow one another.
  const child = spawn('strace', [...kill, process.execPath, program, folder, log, String(first)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  await once(child, 'close');
  const last = said.split('\n').slice(0, -1).at(-1);
  return last === undefined ? undefined : Number(last);
}

/** So that the segments of every start lie in files that were used before. */
async function leaveSpareFiles(folder: string): Promise<void> {
  const log = await openFileLog({ folder: `${folder}-log-before` });
  const spool = await openSpool({ folder, node: 'n1', log, bytesMax: 512 * 1024 });
  for (let put = 0; put < 40; put++) {
    await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n: -put, text: 'x'.repeat(8_000) } }]);
    await spool.drained();
  }
  await spool.close();
  await log.close();
  expect((await readdir(folder)).filter((name) => name.endsWith('.spare')).length).toBeGreaterThan(0);
}

it(`has every acknowledged fact in the log once when it is killed before each of its first ${callsMax} writes`, async () => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-between-'));
  const [folder, logFolder] = [join(root, 'spool'), join(root, 'log')];
  const acknowledged: number[] = [];
  await leaveSpareFiles(folder);
  // One spool for all: each start has to make good what the kill before left, and is killed in that too.
  for (let nth = 1; nth <= callsMax; nth++) {
    const first = nth * 1_000_000;
    const last = await putUntil(nth, folder, logFolder, first);
    if (last !== undefined) for (let n = first; n <= last; n++) acknowledged.push(n);
  }
  const reports: SpoolReport[] = [];
  const log = await openFileLog({ folder: logFolder });
  const spool = await openSpool({ folder, node: 'n1', log, onReport: (report) => reports.push(report) });
  await spool.drained();
  expect(spool.status).toMatchObject({ queued: 0, refused: 0 });
  await spool.close();
  const found: number[] = [];
  for await (const { data } of log.readAll({ after: null })) found.push(Number(data.n));
  expect(new Set(found).size).toBe(found.length);
  const there = new Set(found);
  expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(callsMax);
  expect(reports.filter(({ kind }) => kind !== 'tornTail')).toEqual([]);
  await log.close();
  await rm(root, { recursive: true });
});
