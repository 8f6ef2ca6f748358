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
