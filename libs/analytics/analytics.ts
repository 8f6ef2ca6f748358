import type { Criteria } from '#libs/domain';
import type { Position } from '#libs/event-log';

/** What the questions about a client's customers depend on beside the events. */
export interface ClientScope {
  readonly clientId: string;
  /** IANA name: whole-day windows and visits without a session are by its days. */
  readonly timeZone: string;
  /** The client's own origins, such as `https://shop.example`: their hosts are no arrival. */
  readonly origins: readonly string[];
  readonly currency: string;
}

/** The client's segments that criteria may refer to, by id; active ones and those that others refer to. */
export type SegmentCriteria = Readonly<Record<string, Criteria>>;

/**
 * Customers in rising order of the unsigned 64-bit xxHash64 of their id, as ClickHouse writes RowBinary:
 * per row UInt64 LE hash, then `words` × UInt64 LE: bit i of the words (little-endian across words) says that the customer is in `segmentIds[i]`.
 */
export interface AudienceRows {
  readonly segmentIds: readonly string[];
  readonly words: number;
  /** Whole rows or parts of rows; together, all rows. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface CustomerFields {
  readonly customerId: string;
  /** Customer fields by name, as the admin shows them: counts as numbers, money as decimal strings with four digits, times RFC 3339 in UTC with milliseconds, missing ones null. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Preview {
  readonly size: number;
  readonly knownMembers: number;
  readonly knownCustomers: number;
  /** At most ten, in the order of the customer id's bytes. */
  readonly sample: readonly string[];
}

export interface SummaryRow {
  readonly customers: number;
  readonly purchasers: number;
  readonly orders: number;
  /** Decimal string with four digits. */
  readonly revenue: string;
}

export interface Summary extends SummaryRow {
  readonly newCustomers: number;
  readonly visits: number;
  readonly productViews: number;
  readonly cartAdds: number;
  readonly bySource: readonly (SummaryRow & { readonly source: string })[];
}

export interface TouchedQuery {
  readonly clientId: string;
  readonly after: Position;
  readonly upTo: Position;
  readonly dueAfter: Date;
  readonly dueUpTo: Date;
  readonly max: number;
  /** By what they are to be judged: whom only answers concern is told where one of these fields depends on answers. Absent: told always. */
  readonly judgedBy?: { readonly scope: ClientScope; readonly segments: SegmentCriteria; readonly segmentIds: readonly string[] };
}

export interface Touched {
  readonly customerIds: readonly string[];
  readonly more: boolean;
  /** Position of the earliest event after `after` of these customers; null when there is none. */
  readonly first: Position | null;
}

/** The questions that Vitrine asks of the tables. Each is a named query; times come in as parameters, never from SQL's `now()`. */
export interface Analytics {
  /** Everything in the log up to here is in the tables; null: nothing yet. */
  projectedTo(): Promise<Position | null>;
  /** Resolves when `projectedTo` has reached the position; rejects with NotYet after `timeoutMs`. */
  waitFor(position: Position, timeoutMs: number): Promise<void>;

  /**
   * Judges customers by segments as of a time: all whom an audience holds (known ones, and those on any list of the segments), or of `only` those ids.
   * `segmentIds` chooses and orders the bits; `segments` resolves references.
   * The signal ends it within seconds, also while rows are taken: its reason is thrown.
   */
  audience(query: {
    scope: ClientScope;
    segments: SegmentCriteria;
    segmentIds: readonly string[];
    asOf: Date;
    only?: readonly string[];
    signal?: AbortSignal;
  }): Promise<AudienceRows>;
  /** Ids of all customers whose xxHash64 is one of these (decimal strings): to keep colliding customers apart. */
  customersByHash(clientId: string, hashes: readonly string[]): Promise<readonly string[]>;
  /**
   * Customers with an event (or an answer recorded, where `judgedBy` asks for what answers change) after `after` up to `upTo`, by log position; and those with an event up to `upTo` that was
   * recorded before its time and is due since: its time is after `dueAfter` and not after `dueUpTo`. At most `max`, `more` says there are others.
   * Mostly in the order of the hash: who asks about them part by part then reads each piece of the tables once.
   */
  touched(query: TouchedQuery): Promise<Touched>;

  preview(query: { scope: ClientScope; segments: SegmentCriteria; criteria: Criteria; asOf: Date }): Promise<Preview>;
  /** In the order of the customer id's bytes. `total` counts all that match. */
  customers(query: {
    scope: ClientScope;
    segments: SegmentCriteria;
    filter: Criteria | null;
    asOf: Date;
    after: string | null;
    first: number;
  }): Promise<{ customers: readonly CustomerFields[]; hasNext: boolean; total: number }>;
  /** `period` is half open; null: all time. The filter is judged as of `now`; events after `now` do not count. */
  customerSummary(query: {
    scope: ClientScope;
    segments: SegmentCriteria;
    filter: Criteria | null;
    period: { from: Date; to: Date } | null;
    now: Date;
  }): Promise<Summary>;

  /** Where a recorded answer stands in the log. */
  findDecision(decisionId: string): Promise<{ clientId: string; position: Position } | null>;
  /** Of these message keys (see `messageKey`), which the tables hold already, and from which import (null: not an import). */
  seenMessages(clientId: string, keys: readonly string[]): Promise<ReadonlyMap<string, { importId: string | null }>>;
  close(): Promise<void>;
}

export class AnalyticsUnavailable extends Error {
  readonly code: string = 'ANALYTICS_UNAVAILABLE';
}
/** Rows that the question was to be answered from changed on the way: asked again at once, it is answered by what is there now. */
export class StatesMoved extends AnalyticsUnavailable {
  override readonly code = 'STATES_MOVED';
}
/** The server will not have us: a wrong address, user, password or certificate, or a right that is missing. Somebody has to change a setting. */
export class AnalyticsRefused extends AnalyticsUnavailable {
  override readonly code: string = 'ANALYTICS_REFUSED';
}
export class NotYet extends Error {
  readonly code = 'NOT_YET';
}
