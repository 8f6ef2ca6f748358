import type { JetStream, StoredMessage } from './jetstream.js';

export interface BucketOptions {
  readonly name: string;
  /** Entries vanish when they were not written for so long; absent: never. */
  readonly ttlMs?: number;
  /** Copies in a cluster; 1 when absent. */
  readonly replicas?: number;
  /** Reads ask the leader of the bucket, and are never behind. For those who write; nodes need not have the right. */
  readonly fromLeader?: boolean;
}

export interface Entry {
  readonly key: string;
  readonly revision: number;
  readonly storedAtMs: number;
  readonly value: Uint8Array;
}

/** A key-value bucket as NATS lays it out (ADR-8 of NATS): `nats kv` shows it. Keys are parts of letters, digits, `-`, `_`, `=` with dots between. */
export class Bucket {
  readonly stream: string;

  constructor(
    private readonly jetStream: JetStream,
    private readonly options: BucketOptions,
  ) {
    this.stream = `KV_${options.name}`;
  }

  /** Makes the bucket when there is none. */
  async ensure(): Promise<void> {
    const { name, ttlMs = 0, replicas = 1 } = this.options;
    await this.jetStream.ensureStream({
      name: this.stream,
      subjects: [`$KV.${name}.>`],
      max_msgs_per_subject: 1,
      max_age: ttlMs * 1_000_000,
      num_replicas: replicas,
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      duplicate_window: Math.min(ttlMs === 0 ? 120_000 : ttlMs, 120_000) * 1_000_000,
      allow_rollup_hdrs: true,
      deny_delete: false,
      deny_purge: false,
      allow_direct: true,
    });
  }

  async get(key: string): Promise<Entry | undefined> {
    const found = await this.last(key);
    return found === undefined || found.operation !== '' ? undefined : this.entryOf(found);
  }

  async put(key: string, value: Uint8Array | string): Promise<number> {
    return (await this.jetStream.put(this.subjectOf(key), value))!;
  }

  /** The new revision; undefined when there is such a key already. */
  async create(key: string, value: Uint8Array | string): Promise<number | undefined> {
    const created = await this.jetStream.put(this.subjectOf(key), value, 0);
    if (created !== undefined) return created;
    // A key that was deleted (`nats kv del`) has a mark in its place, after which it can be made.
    const found = await this.last(key);
    return found === undefined || found.operation === '' ? undefined : this.update(key, value, found.sequence);
  }

  /** The new revision; undefined when the key has another revision than this, or is gone. */
  async update(key: string, value: Uint8Array | string, revision: number): Promise<number | undefined> {
    return this.jetStream.put(this.subjectOf(key), value, revision);
  }

  /** Removes what the key has at this revision, and overwrites it on the disk. False: it was gone already. */
  async erase(revision: number): Promise<boolean> {
    return this.jetStream.erase(this.stream, revision);
  }

  /** Keys that match the pattern (`*` for a part, `>` for the rest). */
  async keys(pattern: string): Promise<{ readonly keys: readonly string[]; readonly lastRevision: number; readonly created: string }> {
    const { subjects, lastSequence, created } = await this.jetStream.state(this.stream, this.subjectOf(pattern));
    return { keys: subjects.map((subject) => this.keyOf(subject)), lastRevision: lastSequence, created };
  }

  /** Greatest revision of any key, and when the bucket was made. */
  async state(): Promise<{ readonly lastRevision: number; readonly created: string }> {
    const { lastSequence, created } = await this.jetStream.state(this.stream);
    return { lastRevision: lastSequence, created };
  }

  /** Tells of keys that somebody tries to change; whether it was changed, a look says. */
  listen(pattern: string, heard: (key: string) => void): () => void {
    return this.jetStream.link.subscribe(this.subjectOf(pattern), ({ subject }) => heard(this.keyOf(subject)));
  }

  private last(key: string): Promise<StoredMessage | undefined> {
    const subject = this.subjectOf(key);
    const { fromLeader = false } = this.options;
    return fromLeader ? this.jetStream.lastOfLeader(this.stream, subject) : this.jetStream.last(this.stream, subject);
  }

  private subjectOf(key: string): string {
    return `$KV.${this.options.name}.${key}`;
  }

  private keyOf(subject: string): string {
    return subject.slice(this.subjectOf('').length);
  }

  private entryOf({ subject, sequence, storedAtMs, data }: StoredMessage): Entry {
    return { key: this.keyOf(subject), revision: sequence, storedAtMs, value: data };
  }
}
