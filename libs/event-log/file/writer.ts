import { type AppendResult, EventLogUnavailable, type ExpectedRevision, type Position, RevisionConflict } from '../event-log.js';
import { encodeRecord, recordId, uuidBytes } from './record.js';
import { type KindRow, type Store, type StreamRow, storeError, textKey } from './store.js';

/** An event checked and serialised, on its way into the store. */
export interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

type Write = (now: Newest) => AppendResult | RevisionConflict;

interface Waiting {
  readonly write: Write;
  readonly bytes: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
}

/** Running numbers of the transaction under way. */
interface Newest {
  position: number;
}

const groupBytesMax = 16 * 1024 * 1024;
const readerCheckCommits = 1_000;

/**
 * Group commit: whatever is asked while a commit waits for the disk goes into the next transaction together. The disk is waited for on the
 * driver's own thread; the event loop only fills the transaction.
 */
export class Writer {
  private queue: Waiting[] = [];
  private commits = 0;
  private running: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly committed: (position: number) => void,
  ) {}

  append(stream: string, category: string, events: readonly PreparedEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    const bytes = events.reduce((sum, event) => sum + event.data.length + event.metadata.length, 0);
    return this.enqueue((now) => appendTo(this.store, now, stream, category, events, expected), bytes);
  }

  async deleteStream(stream: string, expected: ExpectedRevision): Promise<void> {
    await this.enqueue(() => deleteFrom(this.store, stream, expected), 0);
  }

  /** Resolves when everything asked for has been committed or refused. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private enqueue(write: Write, bytes: number): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ write, bytes, resolve, reject });
      this.running ??= this.run();
    });
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      // One turn of the event loop, so that appends started together share the first commit too.
      await new Promise(setImmediate);
      await this.commit(this.takeGroup());
    }
    // In the same turn as the look at the queue: who comes later starts a new run.
    this.running = undefined;
  }

  private takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.queue) {
      bytes += waiting.bytes;
      if (count > 0 && bytes > groupBytesMax) break;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async commit(group: readonly Waiting[]): Promise<void> {
    let outcomes: (AppendResult | RevisionConflict)[] = [];
    const now: Newest = { position: 0 };
    try {
      // A child transaction, because the driver commits an outer one even after an error inside.
      await this.store.root.childTransaction(() => {
        now.position = newestPosition(this.store);
        outcomes = group.map(({ write }) => write(now));
      });
    } catch (error) {
      const failure = storeError(await causeOf(error), 'the event log could not be written');
      for (const { reject } of group) reject(failure);
      return;
    }
    this.committed(now.position);
    // Readers that were killed hold pages from being used again until somebody looks.
    if (++this.commits % readerCheckCommits === 0) this.store.root.readerCheck();
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) reject(new EventLogUnavailable('the event log did not run the append'));
      else if (outcome instanceof RevisionConflict) reject(outcome);
      else resolve(outcome);
    }
  }
}

/** The driver rejects a failed commit with a promise of the reason inside. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  if (!commitError) return error;
  return commitError.catch((reason: unknown) => reason);
}

/** The newest position, as seen from where it is called: inside a transaction or outside. 0 for an empty log. */
export function newestPosition(store: Store): number {
  for (const position of store.events.getKeys({ reverse: true, limit: 1 })) return position;
  return 0;
}

/**
 * EventStoreDB's rules (docs/adr/0001): a batch that stands where it would have been written is the same append again; what stands there only
 * in part, or elsewhere, is not.
 */
function appendTo(
  store: Store,
  now: Newest,
  stream: string,
  category: string,
  events: readonly PreparedEvent[],
  expected: ExpectedRevision,
): AppendResult | RevisionConflict {
  const row = store.streams.get(textKey(stream));
  const last = row?.last ?? -1;
  const conflict = () => new RevisionConflict(stream, expected, last < 0 ? 'noStream' : BigInt(last));
  if (expected === 'any' || expected === 'streamExists') {
    if (expected === 'streamExists' && last < 0) return conflict();
    const known = row ? events.map((event) => store.ids.get(idKey(row.id, event.id))) : [];
    const repeatedAt = known.at(-1);
    if (known[0] !== undefined)
      return row && repeatedAt !== undefined && !known.includes(undefined) ? answerOf(store, row, repeatedAt) : conflict();
  } else {
    const after = expected === 'noStream' ? -1 : Number(expected);
    if (after > last) return conflict();
    if (row && after < last) {
      const same = events.findIndex((event, index) => idAt(store, row, after + 1 + index) !== event.id);
      if (same < 0) return answerOf(store, row, after + events.length);
      const deleted = row.from > row.last;
      if (same > 0 || expected !== 'noStream' || !deleted) return conflict();
    }
  }
  return write(store, now, row ?? newStream(store, stream), category, events);
}

function write(store: Store, now: Newest, row: StreamRow, category: string, events: readonly PreparedEvent[]): AppendResult {
  const recordedAtMs = Date.now();
  let revision = row.last;
  const kinds = new Map<string, KindRow>();
  for (const event of events) {
    revision++;
    const position = ++now.position;
    const kind = kinds.get(event.type) ?? kindOf(store, category, event.type);
    kinds.set(event.type, kind);
    store.events.put(position, encodeRecord({ ...event, position, streamId: row.id, kindId: kind.id, recordedAtMs, revision }));
    store.revisions.put([row.id, revision], position);
    store.ids.put(idKey(row.id, event.id), revision);
    store.byKind.put([kind.id, position], true);
  }
  store.streams.put(textKey(row.name), { ...row, last: revision });
  return { revision: BigInt(revision), position: BigInt(now.position) as Position };
}

function deleteFrom(store: Store, stream: string, expected: ExpectedRevision): AppendResult | RevisionConflict {
  const row = store.streams.get(textKey(stream));
  const deleted = !row || row.from > row.last;
  const right =
    row !== undefined &&
    (expected === 'any' || expected === 'streamExists' || (expected === 'noStream' ? deleted : expected === BigInt(row.last)));
  if (!right) return new RevisionConflict(stream, expected, row ? BigInt(row.last) : 'noStream');
  store.streams.put(textKey(stream), { ...row, from: row.last + 1 });
  return { revision: BigInt(row.last), position: 0n as Position };
}

function answerOf(store: Store, row: StreamRow, revision: number): AppendResult {
  const position = store.revisions.get([row.id, revision]);
  if (position === undefined) throw new Error(`revision ${revision} of ${row.name} has no position`);
  return { revision: BigInt(revision), position: BigInt(position) as Position };
}

function idAt(store: Store, row: StreamRow, revision: number): string | undefined {
  const position = store.revisions.get([row.id, revision]);
  if (position === undefined) return undefined;
  const bytes = store.events.get(position);
  return bytes ? recordId(bytes, position) : undefined;
}

function idKey(streamId: number, id: string): Buffer {
  const key = Buffer.allocUnsafe(20);
  key.writeUInt32BE(streamId, 0);
  uuidBytes(id).copy(key, 4);
  return key;
}

function newStream(store: Store, name: string): StreamRow {
  let newest = 0;
  for (const id of store.streamNames.getKeys({ reverse: true, limit: 1 })) newest = id;
  store.streamNames.put(newest + 1, name);
  return { id: newest + 1, name, last: -1, from: 0 };
}

function kindOf(store: Store, category: string, type: string): KindRow {
  const key: [string, string] = [textKey(category), textKey(type)];
  const known = store.kinds.get(key);
  if (known) return known;
  // A kind is only made together with an event of it, so that the index knows the newest.
  let newest = 0;
  for (const [id] of store.byKind.getKeys({ reverse: true, limit: 1 })) newest = id;
  const kind = { id: newest + 1, category, type };
  store.kinds.put(key, kind);
  return kind;
}
