import type { Analytics, AudienceRows, ClientScope, SegmentCriteria, Touched, TouchedQuery } from '#libs/analytics';
import type { Criteria } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { type CustomerHash, customerHash } from '#libs/snapshots';
import { rowsOf } from '#libs/snapshots/testing';
import { judge, knownCustomers, type OracleEvent } from '../../../analytics/testing/oracle.js';

type Tables = Pick<Analytics, 'projectedTo' | 'audience' | 'customersByHash' | 'touched'>;

/** One client's tables, answered by the oracle from a list of events: for builders' tests where the way of building is looked at. */
export class TablesInMemory implements Tables {
  events: OracleEvent[] = [];
  /** Everything up to here has been projected; events beyond it are not seen. */
  upTo: Position | null = null;
  /** Thrown by the next questions. */
  failure: Error | undefined;
  asked: { readonly only: readonly string[] | undefined }[] = [];

  constructor(private readonly hash: CustomerHash = customerHash) {}

  async projectedTo(): Promise<Position | null> {
    return this.upTo;
  }

  async audience(query: {
    scope: ClientScope;
    segments: SegmentCriteria;
    segmentIds: readonly string[];
    asOf: Date;
    only?: readonly string[];
    signal?: AbortSignal;
  }): Promise<AudienceRows> {
    if (this.failure !== undefined) throw this.failure;
    this.asked.push({ only: query.only });
    return rowsOf(query.segmentIds, this.members(query), { hash: this.hash }) as AudienceRows;
  }

  /** Who is in which segments, in plain code. */
  members({ scope, segments, segmentIds, asOf, only }: Parameters<TablesInMemory['audience']>[0]): Map<string, string[]> {
    const events = this.projected();
    const members = new Map<string, string[]>();
    const listed = segmentIds.flatMap((id) => listedIds(segments[id]!));
    for (const id of [...knownCustomers({ events, asOf }), ...listed]) if (only === undefined || only.includes(id)) members.set(id, []);
    for (const segmentId of segmentIds) {
      for (const id of judge({ events, scope, segments, criteria: segments[segmentId]!, asOf })) members.get(id)?.push(segmentId);
    }
    return members;
  }

  async customersByHash(_clientId: string, hashes: readonly string[]): Promise<readonly string[]> {
    const ids = new Set(
      this.projected()
        .filter((event) => event.type !== 'Content Served')
        .map((event) => event.customerId),
    );
    return [...ids].filter((id) => hashes.includes(String(this.hash(id))));
  }

  /** Nobody says here when an event was recorded: any whose time is in the span may be one of the future. */
  async touched({ after, upTo, dueAfter, dueUpTo, max }: TouchedQuery): Promise<Touched> {
    const events = this.events.filter(({ position }) => position > after && position <= upTo);
    const due = this.events.filter(({ position, time }) => {
      const at = Date.parse(time);
      return position <= upTo && at > dueAfter.getTime() && at <= dueUpTo.getTime();
    });
    const ids = new Set([...events, ...due].map((event) => event.customerId));
    const first = events[0] === undefined ? null : (events[0].position as Position);
    return { customerIds: [...ids].slice(0, max), more: ids.size > max, first };
  }

  private projected(): OracleEvent[] {
    return this.events.filter(({ position }) => this.upTo !== null && position <= this.upTo);
  }
}

function listedIds(criteria: Criteria): readonly string[] {
  if ('customers' in criteria) return criteria.customers;
  if ('all' in criteria) return criteria.all.flatMap(listedIds);
  if ('any' in criteria) return criteria.any.flatMap(listedIds);
  return 'not' in criteria ? listedIds(criteria.not) : [];
}
