import { type Analytics, type ClientScope, type SegmentCriteria, StatesMoved } from '#libs/analytics';
import type { Criteria } from '#libs/domain';
import {
  AudienceBuilder,
  type Change,
  type CustomerHash,
  customerHash,
  type Interruptible,
  inSlices,
  type Overlay,
  readRows,
  setWidth,
} from '#libs/snapshots';

/**
 * Customers asked for in one question. Those who are told in the order of their hashes lie side by side in the tables, so that each piece is read once; and
 * neither a statement nor its answer grows with how many were touched.
 */
const customersAtOnce = 10_000;
const hashesBetweenLooks = 1_000;
/** Refreshes of the states come seconds apart: one that meets three questions in turn is no chance any more. */
const attemptsMax = 3;

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
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.everyoneAtOnce(question);
      } catch (error) {
        if (!(error instanceof StatesMoved) || attempt === attemptsMax) throw error;
      }
    }
  }

  /** Of these customers, what is not as the audience says it: the changes of an increment, in the order of the customers. */
  async again(question: Question, audience: Pick<Overlay, 'says'>, customerIds: readonly string[]): Promise<Change[]> {
    const changes: Change[] = [];
    for (const customers of await inSlices(this.parts(customerIds))) {
      for (const change of await this.againSome(question, audience, customers)) changes.push(change);
    }
    return changes;
  }

  private async everyoneAtOnce(question: Question): Promise<AudienceBuilder> {
    const builder = new AudienceBuilder(question.segmentIds);
    await builder.take(await this.tables.audience(question));
    const colliding = builder.collidingHashes;
    if (colliding.length === 0) return builder;
    for (const [hash, ids] of await this.customersOf(question, colliding)) {
      for (const id of ids) builder.keepApart(id, hash, await this.setOf(question, id));
    }
    return builder;
  }

  /** So many at once, by their hashes; those of one hash are not parted. */
  private *parts(customerIds: readonly string[]): Interruptible<readonly ReadonlyMap<bigint, readonly string[]>[]> {
    const partOf = new Map<bigint, Map<bigint, string[]>>();
    const parts: Map<bigint, string[]>[] = [];
    let part: Map<bigint, string[]> | undefined;
    for (const [index, id] of customerIds.entries()) {
      const hash = this.hash(id);
      let its = partOf.get(hash);
      if (its === undefined) {
        if (part === undefined || part.size === customersAtOnce) {
          part = new Map();
          parts.push(part);
        }
        its = part;
        partOf.set(hash, its);
      }
      its.set(hash, [...(its.get(hash) ?? []), id]);
      if (index % hashesBetweenLooks === 0) yield;
    }
    return parts;
  }

  private async againSome(
    question: Question,
    audience: Pick<Overlay, 'says'>,
    asked: ReadonlyMap<bigint, readonly string[]>,
  ): Promise<Change[]> {
    const sets = new Map<bigint, Uint32Array>();
    const shared = new Set<bigint>();
    for (const { hash, set } of await readRows(await this.tables.audience({ ...question, only: [...asked.values()].flat() }))) {
      if (sets.has(hash)) shared.add(hash);
      sets.set(hash, set);
    }
    const suspects = new Map<bigint, { ids: readonly string[]; set: Uint32Array }>();
    const empty = new Uint32Array(setWidth(question.segmentIds.length));
    for (const [hash, ids] of asked) {
      // Who is not in the answer is nobody whom an audience holds: in no segment.
      const set = sets.get(hash);
      if (ids.length === 1 && !shared.has(hash) && audience.says(hash, ids[0]!, set)) continue;
      suspects.set(hash, { ids, set: set ?? empty });
    }
    return suspects.size === 0 ? [] : this.changesOf(question, suspects);
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
    for (let at = 0; at < hashes.length; at += customersAtOnce) {
      const asked = hashes.slice(at, at + customersAtOnce).map(String);
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
