import { describe, expect, it } from '@jest/globals';
import { keepStatesFresh } from './state-refresher.js';

describe("the refresh of the customers' states", () => {
  it('goes on after a failure, and ends with its signal', async () => {
    const ending = new AbortController();
    const failures: unknown[] = [];
    let refreshes = 0;
    await keepStatesFresh(
      {
        async refreshStates() {
          refreshes += 1;
          if (refreshes === 1) throw new Error('away');
          if (refreshes === 3) ending.abort();
        },
      },
      ending.signal,
      { failed: (error) => failures.push(error), everyMs: 1 },
    );
    expect(refreshes).toBe(3);
    expect(failures).toEqual([new Error('away')]);
  });

  it('does not wait for the end of a refresh when its signal comes', async () => {
    const ending = new AbortController();
    const refreshStates = (_which: unknown, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        ending.abort();
      });
    await keepStatesFresh({ refreshStates }, ending.signal, { failed: fail, everyMs: 1 });
    expect(ending.signal.aborted).toBe(true);
  });

  it('does nothing once the signal is given', async () => {
    const refreshStates = () => Promise.reject(new Error('too late'));
    await keepStatesFresh({ refreshStates }, AbortSignal.abort(), { failed: fail, everyMs: 60_000 });
  });
});

function fail(error: unknown): never {
  throw error;
}
