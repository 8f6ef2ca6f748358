import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { collect } from '../testing/given-events.js';
import { openFileLog } from './file-log.js';
import { verifyLog } from './verify.js';

const program = resolve('dist/libs/event-log/file/testing/log-process.js');
/** What changes the log's files, or waits for the disk. */
const calls = 'pwrite64,pwritev,writev,fdatasync,fsync,ftruncate,msync';
const appends = 4;

// One thread for all that Node does beside, so that the calls are counted as they follow one another.
const run = (...command: readonly string[]) =>
  spawnSync(command[0] as string, command.slice(1), { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: '1' } });

/** Writes until the process is killed as it is about to make its nth such call (strace); what it had said by then, and whether it was killed. */
function writeUntil(nth: number, folder: string): { readonly acknowledged: readonly number[]; readonly killed: boolean } {
  const kill = ['strace', '-f', '-qq', '-o', '/dev/null', '-P', join(folder, 'data.mdb'), '-e', `trace=${calls}`];
  const at = ['-e', `inject=${calls}:signal=SIGKILL:when=${nth}`];
  const ended = run(...kill, ...at, process.execPath, program, 'write', folder, 'a', String(appends));
  expect(ended.error).toBeUndefined();
  expect(ended.stderr).toBe('');
  const acknowledged = ended.stdout.split('\n').slice(0, -1).map(Number);
  return { acknowledged, killed: ended.status !== 0 };
}

/** So many events has append n: whole or not at all. */
const eventsOf = (n: number) => Array.from({ length: n + 1 }, (_, index) => [n, index]);
const numbers = [0, 1, 2, 3].slice(0, appends);

// Opening makes the store's tables on Node's main thread, and appends are committed on another: strace counts each for itself.
it.each([
  ['a new log', false],
  ['a log that is there', true],
])('%s keeps all that was acknowledged, and nothing in part, when its process is killed between any two writes', async (_, isThere) => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-between-'));
  const seen = new Set<number>();
  let nth = 1;
  for (; ; nth++) {
    const folder = join(root, String(nth));
    if (isThere) expect(run(process.execPath, program, 'write', folder, 'b', '1').status).toBe(0);
    const { acknowledged, killed } = writeUntil(nth, folder);
    if (!killed) {
      expect(acknowledged).toEqual(numbers);
      break;
    }
    seen.add(acknowledged.length);
    expect(acknowledged).toEqual(numbers.slice(0, acknowledged.length));
    if (existsSync(join(folder, 'data.mdb'))) {
      const log = await openFileLog({ folder });
      const own = (await collect(log.readStream('own-a'))).map(({ data }) => [data.n, data.index]);
      const whole = own.length === 0 ? 0 : Number(own.at(-1)?.[0]) + 1;
      expect(own).toEqual(numbers.slice(0, whole).flatMap(eventsOf));
      // The newest may be there without having been acknowledged.
      expect([acknowledged.length, acknowledged.length + 1]).toContain(whole);
      await log.close();
      expect((await verifyLog({ folder })).problems).toEqual([]);
    }
    // The next writer takes over where this one was ended.
    const next = run(process.execPath, program, 'write', folder, 'c', '2');
    expect([next.status, next.stdout, next.stderr]).toEqual([0, '0\n1\n', '']);
    expect((await verifyLog({ folder })).problems).toEqual([]);
    await rm(folder, { recursive: true });
  }
  if (isThere) expect([...seen].sort()).toEqual(numbers);
  else expect(nth).toBeGreaterThan(10);
  await rm(root, { recursive: true });
});
