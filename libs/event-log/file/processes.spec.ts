import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type EventLog, type RecordedEvent } from '../event-log.js';
import { collect, event, eventually } from '../testing/given-events.js';
import { openFileLog } from './file-log.js';
import { verifyLog } from './verify.js';

const program = resolve('dist/libs/event-log/file/testing/log-process.js');

/** A child and the lines it has said. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return {
    child,
    lines: () => text.split('\n').slice(0, -1),
    errors: () => errors,
    ended: once(child, 'close') as Promise<[number | null]>,
  };
}

describe('processes on one file log', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  const run = (...args: string[]) => {
    const started = start(...args);
    children.push(started.child);
    return started;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-log-'));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  const withLog = async <Result>(act: (log: EventLog) => Promise<Result>) => {
    const log = await openFileLog({ folder });
    try {
      return await act(log);
    } finally {
      await log.close();
    }
  };

  it('lets several processes write without damage', async () => {
    const writers = ['a', 'b', 'c'].map((name) => run('write', folder, name, '60'));
    for (const { ended, errors } of writers) expect([(await ended)[0], errors()]).toEqual([0, '']);
    await withLog(async (log) => {
      for (const name of ['a', 'b', 'c']) expect(appendsOf(await collect(log.readStream(`own-${name}`)), name)).toEqual(numbersTo(60));
      const shared = await collect(log.readStream('shared-all'));
      for (const name of ['a', 'b', 'c']) expect(appendsOf(shared, name)).toEqual(numbersTo(60));
    });
    expect(await verifyLog({ folder })).toMatchObject({ problems: [], streams: 4, events: 2 * 3 * 60 * 3 });
  });

  it('tails what another process appends', async () => {
    await withLog(async (log) => {
      const old = event();
      await log.append('tailed-golf', [old], 'noStream');
      const reader = run('tail', folder, 'tailed');
      await eventually(() => expect(reader.lines()).toContain('caughtUp'));
      const more = Array.from({ length: 20 }, () => event());
      for (const [index, each] of more.entries()) {
        await log.append('tailed-golf', [each], BigInt(index));
        await log.append('other-golf', [event()], 'any');
      }
      const heard = () => reader.lines().filter((line) => line !== 'caughtUp');
      await eventually(() => expect(heard()).toHaveLength(21));
      expect(heard().map((line) => line.split(' ')[0])).toEqual([old, ...more].map(({ id }) => id));
      const delays = heard()
        .slice(1)
        .map((line) => Number(line.split(' ')[1]));
      // Polled every 10 to 50 ms; the rest is room for a busy machine.
      expect(delays.sort((a, b) => a - b)[10]).toBeLessThan(500);
      reader.child.stdin?.end();
      expect((await reader.ended)[0]).toBe(0);
    });
  });

  const seed = Number(process.env.SEED ?? 7);
  it(`loses nothing acknowledged and leaves nothing half when killed at any time (SEED=${seed})`, async () => {
    const random = seeded(seed);
    const acknowledged = { a: [] as number[], b: [] as number[] };
    for (let round = 0; round < 6; round++) {
      const writers = (['a', 'b'] as const).map((name) => ({ name, ...run('write', folder, name) }));
      for (const { lines } of writers) await eventually(() => expect(lines().length).toBeGreaterThan(0));
      await new Promise((done) => setTimeout(done, random() * 150));
      for (const { child } of writers) child.kill('SIGKILL');
      for (const { name, ended, lines, errors } of writers) {
        await ended;
        expect(errors()).toBe('');
        acknowledged[name].push(...lines().map(Number));
      }
      expect(await verifyLog({ folder })).toMatchObject({ problems: [] });
    }
    await withLog(async (log) => {
      const shared = await collect(log.readStream('shared-all'));
      for (const name of ['a', 'b'] as const) {
        expect(acknowledged[name].length).toBeGreaterThan(6);
        const own = appendsOf(await collect(log.readStream(`own-${name}`)), name);
        expect(own).toEqual(numbersTo(own.length));
        expect(own).toEqual(expect.arrayContaining(acknowledged[name]));
        expect(appendsOf(shared, name)).toEqual(expect.arrayContaining(acknowledged[name]));
      }
    });
  });
});

/** The numbers of a writer's appends, each of which must be there whole, together and once. */
function appendsOf(events: readonly RecordedEvent[], name: string): number[] {
  const own = events.filter(({ data }) => data.name === name);
  const numbers: number[] = [];
  for (let at = 0; at < own.length; ) {
    const { n, of } = own[at]!.data as { n: number; of: number };
    expect(own.slice(at, at + of).map(({ data }) => [data.n, data.index])).toEqual(Array.from({ length: of }, (_, index) => [n, index]));
    numbers.push(n);
    at += of;
  }
  expect(new Set(numbers).size).toBe(numbers.length);
  return numbers;
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
