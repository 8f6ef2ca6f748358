import { describe, expect, it } from '@jest/globals';
import { FairQueue } from './fair-queue.js';

describe('the queue of clients', () => {
  it('works on so many at once, each once, in the order in which they became due', async () => {
    const order: string[] = [];
    const ends = new Map<string, () => void>();
    const work = (key: string) => {
      order.push(key);
      return new Promise<void>((resolve) => ends.set(key, resolve));
    };
    const queue = new FairQueue({ atOnce: 2, work, failed: () => undefined });
    const turn = async (key: string) => {
      ends.get(key)?.();
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (const key of ['a', 'b', 'c', 'a', 'c', 'a']) queue.due(key);
    expect(order).toEqual(['a', 'b']);
    await turn('b');
    expect(order).toEqual(['a', 'b', 'c']);
    await turn('a');
    expect(order).toEqual(['a', 'b', 'c', 'a']);
    await turn('c');
    await turn('a');
    expect(order).toEqual(['a', 'b', 'c', 'a']);
    await queue.stop();
  });

  it('tries again after a growing time, and not sooner', async () => {
    const tried: number[] = [];
    const waits: number[] = [];
    const queue = new FairQueue({
      atOnce: 1,
      work: async () => {
        tried.push(Date.now());
        if (tried.length < 3) throw new Error('away');
      },
      failed: (_, __, ms) => waits.push(ms),
    });
    queue.due('a');
    await new Promise((resolve) => setImmediate(resolve));
    queue.due('a');
    await until(() => tried.length === 3);
    expect(waits).toEqual([250, 500]);
    expect(tried[1]! - tried[0]!).toBeGreaterThanOrEqual(245);
    expect(tried[2]! - tried[1]!).toBeGreaterThanOrEqual(495);
    queue.due('a');
    await until(() => tried.length === 4);
    await queue.stop();
    queue.due('a');
    expect(tried).toHaveLength(4);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 20_000; !holds(); ) {
    if (Date.now() > limit) throw new Error('not within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
