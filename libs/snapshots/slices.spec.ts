import { describe, expect, it } from '@jest/globals';
import { type Interruptible, inSlices } from './slices.js';

describe('work in slices', () => {
  /** Of steps that each take a whole slice. */
  function* work(steps: number, done: (step: number) => void): Interruptible<number> {
    for (let step = 0; step < steps; step += 1) {
      done(step);
      yield;
    }
    return steps;
  }

  it('does one slice in a turn of the event loop, whosever it is, and each gets its turn', async () => {
    const steps: string[] = [];
    const turns: number[] = [];
    let turn = 0;
    const count = () => {
      turn += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const all = ['a', 'b', 'c'].map((name) =>
      inSlices(
        work(4, (step) => {
          steps.push(`${name}${step}`);
          turns.push(turn);
        }),
        0,
      ),
    );
    // The first steps are done in the calls.
    expect(steps).toEqual(['a0', 'b0', 'c0']);
    expect(await Promise.all(all)).toEqual([4, 4, 4]);
    clearImmediate(counting);
    expect(steps).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3']);
    expect(new Set(turns.slice(3)).size).toBe(9);
  });

  it('goes on with the others when one fails, and begins in the call', async () => {
    // biome-ignore lint/correctness/useYield: work that fails in its first step.
    function* failing(): Interruptible<number> {
      throw new Error('no good');
    }
    await Promise.all([
      expect(inSlices(failing(), 0)).rejects.toThrow('no good'),
      inSlices(
        work(2, () => undefined),
        0,
      ),
    ]);
    const steps: number[] = [];
    const last = inSlices(
      work(2, (step) => void steps.push(step)),
      0,
    );
    expect(steps).toEqual([0]);
    expect(await last).toBe(2);
  });
});
