import type { Transaction } from 'lmdb';
import type { StoredEvents } from './event-record.js';
import { LogCorrupted } from './log-corrupted.js';
import type { Store } from './store.js';
import { decodeStored } from './stored-events.js';
import { writeUuid } from './uuid.js';

/**
 * Finds where an event stands. Tables name what the store holds by its last position or revision, so that the one asked for is in what stands at the first
 * key from it on. What was found last is remembered: for one transaction that writes, or for ever for those that read what was committed.
 */
export class Finder {
  private last: StoredEvents | undefined;

  constructor(
    private readonly store: Store,
    private readonly transaction?: Transaction,
  ) {}

  /** @throws LogCorrupted */
  byPosition(position: number): StoredEvents | undefined {
    const { last, store } = this;
    if (last && last.firstPosition <= position && position <= last.lastPosition) return last;
    let [key, bytes] = [position, store.events.get(position, this.asked)];
    if (!bytes) for (const found of store.events.getRange({ start: position, limit: 1, ...this.asked })) ({ key, value: bytes } = found);
    if (!bytes) return undefined;
    const stored = decodeStored(bytes, key);
    if (stored.firstPosition > position) return undefined;
    this.last = stored;
    return stored;
  }

  /** The position of a revision that the stream has. */
  positionOf(streamId: number, revision: number): number | undefined {
    const { last, store } = this;
    if (last?.streamId === streamId && last.firstRevision <= revision && revision <= last.lastRevision)
      return last.lastPosition - (last.lastRevision - revision);
    const exact = store.revisions.get([streamId, revision], this.asked);
    if (exact !== undefined) return exact;
    for (const { key, value } of store.revisions.getRange({ start: [streamId, revision], limit: 1, ...this.asked }))
      if (key[0] === streamId) return value - (key[1] - revision);
    return undefined;
  }

  /** The newest revision of the stream with this id. */
  revisionOf(streamId: number, id: string): number | undefined {
    const { store } = this;
    // A number: only ranges, whose keys differ, are anything else.
    const single = store.ids.get(idKey(streamId, id), this.asked) as number | undefined;
    const from = rangeKey(streamId, id);
    for (const { key, value } of store.ids.getRange({ start: from, end: from.subarray(0, 4), reverse: true, limit: 1, ...this.asked })) {
      const inRange = this.revisionInRange(streamId, id, key, value);
      return single === undefined || (inRange !== undefined && inRange > single) ? inRange : single;
    }
    return single;
  }

  /** Whether another range has ids between these. */
  overlapsRange(streamId: number, firstId: string, lastId: string): boolean {
    const from = rangeKey(streamId, lastId);
    for (const { key, value } of this.store.ids.getRange({
      start: from,
      end: from.subarray(0, 4),
      reverse: true,
      limit: 1,
      ...this.asked,
    })) {
      const { end } = rangeOf(key, value);
      return end.compare(idKey(streamId, firstId), 4) >= 0;
    }
    return false;
  }

  private revisionInRange(streamId: number, id: string, key: Buffer, value: number | Buffer): number | undefined {
    const { end, lastRevision } = rangeOf(key, value);
    if (end.compare(idKey(streamId, id), 4) < 0) return undefined;
    const position = this.positionOf(streamId, lastRevision);
    const stored = position === undefined ? undefined : this.byPosition(position);
    if (!stored) throw new LogCorrupted(`ids of stream ${streamId} are said to end at revision ${lastRevision}, which is not there`);
    // They rise: one look after the other costs as many steps as there are events, for each id that is asked for.
    let [from, to] = [stored.firstPosition, stored.lastPosition];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (stored.at(middle).id < id) from = middle + 1;
      else to = middle;
    }
    const record = stored.at(from);
    return record.id === id ? record.revision : undefined;
  }

  private get asked(): { transaction: Transaction } | Record<string, never> {
    return this.transaction === undefined ? {} : { transaction: this.transaction };
  }
}

/** The key of one id of a stream. */
export function idKey(streamId: number, id: string): Buffer {
  const key = Buffer.allocUnsafe(20);
  key.writeUInt32BE(streamId, 0);
  if (!writeUuid(id, key, 4)) throw new RangeError(`${id} is no UUID`);
  return key;
}

/** The key of a range that begins with this id. No stream has a number with the highest bit. */
export function rangeKey(streamId: number, id: string): Buffer {
  const key = idKey(streamId, id);
  key[0] = (key[0] as number) | 0x80;
  return key;
}

/** What stands there: the last id, and its revision. */
export function rangeValue(lastId: string, lastRevision: number): Buffer {
  const value = Buffer.allocUnsafe(22);
  idKey(0, lastId).copy(value, 0, 4);
  value.writeUIntBE(lastRevision, 16, 6);
  return value;
}

function rangeOf(key: Buffer, value: number | Buffer): { readonly end: Buffer; readonly lastRevision: number } {
  if (typeof value === 'number' || value.length !== 22) throw new LogCorrupted(`the ids from ${key.toString('hex')} on have no end`);
  return { end: value.subarray(0, 16), lastRevision: value.readUIntBE(16, 6) };
}
