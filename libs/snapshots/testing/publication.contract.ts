import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { SnapshotCorrupt, SnapshotMissing, StalePublication } from '../errors.js';
import { readImage } from '../loading/read-image.js';
import type { Acknowledgement, Announcement, Increment, SnapshotKind, SnapshotPublication } from '../publication.js';

/** A store of snapshots that can be opened by several processes at once, for the time of the suite. It need not be empty. */
export interface PublicationStore {
  /** Another opening of the same store, as another process has it. */
  open(): Promise<SnapshotPublication>;
  close(): Promise<void>;
}

/** The suite of every adapter of SnapshotPublication. */
export function describeSnapshotPublication(adapter: string, prepare: () => Promise<PublicationStore>): void {
  describe(`snapshot publication: ${adapter}`, () => {
    let store: PublicationStore;
    let builder: SnapshotPublication;
    let other: SnapshotPublication;
    beforeAll(async () => {
      store = await prepare();
      builder = await store.open();
      other = await store.open();
    });
    afterAll(async () => {
      await Promise.all([builder.close(), other.close()]);
      await store.close();
    });

    it('says nothing of a client of whom nothing was published', async () => {
      const clientId = newClient();
      expect(await builder.current(clientId, 'audience')).toBeNull();
      expect(await builder.fetchVersion(clientId, 'audience', '0123456789abcdef')).toBeNull();
      expect(await builder.increments(clientId, '0123456789abcdef', 0)).toEqual([]);
      expect(await builder.acknowledgements(clientId)).toEqual([]);
      await builder.progress(clientId, 'audience', at(5));
      expect(await builder.current(clientId, 'audience')).toBeNull();
    });

    it('publishes an image, and another process fetches it', async () => {
      const clientId = newClient();
      const image = randomBytes(100_000);
      const announced = await builder.publish(snapshot(clientId, image, 7, { customers: 3, memberships: 2 }));
      expect(announced).toMatchObject({
        clientId,
        kind: 'audience',
        position: 7n,
        builtAt: instant(7),
        bytes: 100_000,
        increment: 0,
        customers: 3,
        memberships: 2,
      });
      expect(announced.version).toBe(announced.sha256.slice(0, 16));
      expect(await other.current(clientId, 'audience')).toEqual(announced);
      expect(await other.current(clientId, 'playbook')).toBeNull();
      expect(await other.all()).toContainEqual(announced);
      expect(image.equals(await other.fetch(announced))).toBe(true);
      expect(image.equals((await other.fetchVersion(clientId, 'audience', announced.version))!)).toBe(true);
      for (const anyone of [builder, other]) {
        const read = new Uint8Array(announced.bytes);
        await readImage(await anyone.placeOf(announced), announced.sha256, read);
        expect(image.equals(read)).toBe(true);
      }
    });

    it('keeps kinds apart, and clients whose ids differ in capitals only', async () => {
      const clientId = newClient();
      const capital = clientId.toUpperCase();
      const playbook = await builder.publish(snapshot(clientId, randomBytes(10), 1, { kind: 'playbook' }));
      const audience = await builder.publish(snapshot(clientId, randomBytes(10), 2));
      const another = await builder.publish(snapshot(capital, randomBytes(10), 3));
      expect(await other.current(clientId, 'playbook')).toEqual(playbook);
      expect(await other.current(clientId, 'audience')).toEqual(audience);
      expect(await other.current(capital, 'audience')).toEqual(another);
      expect(await other.fetchVersion(capital, 'audience', audience.version)).toBeNull();
    });

    it('refuses an image that is missing or damaged', async () => {
      const clientId = newClient();
      const announced = await builder.publish(snapshot(clientId, randomBytes(1000), 1));
      const sha256 = randomBytes(32).toString('hex');
      await expect(other.fetch({ ...announced, sha256, url: announced.url.replace(announced.sha256, sha256) })).rejects.toThrow(
        SnapshotMissing,
      );
      const place = await other.placeOf({ sha256, url: announced.url.replace(announced.sha256, sha256) });
      await expect(readImage(place, sha256, new Uint8Array(1000))).rejects.toThrow(SnapshotMissing);
      await expect(readImage(await other.placeOf(announced), announced.sha256, new Uint8Array(999))).rejects.toThrow(SnapshotCorrupt);
      await expect(other.placeOf({ sha256: 'x', url: '../x' })).rejects.toThrow(SnapshotMissing);
      await expect(other.fetch({ ...announced, bytes: 999 })).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    });

    it('replaces what is current, and keeps what was for explanations', async () => {
      const clientId = newClient();
      const before = randomBytes(500);
      const first = await builder.publish(snapshot(clientId, before, 1));
      const second = await builder.publish(snapshot(clientId, randomBytes(500), 2));
      expect(await other.current(clientId, 'audience')).toEqual(second);
      expect(before.equals((await other.fetchVersion(clientId, 'audience', first.version))!)).toBe(true);
    });

    it('gives the same content the same version, with a newer announcement', async () => {
      const clientId = newClient();
      const image = randomBytes(500);
      const first = await builder.publish(snapshot(clientId, image, 1));
      const second = await builder.publish(snapshot(clientId, image, 5));
      expect(second).toEqual({ ...first, position: 5n, builtAt: instant(5) });
      expect(await other.current(clientId, 'audience')).toEqual(second);
    });

    it('refuses a position that goes back, and takes the same one built later', async () => {
      const clientId = newClient();
      await builder.publish(snapshot(clientId, randomBytes(10), 5));
      await expect(other.publish(snapshot(clientId, randomBytes(10), 4))).rejects.toThrow(StalePublication);
      await expect(other.publish(snapshot(clientId, randomBytes(10), 5))).rejects.toThrow(StalePublication);
      const again = await other.publish({ ...snapshot(clientId, randomBytes(10), 5), builtAt: instant(6) });
      expect(await builder.current(clientId, 'audience')).toEqual(again);
      await builder.progress(clientId, 'audience', at(9));
      await expect(other.publish(snapshot(clientId, randomBytes(10), 8))).rejects.toThrow(StalePublication);
    });

    it('raises the position when nothing changed, never lowers it', async () => {
      const clientId = newClient();
      const first = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      await other.progress(clientId, 'audience', at(8));
      await other.progress(clientId, 'audience', at(6));
      expect(await builder.current(clientId, 'audience')).toEqual({ ...first, position: 8n });
      await builder.progress(clientId, 'audience', at((1n << 64n) - 1n));
      expect((await other.current(clientId, 'audience'))?.position).toBe((1n << 64n) - 1n);
    });

    it('puts increments on the current image, in sequence', async () => {
      const clientId = newClient();
      const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      const one = increment(image, 1, 6);
      const two = increment(image, 2, 6);
      await builder.publishIncrement(one);
      await other.publishIncrement(two);
      expect(await builder.increments(clientId, image.version, 0)).toEqual([one, two]);
      expect(await other.increments(clientId, image.version, 1)).toEqual([two]);
      expect(await other.increments(clientId, image.version, 2)).toEqual([]);
      expect(await builder.current(clientId, 'audience')).toEqual({ ...image, increment: 2, position: 6n });
    });

    it('refuses increments that do not follow', async () => {
      const clientId = newClient();
      const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      await expect(builder.publishIncrement(increment(image, 2, 6))).rejects.toThrow(StalePublication);
      await builder.publishIncrement(increment(image, 1, 6));
      await expect(other.publishIncrement(increment(image, 1, 7))).rejects.toThrow(StalePublication);
      await expect(other.publishIncrement(increment(image, 2, 5))).rejects.toThrow(StalePublication);
      const next = await builder.publish(snapshot(clientId, randomBytes(10), 7));
      await expect(other.publishIncrement(increment(image, 2, 8))).rejects.toThrow(StalePublication);
      expect(await other.current(clientId, 'audience')).toEqual(next);
      expect(await other.increments(clientId, image.version, 0)).toHaveLength(1);
      await expect(other.publishIncrement({ ...increment(image, 1, 9), clientId: newClient() })).rejects.toThrow(StalePublication);
    });

    it('brings a version back with the increments that are kept of it', async () => {
      const clientId = newClient();
      const content = randomBytes(10);
      const image = await builder.publish(snapshot(clientId, content, 5));
      await builder.publishIncrement(increment(image, 1, 6));
      await builder.publish(snapshot(clientId, randomBytes(10), 7));
      const back = await other.publish(snapshot(clientId, content, 8));
      // Where it is to be had now is the adapter's: another builder may have it elsewhere.
      expect(back).toEqual({ ...image, increment: 1, position: 8n, builtAt: instant(8), url: back.url });
      expect(await builder.current(clientId, 'audience')).toEqual(back);
      expect(content.equals(await builder.fetch(back))).toBe(true);
    });

    it('lets one of several writers put each sequence, and loses none of their progress', async () => {
      const clientId = newClient();
      const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        const tried = await Promise.allSettled(
          [builder, other, builder, other].map((one) => one.publishIncrement(increment(image, sequence, 5 + sequence))),
        );
        expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        await Promise.all([builder.progress(clientId, 'audience', at(5 + sequence)), other.progress(clientId, 'audience', at(sequence))]);
      }
      expect(await other.current(clientId, 'audience')).toEqual({ ...image, increment: 5, position: 10n });
    });

    it('tells a listener of what is current, and then of every change', async () => {
      const clientId = newClient();
      const first = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      const announced: Announcement[] = [];
      const increments: Increment[] = [];
      const ending = new AbortController();
      await other.watch(
        {
          announced: (one) => one.clientId === clientId && announced.push(one),
          incremented: (one) => one.clientId === clientId && increments.push(one),
        },
        ending.signal,
      );
      expect(announced).toEqual([first]);
      const put = increment(first, 1, 6);
      await builder.publishIncrement(put);
      await until(() => announced.at(-1)?.increment === 1 && increments.length > 0);
      expect(increments[0]).toEqual(put);
      await builder.progress(clientId, 'audience', at(7));
      await until(() => announced.at(-1)?.position === 7n);
      const second = await builder.publish(snapshot(clientId, randomBytes(10), 8));
      await until(() => announced.at(-1)?.version === second.version);
      expect(announced.at(-1)).toEqual(second);
      ending.abort();
      const said = announced.length;
      await builder.progress(clientId, 'audience', at(9));
      // Another watch, begun later, has told: the ended one would have too.
      const seen: Announcement[] = [];
      await other.watch({ announced: (one) => seen.push(one), incremented: () => undefined }, AbortSignal.timeout(15_000));
      await until(() => seen.some((one) => one.clientId === clientId && one.position === 9n));
      expect(announced).toHaveLength(said);
    });

    it('says soon what another process published', async () => {
      const clientId = newClient();
      const seen: Announcement[] = [];
      const ending = new AbortController();
      await other.watch({ announced: (one) => seen.push(one), incremented: () => undefined }, ending.signal);
      await builder.publish(snapshot(clientId, randomBytes(10), 5));
      await until(() => seen.some((one) => one.clientId === clientId), 3_000);
      ending.abort();
    });

    it('collects acknowledgements per node, client and kind', async () => {
      const clientId = newClient();
      const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
      const one = acknowledgement('node/1', image, 5);
      const two = { ...acknowledgement('Node.2', image, 5), version: `${image.version}+3` };
      await builder.acknowledge(one);
      await other.acknowledge(two);
      await other.acknowledge({ ...two, position: at(6) });
      await other.acknowledge({ ...one, kind: 'playbook' });
      const all = await builder.acknowledgements(clientId);
      expect(all.sort((a, b) => order(a, b))).toEqual(
        [one, { ...one, kind: 'playbook' as const }, { ...two, position: at(6) }].sort(order),
      );
      expect(await builder.acknowledgements(newClient())).toEqual([]);
    });

    it('is there again after it was closed', async () => {
      const clientId = newClient();
      const first = await store.open();
      const image = await first.publish(snapshot(clientId, randomBytes(10), 5));
      await first.publishIncrement(increment(image, 1, 6));
      await first.close();
      const again = await store.open();
      expect(await again.current(clientId, 'audience')).toEqual({ ...image, increment: 1, position: 6n });
      expect(await again.increments(clientId, image.version, 0)).toHaveLength(1);
      await again.close();
    });
  });
}

function newClient(): string {
  return `c${randomBytes(6).toString('hex')}`;
}

function at(position: number | bigint): Position {
  return BigInt(position) as Position;
}

function instant(second: number): string {
  return new Date(Date.UTC(2026, 10, 23, 12, 0, second)).toISOString();
}

function snapshot(
  clientId: string,
  image: Uint8Array,
  position: number,
  more: { kind?: SnapshotKind; customers?: number; memberships?: number } = {},
): Parameters<SnapshotPublication['publish']>[0] {
  const { kind = 'audience', customers = null, memberships = null } = more;
  return { clientId, kind, image, position: at(position), builtAt: instant(position), customers, memberships };
}

function increment(image: Announcement, sequence: number, position: number): Increment {
  const bytes = Buffer.from(`increment ${sequence}\n\0`);
  return { clientId: image.clientId, base: image.version, sequence, position: at(position), builtAt: instant(position), bytes };
}

function acknowledgement(nodeId: string, image: Announcement, position: number): Acknowledgement {
  return {
    nodeId,
    clientId: image.clientId,
    kind: image.kind,
    version: image.version,
    position: at(position),
    loadedAt: instant(position),
  };
}

function order(a: Acknowledgement, b: Acknowledgement): number {
  return `${a.nodeId} ${a.kind}` < `${b.nodeId} ${b.kind}` ? -1 : 1;
}

async function until(holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  for (const limit = Date.now() + timeoutMs; !holds(); ) {
    if (Date.now() > limit) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
