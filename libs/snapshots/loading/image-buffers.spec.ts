import { describe, expect, it } from '@jest/globals';
import { ImageBuffers } from './image-buffers.js';

const mb = 1024 * 1024;

describe('the memory of images', () => {
  it('moves an image between two buffers, and takes others when it has grown', () => {
    const buffers = new ImageBuffers();
    let current = buffers.take(55 * mb);
    const seen = new Set([current]);
    const swap = (bytes: number) => {
      const next = buffers.take(bytes);
      expect(buffers.usedBytes + buffers.spareBytes).toBeLessThan(2.2 * 55 * mb);
      buffers.giveBack(current);
      current = next;
      seen.add(next);
    };
    for (let times = 0; times < 10; times += 1) swap(55 * mb + times * 10_000);
    expect(seen.size).toBe(2);
    for (let times = 0; times < 20; times += 1) swap(55 * mb + times * 200_000);
    expect(seen.size).toBe(4);
  });

  it('keeps one spare for many clients, of the largest at most', () => {
    const buffers = new ImageBuffers();
    const sizes = Array.from({ length: 1000 }, (_, client) => (client === 7 ? 40 : 1 + (client % 5)) * mb);
    const current = sizes.map((bytes) => buffers.take(bytes));
    const used = buffers.usedBytes;
    for (const [client, bytes] of sizes.entries()) {
      const next = buffers.take(bytes);
      buffers.giveBack(current[client]!);
      current[client] = next;
      expect(buffers.spareBytes).toBeLessThanOrEqual(42 * mb);
    }
    expect(buffers.usedBytes).toBeLessThanOrEqual(used * 1.25);
    expect(new Set(current).size).toBe(1000);
  });

  it('gives no small image a large buffer, and none to two', () => {
    const buffers = new ImageBuffers();
    buffers.giveBack(buffers.take(50 * mb));
    const small = buffers.take(mb);
    expect(small.byteLength).toBeLessThan(2 * mb);
    expect(buffers.take(50 * mb)).not.toBe(buffers.take(50 * mb));
    buffers.giveBack(small);
    expect(() => buffers.giveBack(small)).toThrow('not in use');
  });

  it('has room for what is asked', () => {
    const buffers = new ImageBuffers();
    for (const bytes of [0, 1, 4096, 4097, mb - 1, mb, mb + 1, 10_000_001]) {
      const { byteLength } = buffers.take(bytes);
      expect(byteLength).toBeGreaterThanOrEqual(bytes);
      expect(byteLength).toBeLessThanOrEqual(bytes * 1.125 + 4096);
    }
  });
});
