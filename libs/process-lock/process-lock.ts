import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a lock file says of the process that holds it. */
export interface LockHolder {
  readonly pid: number;
  /** Tells a process from a later one with the same pid: its start in clock ticks since boot where /proc says it, else empty. */
  readonly started: string;
  /** More that the holder wants others to know, such as the ports it listens on. */
  readonly about: Readonly<Record<string, string | number>>;
}

export interface ProcessLock {
  /** Tells others more about the holder. */
  describe(about: Readonly<Record<string, string | number>>): void;
  release(): void;
}

export class LockHeld extends Error {
  readonly code = 'LOCK_HELD';
  constructor(
    readonly path: string,
    readonly holder: LockHolder,
  ) {
    super(`${dirname(path)} is in use by process ${holder.pid}`);
  }
}

const attemptsMax = 50;
const takeoverPauseMs = 20;

/**
 * Takes the lock at `path` for this process; a lock whose process has ended is taken over. Made by linking a finished file into place, so
 * that no other process ever reads half of one. @throws LockHeld, and file errors (EACCES, EROFS, ENOSPC) as they come.
 */
export function acquireProcessLock(path: string): ProcessLock {
  mkdirSync(dirname(path), { recursive: true });
  const mine: LockHolder = { pid: process.pid, started: startOf(process.pid), about: {} };
  const draft = join(dirname(path), `.lock-${process.pid}-${Math.random().toString(36).slice(2)}`);
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        linkSync(draft, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === attemptsMax) throw error;
        const holder = readLock(path);
        if (holder !== undefined) throw new LockHeld(path, holder);
        takeAway(path, draft);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    describe: (about) => {
      const next = `${path}.next-${process.pid}`;
      writeFileSync(next, JSON.stringify({ ...mine, about }));
      renameSync(next, path);
    },
    release: () => {
      if (readLock(path)?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/** Who holds the lock at `path`; undefined when nobody does, or its holder has ended. */
export function readLock(path: string): LockHolder | undefined {
  const holder = parse(path);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/** Removes a dead holder's lock; one process at a time looks and removes, so that none removes a living one's fresh lock. */
function takeAway(path: string, draft: string): void {
  const takeover = `${path}.takeover`;
  try {
    linkSync(draft, takeover);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Another one is at it, or was killed at it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, takeoverPauseMs);
    if (readLock(takeover) === undefined) rmSync(takeover, { force: true });
    return;
  }
  try {
    if (readLock(path) === undefined) rmSync(path, { force: true });
  } finally {
    rmSync(takeover, { force: true });
  }
}

function parse(path: string): LockHolder | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const holder = JSON.parse(text) as LockHolder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    // A file cut short by a crash of the machine names nobody: nobody holds it.
    return undefined;
  }
}

function isAlive(holder: LockHolder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = startOf(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22, counted behind the command's name, which is in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // No /proc (macOS), or the process has just ended: the pid alone decides.
    return '';
  }
}
