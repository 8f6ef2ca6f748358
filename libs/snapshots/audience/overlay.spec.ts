import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SnapshotCorrupt } from '../errors.js';
import { type CustomerHash, customerHash } from '../hash.js';
import { type Members, rowsOf } from '../testing/rows.js';
import { AudienceBuilder } from './audience-builder.js';
import { type Change, decodeIncrement, encodeIncrement } from './increment.js';
import { segmentSet } from './membership-table.js';
import { Overlay, segmentSizes } from './overlay.js';
import { readAudience } from './read-audience.js';

const base = '0123456789abcdef';
const segmentIds = Array.from({ length: 40 }, (_, index) => `segment-${index}`);
/** Few different hashes, far from each other: some customers share one, and nobody is taken for another by a part of it. */
const crowded: CustomerHash = (id) => (customerHash(id) % 97n) << 57n;

async function imageOf(members: Members, hash: CustomerHash): Promise<Uint8Array> {
  const builder = new AudienceBuilder(segmentIds);
  await builder.take(rowsOf(segmentIds, members, { hash }));
  for (const colliding of builder.collidingHashes) {
    for (const [id, chosen] of members) if (hash(id) === colliding) builder.keepApart(id, colliding, segmentSet(segmentIds, chosen));
  }
  return builder.image().bytes;
}

/** As a builder makes it: every known customer of a hash that several have is named. */
function incrementOf(sequence: number, changed: Members, known: Members, hash: CustomerHash): Uint8Array {
  const changes: Change[] = [];
  const done = new Set<bigint>();
  for (const id of changed.keys()) {
    const own = hash(id);
    if (done.has(own)) continue;
    done.add(own);
    const sharing = [...known].filter(([other]) => hash(other) === own);
    for (const [customerId, chosen] of sharing) {
      const set = segmentSet(segmentIds, chosen);
      changes.push(sharing.length > 1 ? { hash: own, customerId, set } : { hash: own, set });
    }
  }
  return encodeIncrement({ base, sequence, segments: segmentIds.length }, changes);
}

const one = new Map([
  ['ann', ['segment-0', 'segment-39']],
  ['bob', []],
]);

function small(): Uint8Array {
  return incrementOf(1, one, one, customerHash);
}

describe('increments on top of an image', () => {
  it('answer like a Map to which the same changes were made', async () => {
    const customer = fc.integer({ min: 0, max: 150 }).map((number) => `customer-${number}`);
    const set = fc.uniqueArray(fc.constantFrom(...segmentIds.slice(0, 5), 'segment-39'), { maxLength: 4 });
    const changes = fc.array(fc.tuple(customer, set), { maxLength: 60 });
    const hashes = fc.constantFrom(customerHash, crowded);
    await fc.assert(
      fc.asyncProperty(changes, fc.array(changes, { maxLength: 6 }), hashes, async (before, rounds, hash) => {
        const members = new Map(before);
        const overlay = new Overlay(readAudience(await imageOf(members, hash)), base);
        for (const [round, changed] of rounds.entries()) {
          for (const [id, chosen] of changed) members.set(id, chosen);
          overlay.apply(incrementOf(round + 1, new Map(changed), members, hash));
        }
        for (let number = 0; number <= 150; number += 1) {
          const id = `customer-${number}`;
          const segments = overlay.memberships[overlay.membershipOf(hash(id), id)];
          const expected = members.get(id);
          // With few hashes an unknown customer may be taken for the one customer who has the same.
          if (expected !== undefined || hash === customerHash)
            expect(segments).toEqual(expected && segmentIds.filter((segment) => expected.includes(segment)));
          if (expected !== undefined) expect(overlay.says(hash(id), id, segmentSet(segmentIds, expected))).toBe(true);
        }
        const sizes = segmentSizes(overlay);
        for (const segment of segmentIds)
          expect(sizes.get(segment)).toBe([...members.values()].filter((chosen) => chosen.includes(segment)).length);
        expect(overlay.version).toBe(rounds.length === 0 ? base : `${base}+${rounds.length}`);
      }),
      { numRuns: 150 },
    );
  });

  it('hold many customers', async () => {
    const overlay = new Overlay(readAudience(await imageOf(new Map(), customerHash)), base);
    const ids = Array.from({ length: 40_000 }, (_, index) => `c${index}`);
    const sets = [segmentSet(segmentIds, ['segment-3']), segmentSet(segmentIds, [])];
    const changes = ids.map((id, index) => ({ hash: customerHash(id), set: sets[index % 2]! }));
    overlay.apply(encodeIncrement({ base, sequence: 1, segments: 40 }, changes));
    expect(ids.filter((id, index) => !overlay.says(customerHash(id), id, sets[index % 2]!))).toEqual([]);
    expect(overlay.changed).toBe(40_000);
    expect(overlay.membershipOf(customerHash('nobody'), 'nobody')).toBe(-1);
    const tooMany = Array.from({ length: 480_000 }, (_, index) => ({ hash: BigInt(index), set: sets[0]! }));
    expect(() => encodeIncrement({ base, sequence: 2, segments: 40 }, tooMany)).toThrow('more than 4194304');
  });

  it('count whole from one moment on, also when they are applied in slices', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `c${index}`);
    const members = new Map<string, string[]>([...ids.slice(0, 10_000), 'twin-1', 'twin-2'].map((id) => [id, ['segment-1']]));
    const twins: CustomerHash = (id) => (id.startsWith('twin') ? 5n : customerHash(id));
    const overlay = new Overlay(readAudience(await imageOf(members, twins)), base);
    const answers = () =>
      [...ids, 'twin-1', 'twin-2'].map((id) => overlay.memberships[overlay.membershipOf(twins(id), id)]?.join() ?? 'nobody');
    const changes = (chosen: string) => {
      const set = segmentSet(segmentIds, [chosen]);
      const named = ['twin-1', 'twin-2'].map((customerId) => ({ hash: 5n, customerId, set }));
      return [...ids.filter((_, index) => index % 3 > 0).map((id) => ({ hash: customerHash(id), set })), ...named];
    };
    for (const [round, chosen] of ['segment-2', 'segment-3'].entries()) {
      const before = answers();
      const bytes = encodeIncrement({ base, sequence: round + 1, segments: 40 }, changes(chosen));
      let done = false;
      const applied = overlay.applyInSlices(bytes, 0).then(() => {
        done = true;
      });
      let looks = 0;
      for (; !done; looks += 1) {
        expect(overlay.version).toBe(round === 0 ? base : `${base}+${round}`);
        expect(overlay.sequence).toBe(round);
        if (looks % 8 === 0) expect(answers()).toEqual(before);
        expect(() => overlay.apply(bytes)).toThrow('being applied');
        await new Promise((resolve) => setImmediate(resolve));
      }
      await applied;
      expect(looks).toBeGreaterThan(10);
      expect(answers()).toEqual(before.map((segments, index) => (index >= 20_000 || index % 3 > 0 ? chosen : segments)));
      expect(segmentSizes(overlay).get(chosen)).toBe(13_335);
    }
  });

  it('are refused when they belong elsewhere or leave one out, and change nothing then', async () => {
    const overlay = new Overlay(readAudience(await imageOf(one, customerHash)), base);
    const changed = new Map([['bob', ['segment-1']]]);
    expect(() => overlay.apply(incrementOf(2, changed, changed, customerHash))).toThrow('increment 2 comes after 1, not after 0');
    expect(() => overlay.apply(encodeIncrement({ base: 'fedcba9876543210', sequence: 1, segments: 40 }, []))).toThrow(SnapshotCorrupt);
    expect(() => overlay.apply(encodeIncrement({ base, sequence: 1, segments: 39 }, []))).toThrow(SnapshotCorrupt);
    expect(overlay.says(customerHash('bob'), 'bob', segmentSet(segmentIds, []))).toBe(true);
    expect(overlay.sequence).toBe(0);
  });

  it('are what they were, in every format that was', () => {
    const golden = (format: number) => readFileSync(new URL(`../golden/increment.v${format}.bin`, import.meta.url));
    const named = { hash: 7n, customerId: 'dóra', set: segmentSet(segmentIds, ['segment-2']) };
    const place = { base, sequence: 1, segments: 40 };
    const changes = [named, ...decodeIncrement(small()).changes];
    expect(golden(2).equals(encodeIncrement(place, changes))).toBe(true);
    for (const format of [1, 2]) expect(decodeIncrement(golden(format))).toEqual({ ...place, changes });
  });

  it('take nine bytes per customer, and ten or twelve with many sets', () => {
    const bytesFor = (sets: number) => {
      const changes = Array.from({ length: 70_000 }, (_, index) => ({
        hash: BigInt(index),
        set: Uint32Array.of(index % sets, 0),
      }));
      const bytes = encodeIncrement({ base, sequence: 1, segments: 40 }, changes);
      const read = decodeIncrement(bytes).changes;
      expect(read.every(({ set }, index) => set[0] === index % sets)).toBe(true);
      return Math.round((bytes.length - sets * 8) / 70_000);
    };
    expect([256, 257, 65_536, 65_537].map(bytesFor)).toEqual([9, 10, 10, 12]);
  });

  it('are refused when cut at any byte, when any bit is flipped, and when from the future', () => {
    const bytes = small();
    for (let length = 0; length < bytes.length; length += 1) expect(() => decodeIncrement(bytes.slice(0, length))).toThrow(SnapshotCorrupt);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(() => decodeIncrement(flipped)).toThrow(SnapshotCorrupt);
    }
    bytes[8] = 3;
    expect(() => decodeIncrement(bytes)).toThrow('format 3 is newer than the 2 that is known here');
  });
});
