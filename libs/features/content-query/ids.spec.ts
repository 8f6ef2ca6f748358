import { describe, expect, it } from '@jest/globals';
import { idBytes, idText, TimeOrderedIds } from './ids.js';

describe('an id', () => {
  it('is a UUID of version 7 that begins with its time', () => {
    const ids = new TimeOrderedIds();
    for (const time of [0, 1, 0xffff, 0x1_0000, 1_764_000_000_123, 2 ** 48 - 1]) {
      const id = ids.next(time);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(time);
    }
  });

  it('is no other’s, over many fillings of the pool', () => {
    const ids = new TimeOrderedIds();
    expect(new Set(Array.from({ length: 50_000 }, () => ids.next(5))).size).toBe(50_000);
  });

  it('has bits that are as often 1 as 0, where it is random', () => {
    const ids = new TimeOrderedIds();
    const ones = new Array<number>(80).fill(0);
    for (let time = 0; time < 20_000; time++) {
      ids.draw(time);
      for (let bit = 0; bit < 80; bit++) ones[bit]! += (ids.bytes[6 + (bit >> 3)]! >> (7 - (bit & 7))) & 1;
    }
    // Four bits of version and two of variant are fixed; six standard deviations for the others.
    expect(ones.slice(0, 4).concat(ones.slice(16, 18))).toEqual([0, 20_000, 20_000, 20_000, 20_000, 0]);
    for (const count of ones.slice(4, 16).concat(ones.slice(18))) expect(Math.abs(count - 10_000)).toBeLessThan(425);
  });

  it('is the same as bytes and as text', () => {
    const ids = new TimeOrderedIds();
    const id = ids.next(Date.now());
    expect(idText(ids.bytes)).toBe(id);
    expect([...(idBytes(id) ?? [])]).toEqual([...ids.bytes]);
    for (const other of ['', `${id}0`, id.toUpperCase(), id.replace('-', '0')]) expect(idBytes(other)).toBeUndefined();
  });
});
