import { describe, expect, it } from '@jest/globals';
import { inBursts } from './pace.js';

describe('the pace of the loading thread', () => {
  const paced = () => {
    const rests: number[] = [];
    let clock = 1000;
    const pace = inBursts(
      () => clock,
      (ms) => {
        rests.push(ms);
        clock += ms;
      },
    );
    const work = (ms: number) => {
      clock += ms;
      pace.step();
    };
    return { work, rests, worked: () => clock - 1000 - rests.reduce((sum, ms) => sum + ms, 0) };
  };

  it('rests after a quarter of a millisecond, for twice as long as it worked', () => {
    const { work, rests, worked } = paced();
    for (let piece = 0; piece < 1000; piece += 1) work(0.1);
    expect(rests).toHaveLength(333);
    expect(rests.every((ms) => Math.abs(ms - 0.6) < 1e-6)).toBe(true);
    expect(worked()).toBeCloseTo(100);
  });

  it('does not rest for long when it was kept waiting itself', () => {
    const { work, rests } = paced();
    work(0.2);
    expect(rests).toEqual([]);
    work(50);
    work(0.1);
    expect(rests).toEqual([1]);
  });
});
