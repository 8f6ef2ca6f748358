import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { categoryOf } from '../event-log.js';
import { decodeRecord, type EventRecord, uuidBytes } from './record.js';
import { type KindRow, openRoot, openStore, type Store, type StreamRow, storeError, textKey } from './store.js';
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
  private readonly newest = new Map<number, number>();
  // Everything is read as of one moment; nothing else of this process uses this handle.
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of the store, no hook
  private readonly transaction = this.store.root.useReadTransaction();

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
      const part = [...store.events.getRange({ start: last + 1, limit: eventsPerTurn, transaction })];
      for (const { key: position, value } of part) {
        if (position !== last + 1) this.problem(`no event at positions ${last + 1} to ${position - 1}`);
        last = position;
        this.checkEvent(position, value, kinds);
      }
      isMore = part.length === eventsPerTurn;
      this.onProgress?.(this.events);
      await new Promise(setImmediate);
    }
    await this.checkTables();
    const streams = this.checkStreams();
    transaction.done();
    const { events, problemCount, problems } = this;
    return { events, streams, lastPosition: last === 0 ? null : BigInt(last), problemCount, problems };
  }

  private checkEvent(position: number, bytes: Buffer, kinds: ReadonlyMap<number, KindRow>): void {
    this.events++;
    let record: EventRecord;
    try {
      record = decodeRecord(bytes, position);
      JSON.parse(record.data.toString());
      JSON.parse(record.metadata.toString());
    } catch (error) {
      this.problem((error as Error).message);
      return;
    }
    const { transaction, store } = this;
    const { streamId, revision, kindId } = record;
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
    if (store.revisions.get([streamId, revision], { transaction }) !== position)
      this.problem(`position ${position} is not in the index of its stream`);
    if (!store.byKind.doesExist([kindId, position], undefined as never, { transaction }))
      this.problem(`position ${position} is not in the index of its kind`);
    const key = Buffer.concat([Buffer.alloc(4), uuidBytes(record.id)]);
    key.writeUInt32BE(streamId, 0);
    const known = store.ids.get(key, { transaction });
    if (known === undefined || known < revision) this.problem(`the id of position ${position} is not in the index of ids`);
  }

  /** Every table is read to its end, and no index has more entries than there are events. */
  private async checkTables(): Promise<void> {
    const { transaction, store } = this;
    const counts = {
      revisions: store.revisions.getKeysCount({ transaction }),
      byKind: store.byKind.getKeysCount({ transaction }),
    };
    for (const [table, count] of Object.entries(counts))
      if (count !== this.events) this.problem(`the table ${table} has ${count} entries for ${this.events} events`);
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
