import { type EventMetadata, type JsonObject, type LogFilter, type Position, type RecordedEvent } from '../event-log.js';
import { blockEventsMax } from './block.js';
import type { EventRecord } from './event-record.js';
import { Finder } from './finder.js';
import { positionsOf } from './kind-index.js';
import { LogCorrupted } from './log-corrupted.js';
import { type KindRow, type Store, textKey } from './store.js';

/** Part of the log in order; `through` is how far it was looked at: everything up to there is in `events` or does not match. */
export interface Part {
  readonly events: readonly RecordedEvent[];
  readonly through: number;
}

/**
 * Reads in short transactions, one per call, each in a single turn of the event loop: none is held open while a consumer thinks, which would
 * keep the store from reusing pages. `refresh` must be called first to see what other processes wrote.
 */
export class Reader {
  // Never change once given, so that they can be kept; filled outside of transactions only.
  private readonly streamNames = new Map<number, string>();
  private readonly kindsById = new Map<number, KindRow>();

  // What was committed stays as it is, too.
  private readonly finder: Finder;

  constructor(private readonly store: Store) {
    this.finder = new Finder(store);
  }

  refresh(): void {
    this.store.root.resetReadTxn();
  }

  /** Events after `after` up to and with `end` that match, at most `max`. */
  all(after: number, end: number, filter: LogFilter | undefined, max: number): Part {
    const positions = filter?.categories || filter?.types ? this.matching(after, end, filter, max) : every(after, end, max);
    const events = positions.map((position) => this.at(position) ?? missing(position));
    return { events, through: positions.length < max ? end : (positions.at(-1) ?? end) };
  }

  /** Events of a stream with revisions from `from` in steps of `step` (1 or -1), at most `max`. */
  stream(name: string, from: bigint | undefined, step: 1 | -1, max: number): RecordedEvent[] {
    const row = this.store.streams.get(textKey(name));
    if (!row) return [];
    let revision = from === undefined ? (step > 0 ? 0 : row.last) : Number(from);
    revision = step > 0 ? Math.max(revision, row.from) : Math.min(revision, row.last);
    const events: RecordedEvent[] = [];
    for (; events.length < max && revision >= row.from && revision <= row.last; revision += step) {
      const position = this.finder.positionOf(row.id, revision);
      if (position === undefined) throw new LogCorrupted(`revision ${revision} of ${name} has no position`);
      events.push(this.at(position) ?? missing(position));
    }
    return events;
  }

  at(position: number): RecordedEvent | undefined {
    const stored = this.finder.byPosition(position);
    return stored && this.recorded(stored.at(position));
  }

  private recorded(record: EventRecord): RecordedEvent {
    const kind = this.kind(record.kindId);
    return {
      id: record.id,
      type: kind.type,
      data: JSON.parse(record.data.toString()) as JsonObject,
      metadata: JSON.parse(record.metadata.toString()) as EventMetadata,
      stream: this.streamName(record.streamId),
      revision: BigInt(record.revision),
      position: BigInt(record.position) as Position,
      recordedAt: new Date(record.recordedAtMs),
    };
  }

  /**
   * Merges the index of each kind that the filter takes: a reader of one category never touches the others' events. Looks at a stretch of the log
   * that would do if about half of it matched, then at ever longer ones, so that many kinds are not each read `max` deep.
   */
  private matching(after: number, end: number, filter: LogFilter, max: number): number[] {
    const kinds = this.kindsOf(filter);
    const found: number[] = [];
    for (let [from, width] = [after, max * 2]; from < end && found.length < max && kinds.length > 0; width *= 4) {
      const to = Math.min(end, from + width);
      const limit = max - found.length;
      const runs = kinds.map(({ id }) => this.ofKind(id, from, to, limit));
      found.push(...runs.flat().sort((a, b) => a - b));
      from = to;
    }
    return found.slice(0, max);
  }

  /** Positions after `from` up to `to`, at most `max`. */
  private ofKind(kind: number, from: number, to: number, max: number): number[] {
    const found: number[] = [];
    // An entry that ends behind `to` may begin before it.
    for (const { key, value } of this.store.byKind.getRange({ start: [kind, from + 1], end: [kind, to + blockEventsMax] })) {
      for (const position of positionsOf(value, key[1])) {
        if (position <= from) continue;
        if (position > to) break;
        found.push(position);
        if (found.length === max) return found;
      }
      // Entries of a kind do not reach into one another: those behind this one begin behind `to`.
      if (key[1] >= to) break;
    }
    return found;
  }

  private kindsOf({ categories, types }: LogFilter): KindRow[] {
    const all = [...this.store.kinds.getRange().map(({ value }) => value)];
    return all.filter(({ category, type }) => (categories?.includes(category) ?? true) && (types?.includes(type) ?? true));
  }

  private streamName(id: number): string {
    const known = this.streamNames.get(id);
    if (known !== undefined) return known;
    const name = this.store.streamNames.get(id);
    if (name === undefined) throw new LogCorrupted(`stream ${id} has no name`);
    // A log has a stream per node and day, and one per definition: bounded, but not by us.
    if (this.streamNames.size >= 10_000) this.streamNames.clear();
    this.streamNames.set(id, name);
    return name;
  }

  private kind(id: number): KindRow {
    if (!this.kindsById.has(id)) for (const { value } of this.store.kinds.getRange()) this.kindsById.set(value.id, value);
    const kind = this.kindsById.get(id);
    if (!kind) throw new LogCorrupted(`kind ${id} is not known`);
    return kind;
  }
}

/** Positions have no gaps. */
function every(after: number, end: number, max: number): number[] {
  return Array.from({ length: Math.max(0, Math.min(max, end - after)) }, (_, index) => after + 1 + index);
}

function missing(position: number): never {
  throw new LogCorrupted(`an index names position ${position}, where there is no event`);
}
