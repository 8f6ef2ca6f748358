import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acquireProcessLock, LockHeld, readLock } from './process-lock.js';

describe('a process lock', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is held by one, and can be had again once released', () => {
    const lock = acquireProcessLock(path);
    lock.describe({ port: 8080 });
    expect(readLock(path)).toMatchObject({ pid: process.pid, about: { port: 8080 } });
    expect(() => acquireProcessLock(path)).toThrow(LockHeld);
    lock.release();
    expect(readLock(path)).toBeUndefined();
    acquireProcessLock(path).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a process that was killed is taken over', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(other.stdout, 'data');
    writeFileSync(path, JSON.stringify({ pid: other.pid, started: '', about: {} }));
    expect(() => acquireProcessLock(path)).toThrow(`in use by process ${other.pid}`);
    other.kill('SIGKILL');
    await once(other, 'exit');
    acquireProcessLock(path).release();
  });

  it('of an earlier process with the same pid is taken over', () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1', about: {} }));
    acquireProcessLock(path).release();
  });

  it('cut short by a crash of the machine names nobody', () => {
    writeFileSync(path, '{"pid": 12');
    acquireProcessLock(path).release();
  });
});

describe('of several processes that take over a dead one’s lock at once', () => {
  it('exactly one gets it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vitrine-lock-'));
    const path = join(folder, 'lock');
    const module = new URL('../../dist/libs/process-lock/process-lock.js', import.meta.url).href;
    const script = `const { acquireProcessLock } = await import(${JSON.stringify(module)});
      process.stdout.write('ready');
      process.stdin.once('data', () => { try { acquireProcessLock(${JSON.stringify(path)}); process.stdout.write(' got'); } catch (error) { process.stdout.write(' ' + error.code); } });
      process.stdin.once('end', () => process.exit(0));`;
    try {
      for (let round = 0; round < 3; round += 1) {
        writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, started: '1', about: {} }));
        const others = Array.from({ length: 4 }, () =>
          spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
        );
        const said = others.map(() => '');
        others.forEach((other, index) => {
          other.stdout.on('data', (chunk: Buffer) => {
            said[index] += chunk.toString();
          });
        });
        const all = async (form: RegExp) => {
          while (!said.every((text) => form.test(text))) await new Promise((resolve) => setTimeout(resolve, 10));
        };
        await all(/ready/);
        for (const other of others) other.stdin.write('go');
        await all(/got|LOCK_HELD/);
        expect(said.filter((text) => text.includes('got'))).toHaveLength(1);
        for (const other of others) other.stdin.end();
        await Promise.all(others.map((other) => once(other, 'exit')));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
