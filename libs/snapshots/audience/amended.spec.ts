import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CustomerHash, customerHash } from '../hash.js';
import { type Members, rowsOf } from '../testing/rows.js';
import { AudienceBuilder } from './audience-builder.js';
import type { Change } from './increment.js';
import { segmentSet } from './membership-table.js';
import { segmentSizes } from './overlay.js';
import { readAudience } from './read-audience.js';

const segmentIds = Array.from({ length: 40 }, (_, index) => `segment-${index}`);
/** Few different hashes: many customers share one. */
const crowded: CustomerHash = (id) => (customerHash(id) % 97n) << 57n;

async function builderOf(members: Members, hash: CustomerHash): Promise<AudienceBuilder> {
  const builder = new AudienceBuilder(segmentIds);
  await builder.take(rowsOf(segmentIds, members, { hash }));
  for (const colliding of builder.collidingHashes) {
    for (const [id, chosen] of members) if (hash(id) === colliding) builder.keepApart(id, colliding, segmentSet(segmentIds, chosen));
  }
  return builder;
}

/** Whoever shares a hash with one who changed is named with them. */
function changesOf(changed: Members, known: Members, hash: CustomerHash): Change[] {
  return [...new Set([...changed.keys()].map(hash))].flatMap((own) => {
    const sharing = [...known].filter(([id]) => hash(id) === own);
    return sharing.map(([customerId, chosen]) => {
      const set = segmentSet(segmentIds, chosen);
      return sharing.length > 1 ? { hash: own, customerId, set } : { hash: own, set };
    });
  });
}

const customer = fc.integer({ min: 0, max: 150 }).map((number) => `customer-${number}`);
const set = fc.uniqueArray(fc.constantFrom(...segmentIds.slice(0, 5), 'segment-39'), { maxLength: 4 });
const changes = fc.array(fc.tuple(customer, set), { maxLength: 60 });

describe('rows that are amended', () => {
  it('give the same bytes as rows that had said so from the beginning', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.array(changes, { maxLength: 4 }), async (before, rounds) => {
        const members = new Map<string, readonly string[]>(before);
        const builder = await builderOf(members, customerHash);
        for (const round of rounds) {
          const changed = new Map(round);
          for (const [id, chosen] of changed) members.set(id, chosen);
          await builder.amendInSlices(changesOf(changed, members, customerHash));
        }
        expect(Buffer.compare(builder.image().bytes, (await builderOf(members, customerHash)).image().bytes)).toBe(0);
      }),
    );
  });

  it('say of customers whose hashes collide what was said last', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.array(changes, { maxLength: 4 }), async (before, rounds) => {
        const members = new Map<string, readonly string[]>(before);
        const builder = await builderOf(members, crowded);
        for (const round of rounds) {
          const changed = new Map(round);
          for (const [id, chosen] of changed) members.set(id, chosen);
          await builder.amendInSlices(changesOf(changed, members, crowded));
        }
        const { bytes, customers } = builder.image();
        const audience = readAudience(bytes);
        expect(customers).toBe(members.size);
        for (const [id, chosen] of members) {
          expect([...(audience.memberships[audience.membershipOf(crowded(id), id)] ?? ['nobody'])].sort()).toEqual([...chosen].sort());
          expect(builder.says(crowded(id), id, segmentSet(segmentIds, chosen))).toBe(true);
          expect(builder.says(crowded(id), id, segmentSet(segmentIds, ['segment-20']))).toBe(false);
        }
        expect(builder.says(customerHash('stranger'), 'stranger', undefined)).toBe(true);
        expect(builder.says(customerHash('stranger'), 'stranger', segmentSet(segmentIds, []))).toBe(false);
        for (const [segment, size] of segmentSizes(audience)) {
          expect(size).toBe([...members.values()].filter((chosen) => chosen.includes(segment)).length);
        }
      }),
    );
  });

  it('are put together beyond a chunk of rows', async () => {
    const many = new Map(Array.from({ length: 150_000 }, (_, index) => [`customer-${index}`, ['segment-1']] as const));
    const builder = await builderOf(many, customerHash);
    const later = Array.from({ length: 3_000 }, (_, index) => `customer-${index * 51}`);
    const all = new Map<string, readonly string[]>([...many, ...later.map((id) => [id, ['segment-2']] as const)]);
    await builder.amendInSlices(later.map((id) => ({ hash: customerHash(id), set: segmentSet(segmentIds, ['segment-2']) })));
    expect(Buffer.compare(builder.image().bytes, (await builderOf(all, customerHash)).image().bytes)).toBe(0);
  });
});
