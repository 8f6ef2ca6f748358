import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { EventLogUnavailable } from '../event-log.js';
import type { KindEntry } from './kind-index.js';
import { LogCorrupted } from './log-corrupted.js';
import { checkLength } from './structure.js';

export interface StreamRow {
  readonly id: number;
  readonly name: string;
  /** Revision of the newest event. */
  readonly last: number;
  /** First revision that reads show: past `last` after a soft delete. */
  readonly from: number;
}

/** A category together with an event type: what filters ask for. */
export interface KindRow {
  readonly id: number;
  readonly category: string;
  readonly type: string;
}

/** The tables of the log. Every append writes them in one transaction. */
export interface Store {
  readonly root: RootDatabase;
  /** position of the last → events that follow one another in the log and in their stream (block.ts; record.ts for those of earlier versions) */
  readonly events: Database<Buffer, number>;
  /** textKey(stream) → the stream */
  readonly streams: Database<StreamRow, string>;
  /** stream id → the stream's name */
  readonly streamNames: Database<string, number>;
  /** [stream id, revision of the last] → position of the last, for each of them */
  readonly revisions: Database<number, [number, number]>;
  /** stream id and event id as bytes → the newest revision with this id, for `any`; or a range of ids (finder.ts) */
  readonly ids: Database<number | Buffer, Buffer>;
  /** [textKey(category), textKey(type)] → the kind */
  readonly kinds: Database<KindRow, [string, string]>;
  /** [kind id, position of the last] → which events of this kind end there */
  readonly byKind: Database<KindEntry, [number, number]>;
}

// Address space, not disk: the file grows as it is written, and past this the map is enlarged by the driver.
const mapBytes = 64 * 1024 ** 3;

/**
 * Opens (and unless `readOnly` creates) the tables in `folder`.
 *
 * `overlappingSync: false` is what makes an append durable and a read honest: a commit writes the pages, waits for fdatasync, then writes the
 * meta page through a descriptor opened with O_DSYNC – only then do readers of any process see it and does the commit's promise resolve
 * (seen with strace). The driver's default shows events to readers before they are on the disk: a projection could then know what the log loses.
 */
export function openStore(folder: string, readOnly: boolean): Store {
  const file = join(folder, 'data.mdb');
  try {
    if (readOnly) {
      if (!existsSync(file)) throw new EventLogUnavailable(`there is no event log in ${folder}`);
    } else mkdirSync(folder, { recursive: true });
    const isNew = !existsSync(file);
    if (!isNew) checkLength(file);
    const root = openRoot(folder, readOnly);
    // A new file is only there for certain when its folder has been written too.
    if (isNew) for (const path of [folder, dirname(folder)]) syncFolder(path);
    return {
      root,
      events: root.openDB({ name: 'events', encoding: 'binary' }),
      streams: root.openDB({ name: 'streams' }),
      streamNames: root.openDB({ name: 'streamNames' }),
      revisions: root.openDB({ name: 'revisions' }),
      ids: root.openDB({ name: 'ids', keyEncoding: 'binary' }),
      kinds: root.openDB({ name: 'kinds' }),
      byKind: root.openDB({ name: 'byKind' }),
    };
  } catch (error) {
    throw storeError(error, `cannot open the event log in ${folder}`);
  }
}

/** The store without its tables: nothing but the meta pages has been read. */
export function openRoot(folder: string, readOnly: boolean): RootDatabase {
  const options = {
    path: folder,
    readOnly,
    overlappingSync: false,
    // With it the driver makes promises of its own that nobody holds: a full disk would be an unhandled rejection.
    eventTurnBatching: false,
    mapSize: mapBytes,
    maxDbs: 16,
    maxReaders: 512,
  };
  return open(options);
}

/** What the port's users see of a failure in the store. */
export function storeError(error: unknown, doing: string): Error {
  if (error instanceof EventLogUnavailable || error instanceof LogCorrupted) return error;
  const message = error instanceof Error ? error.message : String(error);
  // What was written cannot be decoded.
  const isUndecodable = error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
  if (isUndecodable || /MDB_(CORRUPTED|INVALID|PAGE_NOTFOUND|VERSION_MISMATCH|PANIC)/.test(message))
    return new LogCorrupted(`${doing}: ${message}`, { cause: error });
  // A short write of a full disk is EIO to LMDB.
  const { code } = error as { code?: unknown };
  const hint = code === 5 || code === 28 ? ': the disk is full or failing' : '';
  return new EventLogUnavailable(`${doing}: ${message}${hint}`, { cause: error });
}

/** A name as a key: itself, or its hash when it is longer than the store's keys may be or has a NUL. */
export function textKey(text: string): string {
  const plain = text.length <= 400 && Buffer.byteLength(text) <= 600 && !text.includes('\0') && !text.startsWith('#');
  return plain ? text : `#${createHash('sha256').update(text).digest('hex')}`;
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
