import { setTimeout as pause } from 'node:timers/promises';
import { acquireProcessLock, LockHeld } from '#libs/process-lock';

/** Of several projectors of the same tables one works and the others stand by. */
export interface Leadership {
  /** Aborted when another one may lead. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Resolves when this process leads; rejects when `signal` is aborted. */
export type AcquireLeadership = (signal: AbortSignal) => Promise<Leadership>;

/** For processes of one machine: who holds the lock file leads, until it ends. `standBy` is called once when another one holds it. */
export function lockFileLeadership(path: string, standBy: (holder: string) => void = () => undefined, pollMs = 500): AcquireLeadership {
  return async (signal) => {
    for (let told = false; ; told = true) {
      try {
        const lock = acquireProcessLock(path);
        return { lost: new AbortController().signal, release: async () => lock.release() };
      } catch (error) {
        if (!(error instanceof LockHeld)) throw error;
        if (!told) standBy(`process ${error.holder.pid}`);
      }
      await pause(pollMs, undefined, { signal });
    }
  };
}
