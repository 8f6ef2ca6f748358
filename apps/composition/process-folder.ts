import { acquireProcessLock, LockHeld, type ProcessLock } from '#libs/process-lock';
import type { DataFolder } from '#libs/settings';
import { StartRefused } from './free-port.js';

/** Takes the data folder for this process. @throws StartRefused when another process has it. */
export function takeDataFolder(folder: DataFolder): ProcessLock {
  try {
    return acquireProcessLock(folder.lock);
  } catch (error) {
    if (error instanceof LockHeld) throw new StartRefused(`${folder.path} is in use by process ${error.holder.pid}`, { cause: error });
    throw error;
  }
}
