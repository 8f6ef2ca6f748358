/** One event as it stands in the store. */
export interface EventRecord {
  readonly position: number;
  readonly streamId: number;
  readonly kindId: number;
  readonly recordedAtMs: number;
  readonly revision: number;
  /** A UUID in lower case. */
  readonly id: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

/** What the store holds at one key: events that follow one another, in their stream and in the log. */
export interface StoredEvents {
  readonly streamId: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly firstRevision: number;
  readonly lastRevision: number;
  /** `position`: from the first to the last. */
  at(position: number): EventRecord;
}
