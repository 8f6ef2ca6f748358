import { join } from 'node:path';
import { acquireProcessLock, LockHeld, type ProcessLock } from '#libs/process-lock';

export class SpoolInUse extends Error {
  readonly code = 'SPOOL_IN_USE';
}

/** Takes the folder for this process; a lock left by a process that is gone is taken over. @throws SpoolInUse */
export function lockFolder(folder: string): ProcessLock {
  try {
    return acquireProcessLock(join(folder, 'lock'));
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error;
    throw new SpoolInUse(`the spool in ${folder} is in use by process ${error.holder.pid}`, { cause: error });
  }
}
