import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EventLog } from '#libs/event-log';
import { acquireProcessLock, LockHeld, type ProcessLock } from '#libs/process-lock';
import { openSpool, SpoolInUse, type Unpack } from '#libs/spool';
import type { ProcessFrame } from './frame.js';

/** Spools of commands begin with this. */
export const commandNode = 'cli-';

/**
 * Brings into the log what is left in spools of this data folder: of commands that were killed, and of processes that had another name. Those of
 * living processes stay. For a process that has the folder to itself, but for commands.
 */
export async function forwardLeftBehind(
  { folder, nodeId }: Pick<ProcessFrame, 'folder' | 'nodeId'>,
  log: EventLog,
  forms: Readonly<Record<string, Unpack>>,
): Promise<void> {
  const spools = dirname(folder.spoolOf(commandNode));
  const names = await readdir(spools).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const node of names.filter((name) => name !== nodeId)) {
    try {
      const spool = await openSpool({ folder: join(spools, node), node, log, forms });
      await spool.drained();
      await spool.close();
      await removeSpool(join(spools, node));
    } catch (error) {
      if (!(error instanceof SpoolInUse)) throw error;
    }
  }
}

/**
 * Removes the folder of a spool that was closed when all of it was in the log; it stays when it holds facts that the log has refused, and when a
 * process of that name has begun meanwhile.
 */
export async function removeSpool(folder: string): Promise<void> {
  let lock: ProcessLock;
  try {
    lock = acquireProcessLock(join(folder, 'lock'));
  } catch (error) {
    if (error instanceof LockHeld) return;
    throw error;
  }
  const names = await readdir(folder);
  const isToStay = names.includes('dead-letter.ndjson');
  if (!isToStay) for (const name of names) if (name !== 'lock') await rm(join(folder, name), { recursive: true, force: true });
  lock.release();
  if (isToStay) return;
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    // Somebody has come in.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
  });
}
