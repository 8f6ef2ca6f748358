import { describe, expect, it } from '@jest/globals';
import { TimeOrderedIds } from './ids.js';
import { isSampled, isSampledId } from './recording.js';

describe('the sample of answers', () => {
  it('holds all at a rate of 1, and about the rate of them below it', () => {
    const source = new TimeOrderedIds();
    const ids = Array.from({ length: 20_000 }, () => source.next(Date.now()));
    expect(ids.every((id) => isSampled(id, 1))).toBe(true);
    const sampled = ids.filter((id) => isSampled(id, 0.25)).length;
    // Five standard deviations.
    expect(Math.abs(sampled - 5000)).toBeLessThan(310);
    expect(ids.some((id) => isSampled(id, 0))).toBe(false);
    for (const rate of [0, 0.1, 0.25, 0.9, 1]) {
      const id = source.next(Date.now());
      expect(isSampledId(source.bytes, rate)).toBe(isSampled(id, rate));
    }
  });
});
