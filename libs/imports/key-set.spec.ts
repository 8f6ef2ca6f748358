import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { KeySet } from './key-set.js';

describe('a set of keys', () => {
  it('knows what it was given, through its growth', () => {
    const set = new KeySet(4);
    const hex = (n: number) => createHash('sha256').update(String(n)).digest('hex');
    for (let n = 0; n < 20_000; n++) expect(set.add(hex(n))).toBe(true);
    for (let n = 0; n < 20_000; n++) expect(set.add(hex(n))).toBe(false);
    expect(set.size).toBe(20_000);
    expect(set.add('0'.repeat(64))).toBe(true);
    expect(set.add('0'.repeat(64))).toBe(false);
  });
});
