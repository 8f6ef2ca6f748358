import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export class SpoolInUse extends Error {
  readonly code = 'SPOOL_IN_USE';
}

const takeoverMsMax = 10_000;

/**
 * Takes the folder for this process; a lock left by a process that is gone is taken over. The holder is named by its pid and start time, so
 * that a restarted machine or container with the same pid is not taken for it.
 * @throws SpoolInUse
 */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const path = join(folder, 'lock');
  const own = `${process.pid} ${startOf(process.pid)}`;
  while (!(await create(path, own))) {
    const holder = await contentsOf(path);
    if (holder !== undefined && isAlive(holder))
      throw new SpoolInUse(`the spool in ${folder} is in use by process ${holder.split(' ')[0]}`);
    await removeStale(path);
  }
  return { release: () => rm(path, { force: true }) };
}

/** Removes the lock if it is still stale; one process at a time, so that none removes another's fresh lock. */
async function removeStale(path: string): Promise<void> {
  const takeover = `${path}.takeover`;
  if (await create(takeover, String(process.pid))) {
    const holder = await contentsOf(path);
    if (holder !== undefined && !isAlive(holder)) await rm(path, { force: true });
    await rm(takeover, { force: true });
    return;
  }
  const age = await stat(takeover).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > takeoverMsMax) await rm(takeover, { force: true });
  await delay(20);
}

/** Makes the file with its text in one step: nobody ever sees it empty. False when there is one. */
async function create(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomUUID()}`;
  await writeFile(draft, text);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function contentsOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(holder: string): boolean {
  const [pid = '', start = ''] = holder.split(' ');
  if (!/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(Number(pid)) === start;
}

/** When a process was started, in ticks since the machine was (`/proc/<pid>/stat`, field 22); empty where the system does not say. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // No such process, or a system without /proc: then the pid alone decides.
    return '';
  }
}
