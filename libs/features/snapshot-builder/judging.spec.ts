import { describe, expect, it } from '@jest/globals';
import { type AudienceRows, StatesMoved } from '#libs/analytics';
import { type CustomerHash, customerHash, Overlay, readAudience, segmentSet } from '#libs/snapshots';
import { rowsOf } from '#libs/snapshots/testing';
import { Judging, type Question } from './judging.js';

const question: Question = {
  scope: { clientId: 'shop', timeZone: 'UTC', origins: [], currency: 'EUR' },
  segments: { even: { all: [] }, odd: { all: [] } },
  segmentIds: ['even', 'odd'],
  asOf: new Date('2026-11-23T12:00:00Z'),
};

/** Tables that know so many customers, each in one of the two segments. */
class Numbered {
  readonly members: Map<string, readonly string[]>;
  readonly asked: (readonly string[] | undefined)[] = [];
  /** So many answers more end in their middle. */
  moves = 0;

  constructor(
    count: number,
    private readonly hash: CustomerHash = customerHash,
  ) {
    this.members = new Map(Array.from({ length: count }, (_, index) => [`c${index}`, [index % 2 === 0 ? 'even' : 'odd']]));
  }

  async audience({ segmentIds, only }: { segmentIds: readonly string[]; only?: readonly string[] }): Promise<AudienceRows> {
    this.asked.push(only);
    const ids = only ?? [...this.members.keys()];
    const members = new Map(ids.flatMap((id) => (this.members.has(id) ? [[id, this.members.get(id)!] as const] : [])));
    const { words, chunks } = rowsOf(segmentIds, members, { hash: this.hash, chunkBytes: 16_000 });
    return { segmentIds, words, chunks: this.cut(chunks) };
  }

  async customersByHash(_: string, hashes: readonly string[]): Promise<readonly string[]> {
    const wanted = new Set(hashes);
    return [...this.members.keys()].filter((id) => wanted.has(String(this.hash(id))));
  }

  private async *cut(chunks: AudienceRows['chunks'] | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let sent = 0;
    for await (const chunk of chunks) {
      if (sent > 0 && this.moves > 0) {
        this.moves -= 1;
        throw new StatesMoved('the states changed');
      }
      yield chunk;
      sent += 1;
    }
  }
}

describe('judging', () => {
  it('begins anew when rows changed while all customers were read, and gives up when they do so every time', async () => {
    const tables = new Numbered(5_000);
    tables.moves = 2;
    const judging = new Judging(tables);
    const audience = readAudience((await judging.everyone(question)).image().bytes);
    expect(audience.customers).toBe(5_000);
    expect(tables.asked).toHaveLength(3);
    tables.moves = 3;
    await expect(judging.everyone(question)).rejects.toMatchObject({ code: 'STATES_MOVED' });
  });

  it('asks about many customers part by part, and parts none of those who have one hash', async () => {
    const shared: CustomerHash = (id) => (id === 'c0' || id === 'c44999' ? 7n : customerHash(id));
    const tables = new Numbered(45_000, shared);
    const judging = new Judging(tables, shared);
    const changes = await judging.again(question, { says: () => false }, [...tables.members.keys()]);
    const many = tables.asked.filter((only) => (only?.length ?? 0) > 1);
    expect(many.map((only) => only?.length)).toEqual([10_001, 10_000, 10_000, 10_000, 4_999]);
    expect(many[0]).toContain('c44999');
    expect(changes).toHaveLength(45_000);
    expect(changes.filter(({ customerId }) => customerId !== undefined).map(({ customerId }) => customerId)).toEqual(['c0', 'c44999']);
  });

  it('finds no change in customers who are as the audience says, nor in those of whom nothing is known', async () => {
    const tables = new Numbered(100);
    const judging = new Judging(tables);
    const overlay = new Overlay(readAudience((await judging.everyone(question)).image().bytes), '0123456789abcdef');
    tables.members.set('c7', ['even']);
    const changes = await judging.again(question, overlay, [...tables.members.keys(), 'stranger']);
    expect(changes).toEqual([{ hash: customerHash('c7'), set: segmentSet(question.segmentIds, ['even']) }]);
  });
});
