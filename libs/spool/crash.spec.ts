import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { openFileLog, verifyLog } from '#libs/event-log/file';
import { openSpool, type SpoolReport } from './spool.js';

const program = resolve('dist/libs/spool/testing/spool-process.js');
const seed = Number(process.env.SEED ?? 11);
const rounds = 20;

it(`has every acknowledged fact in the log once after ${rounds} kills (SEED=${seed})`, async () => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-spool-'));
  const [folder, logFolder] = [join(root, 'spool'), join(root, 'log')];
  const random = seeded(seed);
  const acknowledged: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round * 1_000_000;
    const child = spawn(process.execPath, [program, folder, logFolder, String(first)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    // The cut tail of the round before is reported as a warning; anything else is a fault.
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    const closed = once(child, 'close');
    // Sometimes before the first acknowledgement, sometimes while old facts are forwarded, sometimes later.
    if (round % 4 !== 0) await Promise.race([once(child.stdout, 'data'), closed]);
    else await new Promise((done) => setTimeout(done, 100 + random() * 300));
    await new Promise((done) => setTimeout(done, random() * 120));
    child.kill('SIGKILL');
    await closed;
    expect(errors.replaceAll(/\(node.*\n/g, '').replaceAll(/\(Use `node.*\n/g, '')).toBe('');
    const last = said.split('\n').slice(0, -1).at(-1);
    if (last !== undefined) for (let n = first; n <= Number(last); n++) acknowledged.push(n);
  }

  const reports: SpoolReport[] = [];
  const log = await openFileLog({ folder: logFolder });
  const spool = await openSpool({ folder, node: 'n1', log, onReport: (report) => reports.push(report) });
  await spool.drained();
  expect(spool.status).toMatchObject({ queued: 0, refused: 0 });
  await spool.close();
  const streams = new Map<string, number[]>();
  for await (const { stream, data } of log.readAll({ after: null })) streams.set(stream, [...(streams.get(stream) ?? []), Number(data.n)]);
  const all = [...streams.values()].flat();
  expect(new Set(all).size).toBe(all.length);
  const there = new Set(all);
  expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(100);
  for (const numbers of streams.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(reports.filter(({ kind }) => kind !== 'tornTail')).toEqual([]);
  await log.close();
  expect(await verifyLog({ folder: logFolder })).toMatchObject({ problems: [] });
  await rm(root, { recursive: true });
});

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
