import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { categoryOf } from '../event-log.js';
import type { EventRecord, StoredEvents } from './event-record.js';
import { Finder } from './finder.js';
import { positionsOf } from './kind-index.js';
import { LogCorrupted } from './log-corrupted.js';
import { type KindRow, openRoot, openStore, type Store, type StreamRow, storeError, textKey } from './store.js';
import { decodeStored } from './stored-events.js';
import { checkLength, structureProblems } from './structure.js';

export interface LogVerification {
  readonly events: number;
  readonly streams: number;
  readonly lastPosition: bigint | null;
  readonly problemCount: number;
  /** The first hundred. */
  readonly problems: readonly string[];
}

const problemsMax = 100;
const eventsPerTurn = 2_000;

/**
 * Reads the whole log as of one moment and checks what must hold: each event's checksum and place, positions and revisions without gaps, every
 * index entry there and none too many, every stream's newest revision. Other processes may go on writing.
 * @throws EventLogUnavailable when there is no log; LogCorrupted when the store itself cannot be read any further.
 */
export async function verifyLog(options: { readonly folder: string; onProgress?(events: number): void }): Promise<LogVerification> {
  const structure = await structureOf(options.folder);
  if (structure.length > 0) return { events: 0, streams: 0, lastPosition: null, problemCount: structure.length, problems: structure };
  const store = openStore(options.folder, true);
  try {
    return await new Verifier(store, options.onProgress).run();
  } catch (error) {
    throw storeError(error, `the event log in ${options.folder} could not be verified`);
  } finally {
    await store.root.close();
  }
}

/** Looked at before any table is: the store would end the process on a damaged page. */
async function structureOf(folder: string): Promise<string[]> {
  const file = join(folder, 'data.mdb');
  if (!existsSync(file)) return [];
  checkLength(file);
  const root = openRoot(folder, true);
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of the store, no hook
  const transaction = root.useReadTransaction();
  try {
    return await structureProblems(file);
  } finally {
    transaction.done();
    await root.close();
  }
}

class Verifier {
  private readonly problems: string[] = [];
  private problemCount = 0;
  private events = 0;
  /** What stands in the table of events, and in the index of kinds: each of one event or of several. */
  private stored = 0;
  private kindEntries = 0;
  private readonly newest = new Map<number, number>();
  // Everything is read as of one moment; nothing else of this process uses this handle.
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of the store, no hook
  private readonly transaction = this.store.root.useReadTransaction();
  private readonly finder = new Finder(this.store, this.transaction);

  constructor(
    private readonly store: Store,
    private readonly onProgress: ((events: number) => void) | undefined,
  ) {}

  async run(): Promise<LogVerification> {
    const { transaction, store } = this;
    const kinds = new Map<number, KindRow>();
    for (const { key, value } of store.kinds.getRange({ transaction })) {
      kinds.set(value.id, value);
      if (key[0] !== textKey(value.category) || key[1] !== textKey(value.type)) this.problem(`kind ${value.id} stands under another name`);
    }
    let last = 0;
    for (let isMore = true; isMore; ) {
      const before = this.events;
      isMore = false;
      for (const { key, value } of store.events.getRange({ start: last + 1, transaction })) {
        isMore = this.events - before >= eventsPerTurn;
        if (isMore) break;
        this.checkStored(last, key, value, kinds);
        last = key;
      }
      this.onProgress?.(this.events);
      await new Promise(setImmediate);
    }
    await this.checkTables();
    const streams = this.checkStreams();
    transaction.done();
    const { events, problemCount, problems } = this;
    return { events, streams, lastPosition: last === 0 ? null : BigInt(last), problemCount, problems };
  }

  /** What stands at the key `position`; `before`: where what stands before it ends. */
  private checkStored(before: number, position: number, bytes: Buffer, kinds: ReadonlyMap<number, KindRow>): void {
    let stored: StoredEvents;
    try {
      stored = decodeStored(bytes, position);
    } catch (error) {
      this.events++;
      this.stored++;
      this.problem((error as Error).message);
      return;
    }
    if (stored.firstPosition !== before + 1) this.problem(`no event at positions ${before + 1} to ${stored.firstPosition - 1}`);
    this.stored++;
    const found = new Map<number, number>();
    for (let at = stored.firstPosition; at <= position; at++) {
      const record = stored.at(at);
      this.checkEvent(record, kinds);
      found.set(record.kindId, at);
    }
    this.checkIndexes(stored, found);
  }

  private checkEvent(record: EventRecord, kinds: ReadonlyMap<number, KindRow>): void {
    this.events++;
    const { position, streamId, revision, kindId } = record;
    try {
      JSON.parse(record.data.toString());
      JSON.parse(record.metadata.toString());
    } catch (error) {
      this.problem(`event at position ${position}: ${(error as Error).message}`);
      return;
    }
    const { transaction, store } = this;
    const name = store.streamNames.get(streamId, { transaction });
    const kind = kinds.get(kindId);
    const expected = (this.newest.get(streamId) ?? -1) + 1;
    if (revision !== expected)
      this.problem(`${name ?? `stream ${streamId}`} goes from revision ${expected - 1} to ${revision} at position ${position}`);
    this.newest.set(streamId, revision);
    if (name === undefined) this.problem(`the stream ${streamId} of position ${position} has no name`);
    if (!kind) this.problem(`the kind ${kindId} of position ${position} is not known`);
    else if (name !== undefined && categoryOf(name) !== kind.category)
      this.problem(`position ${position} is filed under the category ${kind.category}`);
    if (!this.knowsId(record)) this.problem(`the id of position ${position} is not in the index of ids`);
  }

  private knowsId({ streamId, id, revision }: EventRecord): boolean {
    try {
      return (this.finder.revisionOf(streamId, id) ?? -1) >= revision;
    } catch (error) {
      if (error instanceof LogCorrupted) return false;
      throw error;
    }
  }

  /** `lastOf`: the last position of each kind in it. */
  private checkIndexes(stored: StoredEvents, lastOf: ReadonlyMap<number, number>): void {
    const { transaction, store } = this;
    const { streamId, lastRevision, lastPosition } = stored;
    if (store.revisions.get([streamId, lastRevision], { transaction }) !== lastPosition)
      this.problem(`position ${lastPosition} is not in the index of its stream`);
    for (const [kindId, last] of lastOf) {
      this.kindEntries++;
      const entry = store.byKind.get([kindId, last], { transaction });
      const listed = entry === undefined ? [] : [...positionsOf(entry, last)];
      const own = [];
      for (let at = stored.firstPosition; at <= last; at++) if (stored.at(at).kindId === kindId) own.push(at);
      if (own.length !== listed.length || own.some((position, index) => position !== listed[index]))
        this.problem(`position ${last} is not in the index of its kind, or stands there with others than its own`);
    }
  }

  /** Every table is read to its end, and no index has more entries than there are events. */
  private async checkTables(): Promise<void> {
    const { transaction, store } = this;
    const counts = {
      revisions: store.revisions.getKeysCount({ transaction }),
      byKind: store.byKind.getKeysCount({ transaction }),
    };
    const expected = { revisions: this.stored, byKind: this.kindEntries };
    for (const table of ['revisions', 'byKind'] as const)
      if (counts[table] !== expected[table]) this.problem(`the table ${table} has ${counts[table]} entries, not ${expected[table]}`);
    const ids = store.ids.getKeysCount({ transaction });
    if (ids > this.events) this.problem(`the table ids has ${ids} entries for ${this.events} events`);
  }

  private checkStreams(): number {
    let streams = 0;
    for (const { key, value } of this.store.streams.getRange({ transaction: this.transaction })) {
      streams++;
      this.checkStream(key, value);
    }
    if (streams !== this.newest.size) this.problem(`${streams} streams are listed, ${this.newest.size} have events`);
    return streams;
  }

  private checkStream(key: string, { id, name, last, from }: StreamRow): void {
    const newest = this.newest.get(id);
    if (key !== textKey(name) || this.store.streamNames.get(id, { transaction: this.transaction }) !== name)
      this.problem(`${name} stands under another name`);
    if (newest !== last) this.problem(`${name} is said to end at revision ${last}, its events at ${newest ?? 'none'}`);
    if (from > last + 1) this.problem(`${name} hides more events than it has`);
  }

  private problem(text: string): void {
    this.problemCount++;
    if (this.problems.length < problemsMax) this.problems.push(text);
  }
}
