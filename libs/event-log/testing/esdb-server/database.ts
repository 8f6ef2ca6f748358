import { appendFileSync, closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';

/** One record of the log, as the server keeps it. Positions rise by the size of what was written, as the real server's do. */
export interface StoredEvent {
  readonly id: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  readonly createdMs: number;
}

export type ProposedEvent = Pick<StoredEvent, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>;
export type Expected = bigint | 'any' | 'no_stream' | 'stream_exists';

export type AppendOutcome =
  /** Prepare is the first event's position, commit the last's; of a repeated append both are the first's, the least that can be said. */
  | { readonly kind: 'appended'; readonly revision: bigint; readonly prepare: bigint; readonly commit: bigint }
  /** `actual` -1: there is no such stream. */
  | { readonly kind: 'wrong-expected-version'; readonly actual: bigint }
  | { readonly kind: 'stream-deleted' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'invalid' };

interface Stream {
  readonly events: StoredEvent[];
  /** Newest revision by event id: what the real server keeps in memory for appends with `any`, and forgets when it ends. */
  recent: Map<string, number>;
  tombstoned: boolean;
}

export const appendBytesMax = 1024 * 1024;
const deletedForNow = 9_223_372_036_854_775_807n;
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** How long after the acknowledgement of an append a deleted stream comes back. */
const undeleteMs = 30;

/**
 * What the test server knows, apart from its connections, so that it survives a restart of the server and two servers can be one cluster.
 * The rules are those that a real server showed (`../shared/reference/eventstoredb` beside the clone).
 */
export class EsdbDatabase {
  readonly log: StoredEvent[] = [];
  private readonly streams = new Map<string, Stream>();
  private readonly byPosition = new Map<bigint, number>();
  private readonly listeners = new Set<() => void>();
  private fd: number | undefined;
  private closed = false;
  private end = 0n;

  /** With a file the records outlive the process; a line that a kill cut short is dropped. */
  constructor(file?: string) {
    if (file !== undefined && existsSync(file)) for (const record of recordsIn(file)) this.keep(record);
    if (file !== undefined) this.fd = openSync(file, 'a');
    for (const [name, { events }] of this.streams) {
      const deletion = this.streams.get(`$$${name}`)?.events.at(-1);
      const newest = events.at(-1);
      if (deletion && newest && this.isDeleted(name) && newest.position > deletion.position) this.undelete(name, newest.revision);
    }
    this.forget();
    // A real log is never empty: it begins with what the server says to itself.
    if (this.log.length === 0) this.write('$users', [jsonEvent('$UserCreated', { loginName: 'admin' })]);
  }

  /** As a restart of the server: appends with `any` no longer know what was written before. */
  forget(): void {
    for (const stream of this.streams.values()) stream.recent = new Map();
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    this.closed = true;
  }

  /** Calls back after each write; answers what ends that. */
  onWrite(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  append(name: string, events: readonly ProposedEvent[], expected: Expected): AppendOutcome {
    const stream = this.streams.get(name);
    if (stream?.tombstoned) return { kind: 'stream-deleted' };
    if (events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0) > appendBytesMax) return { kind: 'too-large' };
    if (events.some(({ id, type }) => type === '' || !uuidForm.test(id))) return { kind: 'invalid' };
    const last = BigInt((stream?.events.length ?? 0) - 1);
    const wrong = { kind: 'wrong-expected-version', actual: last } as const;
    if (expected === 'any' || expected === 'stream_exists') {
      if (expected === 'stream_exists' && last < 0n) return wrong;
      const known = events[0] && stream?.recent.get(events[0].id);
      if (stream && known !== undefined) return this.repeated(stream, known, events) ?? wrong;
    } else {
      const after = expected === 'no_stream' ? -1n : expected;
      if (after > last) return wrong;
      if (stream && after < last) {
        const repeated = events.length > 0 ? this.repeated(stream, Number(after) + 1, events) : undefined;
        if (repeated) return repeated;
        if (expected !== 'no_stream' || !this.isDeleted(name)) return wrong;
      }
    }
    if (events.length === 0) return { kind: 'appended', revision: last < 0n ? 0n : last, prepare: this.end, commit: this.end };
    const deleted = this.isDeleted(name);
    const written = this.write(name, events);
    if (deleted) setTimeout(() => this.undelete(name, last + 1n), undeleteMs).unref();
    return written;
  }

  /** A soft delete: the events stay in the log, and reads of the stream begin after them. */
  delete(name: string, expected: Expected): AppendOutcome {
    const stream = this.streams.get(name);
    if (stream?.tombstoned) return { kind: 'stream-deleted' };
    const last = BigInt((stream?.events.length ?? 0) - 1);
    if (!matches(expected, last)) return { kind: 'wrong-expected-version', actual: last };
    return this.write(`$$${name}`, [jsonEvent('$metadata', { $tb: Number(deletedForNow) })]);
  }

  tombstone(name: string, expected: Expected): AppendOutcome {
    const stream = this.streams.get(name);
    if (stream?.tombstoned) return { kind: 'stream-deleted' };
    const last = BigInt((stream?.events.length ?? 0) - 1);
    if (!matches(expected, last)) return { kind: 'wrong-expected-version', actual: last };
    return this.write(name, [jsonEvent('$streamDeleted', {})]);
  }

  /** The events that reads of the stream show; `missing` also while it is deleted. */
  visible(name: string): readonly StoredEvent[] | 'missing' | 'stream-deleted' {
    const stream = this.streams.get(name);
    if (stream?.tombstoned) return 'stream-deleted';
    if (!stream || this.isDeleted(name)) return 'missing';
    const { $maxCount, $maxAge, $tb } = this.settings(name);
    const from = Math.max($maxCount === undefined ? 0 : stream.events.length - $maxCount, $tb ?? 0);
    const since = $maxAge === undefined ? 0 : Date.now() - $maxAge * 1000;
    return stream.events.filter(({ revision, createdMs }) => revision >= BigInt(from) && createdMs >= since);
  }

  /** The place in `log` of the record at this position; -1 when there is none there, the log's length beyond its end. */
  indexOf(position: bigint): number {
    return this.byPosition.get(position) ?? (position >= this.end ? this.log.length : -1);
  }

  private isDeleted(name: string): boolean {
    return BigInt(this.settings(name).$tb ?? 0) >= deletedForNow;
  }

  private undelete(name: string, from: bigint): void {
    if (!this.closed && this.isDeleted(name)) this.write(`$$${name}`, [jsonEvent('$metadata', { $tb: Number(from) })]);
  }

  private settings(name: string): { $maxCount?: number; $maxAge?: number; $tb?: number } {
    const newest = this.streams.get(`$$${name}`)?.events.at(-1);
    // What a metadata stream holds is what clients set there.
    return newest ? (JSON.parse(Buffer.from(newest.data).toString()) as { $tb?: number }) : {};
  }

  private repeated(stream: Stream, from: number, events: readonly ProposedEvent[]): AppendOutcome | undefined {
    const stands = events.every(({ id }, index) => stream.events[from + index]?.id === id.toLowerCase());
    const [first, last] = [stream.events[from], stream.events[from + events.length - 1]];
    if (!stands || !first || !last) return undefined;
    return { kind: 'appended', revision: last.revision, prepare: first.position, commit: first.position };
  }

  private write(stream: string, events: readonly ProposedEvent[]): AppendOutcome {
    let revision = BigInt(this.streams.get(stream)?.events.length ?? 0);
    let position = this.end;
    const records = events.map((event): StoredEvent => {
      const record = { ...event, id: event.id.toLowerCase(), stream, revision, position, createdMs: Date.now() };
      revision += 1n;
      position = endOf(record);
      return record;
    });
    if (this.fd !== undefined) appendFileSync(this.fd, records.map((record) => `${lineOf(record)}\n`).join(''));
    for (const record of records) this.keep(record);
    for (const listener of [...this.listeners]) listener();
    return { kind: 'appended', revision: revision - 1n, prepare: records[0]?.position ?? 0n, commit: records.at(-1)?.position ?? 0n };
  }

  private keep(record: StoredEvent): void {
    const stream = this.streams.get(record.stream) ?? { events: [], recent: new Map<string, number>(), tombstoned: false };
    this.streams.set(record.stream, stream);
    if (record.type === '$streamDeleted') stream.tombstoned = true;
    stream.recent.set(record.id, stream.events.length);
    stream.events.push(record);
    this.byPosition.set(record.position, this.log.length);
    this.log.push(record);
    this.end = endOf(record);
  }
}

function endOf({ position, stream, type, data, metadata }: StoredEvent): bigint {
  return position + BigInt(90 + Buffer.byteLength(stream) + type.length + data.length + metadata.length);
}

function matches(expected: Expected, last: bigint): boolean {
  if (last < 0n) return expected === 'no_stream';
  return expected === 'any' || expected === 'stream_exists' || expected === last;
}

function jsonEvent(type: string, data: unknown): ProposedEvent {
  const id = crypto.randomUUID();
  return { id, type, contentType: 'application/json', data: Buffer.from(JSON.stringify(data)), metadata: new Uint8Array() };
}

function lineOf(record: StoredEvent): string {
  const { revision, position, data, metadata } = record;
  const bytes = { data: Buffer.from(data).toString('base64'), metadata: Buffer.from(metadata).toString('base64') };
  return JSON.stringify({ ...record, ...bytes, revision: `${revision}`, position: `${position}` });
}

function* recordsIn(file: string): Generator<StoredEvent> {
  const bytes = readFileSync(file);
  const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
  truncateSync(file, whole.length);
  for (const line of whole.toString().split('\n')) {
    if (line === '') continue;
    const { revision, position, data, metadata, ...rest } = JSON.parse(line) as StoredEvent & { data: string; metadata: string };
    const content = { data: Buffer.from(data, 'base64'), metadata: Buffer.from(metadata, 'base64') };
    yield { ...rest, ...content, revision: BigInt(revision), position: BigInt(position) };
  }
}
