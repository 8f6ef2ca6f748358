import { describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { isSampled } from './recording.js';

describe('the sample of answers', () => {
  it('holds all at a rate of 1, and about the rate of them below it', () => {
    const ids = Array.from({ length: 20_000 }, () => v7());
    expect(ids.every((id) => isSampled(id, 1))).toBe(true);
    const sampled = ids.filter((id) => isSampled(id, 0.25)).length;
    // Five standard deviations.
    expect(Math.abs(sampled - 5000)).toBeLessThan(310);
    expect(ids.some((id) => isSampled(id, 0))).toBe(false);
  });
});
