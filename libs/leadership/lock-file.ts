import { setTimeout as pause } from 'node:timers/promises';
import { acquireProcessLock, LockHeld } from '#libs/process-lock';
import type { AcquireLeadership } from './leadership.js';

/** For processes of one machine: who holds the lock file leads, until it ends. `standBy` is called once when another one holds it. */
export function lockFileLeadership(path: string, standBy: (holder: string) => void = () => undefined, pollMs = 500): AcquireLeadership {
  return async (signal) => {
    for (let told = false; ; told = true) {
      try {
        const lock = acquireProcessLock(path);
        // A process that stands still goes on holding the lock: nobody takes it over.
        return { lost: new AbortController().signal, holds: () => true, release: async () => lock.release() };
      } catch (error) {
        if (!(error instanceof LockHeld)) throw error;
        if (!told) standBy(`process ${error.holder.pid}`);
      }
      await pause(pollMs, undefined, { signal });
    }
  };
}
