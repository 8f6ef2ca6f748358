import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SnapshotCorrupt } from '../errors.js';
import { type CustomerHash, customerHash } from '../hash.js';
import { type Members, rowsOf } from '../testing/rows.js';
import type { Audience } from './audience.js';
import { AudienceBuilder } from './audience-builder.js';
import { segmentSet } from './membership-table.js';
import { segmentSizes } from './overlay.js';
import { loadAudience, readAudience } from './read-audience.js';

async function build(segmentIds: readonly string[], members: Members, hash: CustomerHash = customerHash, chunkBytes = 1000) {
  const builder = new AudienceBuilder(segmentIds);
  await builder.take(rowsOf(segmentIds, members, { hash, chunkBytes }));
  for (const colliding of builder.collidingHashes) {
    for (const [id, chosen] of members) if (hash(id) === colliding) builder.keepApart(id, colliding, segmentSet(segmentIds, chosen));
  }
  return builder.image();
}

function segmentsIn(audience: Audience, customerId: string, hash: CustomerHash = customerHash): readonly string[] | undefined {
  return audience.memberships[audience.membershipOf(hash(customerId), customerId)];
}

const segmentIds = Array.from({ length: 40 }, (_, index) => `segment-${index}`);
const small: Members = new Map([
  ['ann', ['segment-1', 'segment-39']],
  ['bob', []],
  ['cem', ['segment-1', 'segment-39']],
  ['dóra', ['segment-0']],
  ['эва', ['segment-32']],
  ['fay', []],
]);
const smallIds = ['segment-0', 'segment-1', 'segment-32', 'segment-39'];

describe('an audience image', () => {
  it('answers like a Map, with 40 segments and 100,000 customers', async () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    const members = new Map<string, string[]>();
    for (let index = 0; index < 100_000; index += 1) {
      const about = random();
      members.set(
        `customer-${index}`,
        segmentIds.filter(() => random() < about * 0.2),
      );
    }
    const { bytes, customers, memberships } = await build(segmentIds, members, customerHash, 65_536);
    const audience = readAudience(bytes);
    const wrong = [...members].filter(([id, chosen]) => segmentsIn(audience, id)?.join() !== chosen.join());
    expect(wrong).toEqual([]);
    expect(customers).toBe(members.size);
    expect(audience.customers).toBe(members.size);
    expect(memberships).toBe(new Set([...members.values()].map((chosen) => chosen.join())).size);
    for (let index = 0; index < 100_000; index += 1) {
      const id = `nobody-${index}`;
      if (audience.membershipOf(customerHash(id), id) !== -1) throw new Error(`${id} is taken for a customer`);
    }
    const sizes = segmentSizes(audience);
    for (const segment of segmentIds)
      expect(sizes.get(segment)).toBe([...members.values()].filter((chosen) => chosen.includes(segment)).length);
  });

  it('answers like a Map for whatever members there are, in chunks cut anywhere', async () => {
    const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }), { maxLength: 200 });
    const segments = fc.integer({ min: 0, max: 130 }).map((count) => Array.from({ length: count }, (_, index) => `s${index}`));
    await fc.assert(
      fc.asyncProperty(ids, segments, fc.integer({ min: 1, max: 100 }), fc.integer(), async (customers, names, chunkBytes, salt) => {
        const members = new Map(
          customers.map((id) => [id, names.filter((_, index) => (customerHash(`${id}${salt % 3}`) >> BigInt(index % 64)) % 3n === 0n)]),
        );
        const audience = readAudience((await build(names, members, customerHash, chunkBytes)).bytes);
        for (const [id, chosen] of members) expect(segmentsIn(audience, id)).toEqual(chosen);
        expect(audience.membershipOf(customerHash('someone else entirely'), 'someone else entirely')).toBe(-1);
      }),
      { numRuns: 100 },
    );
  });

  it('is the same bytes for the same customers', async () => {
    const one = await build(smallIds, small);
    const other = await build(smallIds, new Map([...small].reverse()), customerHash, 7);
    expect(Buffer.from(other.bytes).equals(one.bytes)).toBe(true);
  });

  it('is other bytes in another edition, and answers alike', async () => {
    const builder = new AudienceBuilder(smallIds);
    await builder.take(rowsOf(smallIds, small));
    const [one, other] = [builder.image(), builder.image(1_800_000_000_000)];
    expect(Buffer.from(other.bytes).equals(one.bytes)).toBe(false);
    for (const [id, chosen] of small) expect(segmentsIn(readAudience(other.bytes), id)).toEqual(chosen);
  });

  it('is what it was', async () => {
    const file = new URL('../golden/audience.v1.bin', import.meta.url);
    const { bytes } = await build(smallIds, small);
    const golden = readFileSync(file);
    expect(golden.equals(bytes)).toBe(true);
    const audience = readAudience(golden);
    for (const [id, chosen] of small) expect(segmentsIn(audience, id)).toEqual(chosen);
  });

  it('can be empty', async () => {
    const { bytes, customers, memberships } = await build([], new Map());
    expect({ customers, memberships }).toEqual({ customers: 0, memberships: 0 });
    const audience = readAudience(bytes);
    expect(audience.membershipOf(customerHash('ann'), 'ann')).toBe(-1);
    expect(audience.memberships).toEqual([]);
  });

  it('is refused when it is cut at any byte, or longer', async () => {
    const { bytes } = await build(smallIds, small);
    for (let length = 0; length < bytes.length; length += 1) expect(() => readAudience(bytes.slice(0, length))).toThrow(SnapshotCorrupt);
    expect(() => readAudience(Buffer.concat([bytes, Buffer.alloc(8)]))).toThrow(SnapshotCorrupt);
  });

  it('is refused when any bit is flipped', async () => {
    const { bytes } = await build(smallIds, small);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(() => readAudience(flipped)).toThrow(SnapshotCorrupt);
    }
  });

  it('is refused with the reason when it is from the future', async () => {
    const { bytes } = await build(smallIds, small);
    bytes[8] = 2;
    expect(() => readAudience(bytes)).toThrow('format 2 is newer than the 1 that is known here');
  });

  it('is the same made and read in slices', async () => {
    const builder = new AudienceBuilder(smallIds);
    await builder.take(rowsOf(smallIds, small));
    const { bytes } = await builder.imageInSlices();
    expect(Buffer.from(bytes).equals(builder.image().bytes)).toBe(true);
    expect(segmentsIn(await loadAudience(bytes), 'ann')).toEqual(['segment-1', 'segment-39']);
    await expect(loadAudience(bytes.slice(1))).rejects.toThrow(SnapshotCorrupt);
  });

  it('reads from any place in a buffer', async () => {
    const { bytes } = await build(smallIds, small);
    const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(segmentsIn(readAudience(shifted), 'ann')).toEqual(['segment-1', 'segment-39']);
  });
});

describe('customers whose hashes collide', () => {
  /** Hashes that share the prefix in groups, and are wholly equal in smaller ones. */
  const crowded: CustomerHash = (id) => {
    const number = BigInt(id.replace(/\D/g, ''));
    return ((number % 50n) << 58n) | ((number / 50n) % 3n);
  };

  it('are kept apart by the whole hash, and by the id where that is equal too', async () => {
    const members = new Map(Array.from({ length: 400 }, (_, index) => [`c${index}`, index % 2 === 0 ? [`segment-${index % 40}`] : []]));
    const { bytes, customers } = await build(segmentIds, members, crowded);
    const audience = readAudience(bytes);
    expect(customers).toBe(400);
    for (const [id, chosen] of members) expect(segmentsIn(audience, id, crowded)).toEqual(chosen);
    expect(segmentsIn(audience, 'c1000000', crowded)).toBeUndefined();
    expect(Array.from(audience.sizes()).reduce((sum, size) => sum + size, 0)).toBe(400);
  });

  it('must be told apart before there is an image', async () => {
    const builder = new AudienceBuilder(smallIds);
    await builder.take(rowsOf(smallIds, small, { hash: () => 5n }));
    expect(builder.collidingHashes).toEqual([5n]);
    expect(() => builder.image()).toThrow(RangeError);
  });

  it('are found in a bucket that is full of them', async () => {
    const members = new Map(Array.from({ length: 3000 }, (_, index) => [`c${index}`, [`segment-${index % 40}`]]));
    const flooded: CustomerHash = (id) => BigInt(id.replace(/\D/g, '')) << 20n;
    const audience = readAudience((await build(segmentIds, members, flooded)).bytes);
    for (const [id, chosen] of members) expect(segmentsIn(audience, id, flooded)).toEqual(chosen);
    expect(audience.membershipOf(3001n << 20n, 'x')).toBe(-1);
    expect(audience.membershipOf((5n << 20n) + (1n << 41n), 'x')).toBe(-1);
  });
});

describe('a stream of customers', () => {
  const take = async (bytes: Uint8Array, words = 1) => new AudienceBuilder(['a']).take({ segmentIds: ['a'], words, chunks: [bytes] });
  const row = (hash: bigint, set: bigint) => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(hash, 0);
    bytes.writeBigUInt64LE(set, 8);
    return bytes;
  };

  it('is refused when it ends within a row, is out of order, or says a segment that was not asked for', async () => {
    await expect(take(row(1n, 0n).subarray(0, 15))).rejects.toThrow('ends within a row');
    await expect(take(Buffer.concat([row(2n, 0n), row(1n, 1n)]))).rejects.toThrow('order');
    await expect(take(row(2n, 2n))).rejects.toThrow('not asked for');
    await expect(take(row(2n, 1n), 0)).rejects.toThrow('0 words cannot say 1 segments');
  });
});
