/** The port of the event log: two verbs to write and read a stream, and the whole log in order. */

declare const position: unique symbol;
/**
 * A place in the whole log: rises from event to event, with gaps; opaque but for its order. Outside (GraphQL, HTTP, files) it is
 * written as a decimal string. EventStoreDB's events written over gRPC have commit = prepare, so that one number says both.
 */
export type Position = bigint & { readonly [position]: true };

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** What every event's metadata says; more may stand beside it. */
export type EventMetadata = JsonObject & {
  /** Version of the shape of `data`, from 1; read by the concept's codec. */
  readonly schema: number;
  readonly clientId: string;
  /** Who: `key:<keyId>`, `node:<nodeId>`, `system`. */
  readonly actor: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly node?: string;
};

export interface NewEvent {
  /** A UUID. Repeating an append with the same ids at the same place is the same append. */
  readonly id: string;
  /** Such as `SegmentDefined`; never empty. */
  readonly type: string;
  readonly data: JsonObject;
  readonly metadata: EventMetadata;
}

/**
 * A new event whose data and metadata stand as JSON already, each the text of one object: whoever makes it answers for that. A log takes the texts as they
 * are; to anyone else it is an event like others.
 */
export class WrittenEvent implements NewEvent {
  constructor(
    readonly id: string,
    readonly type: string,
    readonly dataJson: string,
    readonly metadataJson: string,
  ) {}

  get data(): JsonObject {
    return jsonObject(this.dataJson, 'data') as JsonObject;
  }

  get metadata(): EventMetadata {
    return jsonObject(this.metadataJson, 'metadata') as EventMetadata;
  }

  toJSON(): NewEvent {
    const { id, type, data, metadata } = this;
    return { id, type, data, metadata };
  }
}

/** What a text says that is to stand in a log. @throws InvalidEvent for anything but a JSON object: nobody could read past it. */
export function jsonObject(text: string, what: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InvalidEvent(`${what} is no JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidEvent(`${what} is no JSON object`);
  return value;
}

/** As it stands in a log. @throws InvalidEvent for anything but an object that JSON can say. */
export function jsonText(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : undefined;
  } catch (cause) {
    throw new InvalidEvent(`${what} cannot be written as JSON`, { cause });
  }
  if (text === undefined) throw new InvalidEvent(`${what} is no JSON object`);
  return text;
}

export interface RecordedEvent extends NewEvent {
  /** `<category>-<clientId>` or `<category>-<clientId>.<id>`. */
  readonly stream: string;
  /** Place in its stream, from 0. */
  readonly revision: bigint;
  readonly position: Position;
  readonly recordedAt: Date;
}

/** `noStream`: nothing was ever appended, or it was deleted. A bigint is the revision of the stream's last event. */
export type ExpectedRevision = bigint | 'any' | 'noStream' | 'streamExists';

export interface AppendResult {
  /** Revision of the last event of the append. */
  readonly revision: bigint;
  /** Position of the last event of the append. */
  readonly position: Position;
}

/** Which events of the whole log: of any of these categories (the stream's name before the first `-`) and any of these types. Absent: all. */
export interface LogFilter {
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
}

export interface ReadAllOptions {
  /** Exclusive: the position of an event read before, or null for the beginning. */
  readonly after: Position | null;
  readonly filter?: LogFilter;
  readonly maxCount?: number;
}

export interface SubscribeOptions {
  readonly after: Position | null;
  readonly filter?: LogFilter;
  /** Ends the subscription without an error. */
  readonly signal: AbortSignal;
  /** At most so many events in one message; 1,000 when absent. */
  readonly batchMax?: number;
}

/**
 * What a subscription says, in log order. `events` is never empty. `caughtUp` says that everything up to `position` (null: an empty log)
 * has been said or does not match; it comes after the existing events and again whenever the subscription has nothing more to say,
 * so that a filtered reader knows how far the log has gone.
 */
export type LogMessage =
  | { readonly kind: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly kind: 'caughtUp'; readonly position: Position | null };

export interface EventLog {
  /**
   * Appends all or nothing; when it has returned, the events survive `kill -9` and power loss.
   * Idempotent as EventStoreDB is: the same ids at the same expected revision give the first answer again
   * (docs/adr/ on the event log says what that does not cover).
   * @throws RevisionConflict when the stream is elsewhere; AppendTooLarge past `appendBytesMax`; InvalidEvent for an empty type, an id that is
   * no UUID, data that is no JSON, or no events at all; StreamDeleted; EventLogUnavailable (retryable).
   */
  append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult>;

  /** The stream's events; nothing when there is no such stream. `fromRevision` is inclusive; backwards begins at the end when it is absent. */
  readStream(
    stream: string,
    options?: { readonly direction?: 'forwards' | 'backwards'; readonly fromRevision?: bigint; readonly maxCount?: number },
  ): AsyncIterable<RecordedEvent>;

  readAll(options: ReadAllOptions): AsyncIterable<RecordedEvent>;

  /** The event at exactly this position, or undefined. */
  readAt(position: Position): Promise<RecordedEvent | undefined>;

  /** Position of the newest event; null when the log is empty. */
  lastPosition(): Promise<Position | null>;

  /** Existing events after `after`, then new ones as they come, from this or any other process. Back-pressure by iteration; leaving the loop ends it. */
  subscribe(options: SubscribeOptions): AsyncIterable<LogMessage>;

  /** Deletes a stream's events from reads of the stream; a later append goes on with its revisions. Used for retention. */
  deleteStream(stream: string, expected: ExpectedRevision): Promise<void>;

  close(): Promise<void>;
}

/** At most so many bytes of data and metadata in one append (EventStoreDB refuses more than 1 MiB). */
export const appendBytesMax = 1024 * 1024;

export class RevisionConflict extends Error {
  readonly code = 'REVISION_CONFLICT';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    readonly actual: bigint | 'noStream',
  ) {
    super(`stream ${stream} is at revision ${actual}, expected ${expected}`);
  }
}

export class InvalidEvent extends Error {
  readonly code = 'INVALID_EVENT';
}

export class AppendTooLarge extends Error {
  readonly code = 'APPEND_TOO_LARGE';
}

export class StreamDeleted extends Error {
  readonly code = 'STREAM_DELETED';
}

/** The log cannot be reached or written now; try again. */
export class EventLogUnavailable extends Error {
  readonly code: string = 'EVENT_LOG_UNAVAILABLE';
}

export function parsePosition(text: string): Position | undefined {
  return /^\d{1,20}$/.test(text) ? (BigInt(text) as Position) : undefined;
}

export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash < 0 ? stream : stream.slice(0, dash);
}
