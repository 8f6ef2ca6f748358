import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { SnapshotMissing } from '../errors.js';
import type { Acknowledgement, Announcement, Increment, SnapshotListener } from '../publication.js';
import type { NodePublication } from './node-publication.js';
import { offerPublication, publicationOver } from './publication-over-port.js';
import { SharedPublication } from './shared-publication.js';

const announcement = (rest: Partial<Announcement> = {}): Announcement => ({
  clientId: 'golf',
  kind: 'audience',
  version: '0123456789abcdef',
  position: 5n as Position,
  builtAt: '2026-11-23T10:00:00.000Z',
  bytes: 3,
  sha256: 'a'.repeat(64),
  url: 'images/a',
  increment: 0,
  customers: 1,
  memberships: 1,
  ...rest,
});
const increment = (sequence: number): Increment => ({
  clientId: 'golf',
  base: '0123456789abcdef',
  sequence,
  position: BigInt(5 + sequence) as Position,
  builtAt: '2026-11-23T10:00:01.000Z',
  bytes: new Uint8Array([sequence]),
});

describe('one publication for several threads', () => {
  const asked: string[] = [];
  const said: Acknowledgement[] = [];
  let told: SnapshotListener | undefined;
  let isAway = false;
  let shared: SharedPublication;
  let threads: NodePublication[];
  let close: () => void;
  const publication: NodePublication = {
    fetch: async ({ sha256 }) => {
      asked.push(`fetch ${sha256[0]}`);
      if (isAway) throw new SnapshotMissing('the image is not here');
      return new Uint8Array([1, 2, 3]);
    },
    placeOf: async ({ url }) => ({ path: url }),
    increments: async (_, __, after) => {
      asked.push(`increments ${after}`);
      return [increment(after + 1)];
    },
    watch: async (listener) => {
      asked.push('watch');
      if (isAway) throw new Error('away');
      told = listener;
      listener.announced(announcement());
    },
    acknowledge: async (acknowledgement) => {
      said.push(acknowledgement);
    },
  };
  beforeEach(() => {
    [asked.length, said.length, isAway, told] = [0, 0, false, undefined];
    shared = new SharedPublication(publication, { nodeId: 'n', threads: 3 });
    const { port1, port2 } = new MessageChannel();
    offerPublication(shared.of(2), port1);
    const over = publicationOver(port2);
    threads = [shared.of(0), shared.of(1), over];
    close = () => over.close();
  });
  afterEach(() => {
    close();
    shared.close();
  });

  const hearing = () => {
    const heard: string[] = [];
    const listener: SnapshotListener = {
      announced: ({ version, increment: sequence }) => heard.push(`${version.slice(0, 2)}+${sequence}`),
      incremented: ({ sequence, bytes }) => heard.push(`increment ${sequence} of ${bytes.length}`),
      unavailable: ({ message }) => heard.push(message),
    };
    return { heard, listener };
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
  };

  it('is watched once, and tells each thread of everything that is current and of every change', async () => {
    const all = threads.map(hearing);
    const { signal } = new AbortController();
    for (const index of [0, 2]) await threads[index]!.watch(all[index]!.listener, signal);
    told?.incremented(increment(1));
    // Who comes later hears of the announcement as it is by then.
    await threads[1]!.watch(all[1]!.listener, signal);
    told?.announced(announcement({ version: 'ffff456789abcdef' }));
    told?.unavailable?.(new Error('away'));
    await until(() => all[2]!.heard.length === 4);
    expect(all.map(({ heard }) => heard)).toEqual([
      ['01+0', 'increment 1 of 1', 'ff+0', 'away'],
      ['01+1', 'ff+0', 'away'],
      ['01+0', 'increment 1 of 1', 'ff+0', 'away'],
    ]);
    expect(asked).toEqual(['watch']);
  });

  it('tells of increments that stand in one memory each with its own alone', async () => {
    const heard: Increment[] = [];
    await threads[2]!.watch({ announced: () => undefined, incremented: (one) => heard.push(one) }, new AbortController().signal);
    const together = new Uint8Array(1_000_000);
    for (const sequence of [1, 2])
      told?.incremented({ ...increment(sequence), bytes: together.subarray(sequence, sequence + 1).fill(sequence) });
    await threads[2]!.placeOf(announcement());
    expect(heard.map(({ bytes }) => [[...bytes], bytes.buffer.byteLength])).toEqual([
      [[1], 1],
      [[2], 1],
    ]);
  });

  it('tells nothing after the signal, and is asked again after a failure', async () => {
    isAway = true;
    const { heard, listener } = hearing();
    const stop = new AbortController();
    for (const thread of threads) await expect(thread.watch(listener, stop.signal)).rejects.toThrow('away');
    isAway = false;
    await threads[1]!.watch(listener, stop.signal);
    stop.abort();
    told?.announced(announcement({ version: 'ffff456789abcdef' }));
    expect(heard).toEqual(['01+0']);
    expect(asked.filter((one) => one === 'watch')).toHaveLength(4);
  });

  it('fetches an image once for all, and an increment once for those who ask at once', async () => {
    const fetched = await Promise.all(threads.map((thread) => thread.fetch(announcement())));
    expect(fetched.map((bytes) => [...bytes])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect((await threads[2]!.fetch(announcement())).length).toBe(3);
    await Promise.all([0, 1].map((index) => threads[index]!.increments('golf', '0123456789abcdef', 3)));
    expect(await threads[2]!.placeOf(announcement())).toEqual({ path: 'images/a' });
    expect(asked).toEqual(['fetch a', 'increments 3']);
  });

  it('asks again for increments when more were announced while an answer was on its way', async () => {
    await threads[0]!.watch({ announced: () => undefined, incremented: () => undefined }, new AbortController().signal);
    const before = threads[0]!.increments('golf', '0123456789abcdef', 3);
    told?.announced(announcement({ increment: 5 }));
    await Promise.all([before, ...[0, 1].map((index) => threads[index]!.increments('golf', '0123456789abcdef', 3))]);
    expect(asked).toEqual(['watch', 'increments 3', 'increments 3']);
  });

  it('says a refusal as it is, and tries again', async () => {
    isAway = true;
    for (const thread of threads) await expect(thread.fetch(announcement())).rejects.toThrow(SnapshotMissing);
    isAway = false;
    for (const thread of threads) expect((await thread.fetch(announcement())).length).toBe(3);
    expect(asked).toHaveLength(4);
  });

  it('acknowledges as one node what the thread that is furthest behind has', async () => {
    const loaded = (position: number, version = 'v1') => ({
      nodeId: 'its own',
      clientId: 'golf',
      kind: 'audience' as const,
      version,
      position: BigInt(position) as Position,
      loadedAt: `2026-11-23T10:00:${String(position).padStart(2, '0')}.000Z`,
    });
    const positions = () => said.map(({ nodeId, version, position }) => `${nodeId} ${version} ${position}`);
    await threads[0]!.acknowledge(loaded(5));
    await threads[2]!.acknowledge(loaded(6));
    expect(said).toEqual([]);
    await threads[1]!.acknowledge(loaded(5));
    expect(positions()).toEqual(['n v1 5']);
    // The others' renewals say nothing new; the first's keep it alive.
    await threads[2]!.acknowledge(loaded(6));
    await threads[0]!.acknowledge(loaded(5));
    expect(positions()).toEqual(['n v1 5', 'n v1 5']);
    for (const index of [0, 1]) await threads[index]!.acknowledge(loaded(9, 'v2'));
    expect(positions().at(-1)).toBe('n v1 6');
    await threads[2]!.acknowledge(loaded(9, 'v2'));
    expect(positions().at(-1)).toBe('n v2 9');
    expect(positions()).not.toContain('n v2 6');
  });
});
