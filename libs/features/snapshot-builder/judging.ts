import type { Analytics, ClientScope, SegmentCriteria } from '#libs/analytics';
import type { Criteria } from '#libs/domain';
import { AudienceBuilder, type Change, type CustomerHash, customerHash, type Overlay, readRows, setWidth } from '#libs/snapshots';

/** Hashes asked for in one question. */
const hashesAtOnce = 5_000;

/** What customers are judged by. */
export interface Question {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly segmentIds: readonly string[];
  readonly asOf: Date;
}

type Tables = Pick<Analytics, 'audience' | 'customersByHash'>;

/** Judges customers by segments from the tables, and keeps those apart whose hashes are equal. */
export class Judging {
  private listedByHash: { readonly segments: SegmentCriteria; readonly ids: ReadonlyMap<bigint, readonly string[]> } | undefined;

  constructor(
    private readonly tables: Tables,
    private readonly hash: CustomerHash = customerHash,
  ) {}

  /** All customers: a builder that is ready to give the image. */
  async everyone(question: Question): Promise<AudienceBuilder> {
    const builder = new AudienceBuilder(question.segmentIds);
    await builder.take(await this.tables.audience(question));
    const colliding = builder.collidingHashes;
    if (colliding.length === 0) return builder;
    for (const [hash, ids] of await this.customersOf(question, colliding)) {
      for (const id of ids) builder.keepApart(id, hash, await this.setOf(question, id));
    }
    return builder;
  }

  /** Of these customers, what is not as the audience says it: the changes of an increment. */
  async again(question: Question, audience: Pick<Overlay, 'isIn'>, customerIds: readonly string[]): Promise<Change[]> {
    const sets = new Map<bigint, Uint32Array>();
    const suspects = new Map<bigint, { ids: string[]; set: Uint32Array }>();
    const empty = new Uint32Array(setWidth(question.segmentIds.length));
    const shared = new Set<bigint>();
    for (const { hash, set } of await readRows(await this.tables.audience({ ...question, only: customerIds }))) {
      if (sets.has(hash)) shared.add(hash);
      sets.set(hash, set);
    }
    for (const id of customerIds) {
      const hash = this.hash(id);
      const before = suspects.get(hash);
      // Who is not in the answer is nobody whom an audience holds: in no segment.
      const set = sets.get(hash) ?? empty;
      if (before !== undefined) {
        before.ids.push(id);
        shared.add(hash);
      } else suspects.set(hash, { ids: [id], set });
    }
    for (const [hash, { ids, set }] of suspects) if (!shared.has(hash) && audience.isIn(hash, ids[0]!, set)) suspects.delete(hash);
    if (suspects.size === 0) return [];
    return this.changesOf(question, suspects);
  }

  /** One change per hash, or one per customer where several have it. */
  private async changesOf(
    question: Question,
    suspects: ReadonlyMap<bigint, { ids: readonly string[]; set: Uint32Array }>,
  ): Promise<Change[]> {
    const customers = await this.customersOf(question, [...suspects.keys()]);
    const changes: Change[] = [];
    for (const [hash, { ids, set }] of suspects) {
      const sharing = new Set([...(customers.get(hash) ?? []), ...ids]);
      if (sharing.size === 1) changes.push({ hash, set });
      else for (const customerId of sharing) changes.push({ hash, customerId, set: await this.setOf(question, customerId) });
    }
    return changes;
  }

  /** Who has each of these hashes: customers whom the tables know, and those on the segments' lists. */
  private async customersOf(question: Question, hashes: readonly bigint[]): Promise<Map<bigint, Set<string>>> {
    const customers = new Map(hashes.map((hash) => [hash, new Set<string>()]));
    for (let at = 0; at < hashes.length; at += hashesAtOnce) {
      const asked = hashes.slice(at, at + hashesAtOnce).map(String);
      for (const id of await this.tables.customersByHash(question.scope.clientId, asked)) customers.get(this.hash(id))?.add(id);
    }
    const listed = this.listed(question.segments);
    for (const [hash, ids] of customers) for (const id of listed.get(hash) ?? []) ids.add(id);
    return customers;
  }

  private async setOf(question: Question, customerId: string): Promise<Uint32Array> {
    const [row] = await readRows(await this.tables.audience({ ...question, only: [customerId] }));
    return row?.set ?? new Uint32Array(setWidth(question.segmentIds.length));
  }

  /** By hash, the ids on any list of these segments. Kept for as long as the segments are the same object. */
  private listed(segments: SegmentCriteria): ReadonlyMap<bigint, readonly string[]> {
    if (this.listedByHash?.segments === segments) return this.listedByHash.ids;
    const ids = new Map<bigint, string[]>();
    for (const id of new Set(Object.values(segments).flatMap(listedIds))) {
      const hash = this.hash(id);
      ids.set(hash, [...(ids.get(hash) ?? []), id]);
    }
    this.listedByHash = { segments, ids };
    return ids;
  }
}

function listedIds(criteria: Criteria): readonly string[] {
  if ('customers' in criteria) return criteria.customers;
  if ('all' in criteria) return criteria.all.flatMap(listedIds);
  if ('any' in criteria) return criteria.any.flatMap(listedIds);
  return 'not' in criteria ? listedIds(criteria.not) : [];
}
