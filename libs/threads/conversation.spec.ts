import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import { converse, ThreadAway } from './conversation.js';

type Theirs = { sum(a: bigint, b: bigint): bigint; fail(): void; never(): Promise<void> };

describe('two threads that ask each other', () => {
  const pair = (more: object = {}) => {
    const { port1, port2 } = new MessageChannel();
    const asked: string[] = [];
    const near = converse<Theirs>(port1, { name: () => 'near' });
    const far = converse<{ name(): string; gone(): void }>(port2, {
      sum: (a: bigint, b: bigint) => a + b,
      fail: () => {
        throw Object.assign(new Error('it is damaged'), { code: 'SNAPSHOT_CORRUPT' });
      },
      never: () => new Promise(() => asked.push('never')),
      ...more,
    });
    return { near, far, asked };
  };

  it('answers in either direction, and says a refusal as it was', async () => {
    const { near, far } = pair();
    expect(await Promise.all([near.ask('sum', 1n, 2n), near.ask('sum', 2n, 2n), far.ask('name')])).toEqual([3n, 4n, 'near']);
    await expect(near.ask('fail')).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT', message: 'it is damaged' });
    await expect(far.ask('gone')).rejects.toThrow('knows no answer to gone');
    near.close();
  });

  it('refuses who waits when the other end closes, and who asks after', async () => {
    const { near, far, asked } = pair();
    const waiting = near.ask('never');
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    far.close();
    await expect(waiting).rejects.toThrow(ThreadAway);
    await near.closed;
    await expect(near.ask('sum', 1n, 1n)).rejects.toThrow(ThreadAway);
  });
});
