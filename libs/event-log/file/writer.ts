import { type AppendResult, EventLogUnavailable, type ExpectedRevision, type Position, RevisionConflict } from '../event-log.js';
import { sealBlock } from './block.js';
import { Finder, idKey, rangeKey, rangeValue } from './finder.js';
import { kindEntry } from './kind-index.js';
import type { PreparedBlock } from './prepared.js';
import { type KindRow, type Store, type StreamRow, storeError, textKey } from './store.js';

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
  readonly finder: Finder;
}

const groupBytesMax = 16 * 1024 * 1024;
const readerCheckCommits = 1_000;
/** So many rising ids of one block are one entry in the index of ids. */
const idRangeMin = 8;

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

  append(stream: string, category: string, blocks: readonly PreparedBlock[], expected: ExpectedRevision): Promise<AppendResult> {
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
    return this.enqueue((now) => appendTo(this.store, now, stream, category, blocks, expected), bytes);
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
    const now: Newest = { position: 0, finder: new Finder(this.store) };
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
  blocks: readonly PreparedBlock[],
  expected: ExpectedRevision,
): AppendResult | RevisionConflict {
  const { finder } = now;
  const row = store.streams.get(textKey(stream));
  const last = row?.last ?? -1;
  const ids = () => blocks.flatMap((block) => block.ids);
  const conflict = () => new RevisionConflict(stream, expected, last < 0 ? 'noStream' : BigInt(last));
  if (expected === 'any' || expected === 'streamExists') {
    if (expected === 'streamExists' && last < 0) return conflict();
    const known = row ? ids().map((id) => finder.revisionOf(row.id, id)) : [];
    const repeatedAt = known.at(-1);
    if (known[0] !== undefined)
      return row && repeatedAt !== undefined && !known.includes(undefined) ? answerOf(finder, row, repeatedAt) : conflict();
  } else {
    const after = expected === 'noStream' ? -1 : Number(expected);
    if (after > last) return conflict();
    if (row && after < last) {
      const asked = ids();
      const same = asked.findIndex((id, index) => idAt(finder, row, after + 1 + index) !== id);
      if (same < 0) return answerOf(finder, row, after + asked.length);
      const deleted = row.from > row.last;
      if (same > 0 || expected !== 'noStream' || !deleted) return conflict();
    }
  }
  return write(store, now, row ?? newStream(store, stream), category, blocks);
}

function write(store: Store, now: Newest, row: StreamRow, category: string, blocks: readonly PreparedBlock[]): AppendResult {
  const recordedAtMs = Date.now();
  let revision = row.last;
  const kinds = new Map<string, KindRow>();
  const idOf = (type: string) => kinds.get(type)?.id ?? 0;
  for (const { bytes, ids, types } of blocks) {
    const firstPosition = now.position + 1;
    now.position += ids.length;
    revision += ids.length;
    const byType = indexesOf(types);
    // A kind is only made together with an event of it, so that the index knows the newest.
    for (const [type, indexes] of byType) {
      const kind = kinds.get(type) ?? kindOf(store, category, type);
      kinds.set(type, kind);
      store.byKind.put([kind.id, firstPosition + (indexes.at(-1) as number)], kindEntry(indexes));
    }
    const kindIds = types.map(idOf);
    const seal = {
      lastPosition: now.position,
      streamId: row.id,
      recordedAtMs,
      lastRevision: revision,
      kindOf: (index: number) => kindIds[index] as number,
    };
    sealBlock(bytes, ids.length, seal);
    store.events.put(now.position, bytes);
    store.revisions.put([row.id, revision], now.position);
    writeIds(store, now.finder, row.id, ids, revision);
  }
  store.streams.put(textKey(row.name), { ...row, last: revision });
  return { revision: BigInt(revision), position: BigInt(now.position) as Position };
}

function indexesOf(types: readonly string[]): Map<string, number[]> {
  const byType = new Map<string, number[]>();
  for (const [index, type] of types.entries()) {
    const indexes = byType.get(type);
    if (indexes) indexes.push(index);
    else byType.set(type, [index]);
  }
  return byType;
}

/** Ids that rise, as those of a spool do, are one entry; ranges of a stream do not overlap, so that an id is looked for in one. */
function writeIds(store: Store, finder: Finder, streamId: number, ids: readonly string[], lastRevision: number): void {
  const [first, last] = [ids[0] as string, ids.at(-1) as string];
  const isRange =
    ids.length >= idRangeMin &&
    ids.every((id, index) => index === 0 || id > (ids[index - 1] as string)) &&
    !finder.overlapsRange(streamId, first, last);
  if (isRange) store.ids.put(rangeKey(streamId, first), rangeValue(last, lastRevision));
  else for (const [index, id] of ids.entries()) store.ids.put(idKey(streamId, id), lastRevision - ids.length + 1 + index);
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

function answerOf(finder: Finder, row: StreamRow, revision: number): AppendResult {
  const position = finder.positionOf(row.id, revision);
  if (position === undefined) throw new Error(`revision ${revision} of ${row.name} has no position`);
  return { revision: BigInt(revision), position: BigInt(position) as Position };
}

function idAt(finder: Finder, row: StreamRow, revision: number): string | undefined {
  if (revision > row.last) return undefined;
  const position = finder.positionOf(row.id, revision);
  return position === undefined ? undefined : finder.byPosition(position)?.at(position).id;
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
  let newest = 0;
  for (const [id] of store.byKind.getKeys({ reverse: true, limit: 1 })) newest = id;
  const kind = { id: newest + 1, category, type };
  store.kinds.put(key, kind);
  return kind;
}
