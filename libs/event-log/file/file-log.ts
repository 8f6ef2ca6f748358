import {
  type AppendResult,
  categoryOf,
  type EventLog,
  EventLogUnavailable,
  type ExpectedRevision,
  type LogMessage,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type RecordedEvent,
  type SubscribeOptions,
} from '../event-log.js';
import { Head } from './head.js';
import { prepare } from './prepared.js';
import { Reader } from './reader.js';
import { openStore, type Store, storeError } from './store.js';
import { newestPosition, Writer } from './writer.js';

export interface FileLogOptions {
  /** The folder of the log's two files; created when absent, unless `readOnly`. */
  readonly folder: string;
  /** Opens an existing log for reading; appends are refused. */
  readonly readOnly?: boolean;
}

/**
 * The event log as a local LMDB store: any number of reading and writing processes on one machine share the folder (a local disk, no network
 * file system). What durability means here and how it was verified is in docs/adr/0001.
 * @throws EventLogUnavailable when the folder cannot be used; LogCorrupted when the file is damaged or cut short.
 */
export async function openFileLog(options: FileLogOptions): Promise<EventLog> {
  return new FileLog(openStore(options.folder, options.readOnly ?? false), options);
}

const readMax = 500;

class FileLog implements EventLog {
  private readonly reader: Reader;
  private readonly writer: Writer;
  private readonly head: Head;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly options: FileLogOptions,
  ) {
    this.reader = new Reader(store);
    this.head = new Head(() => {
      this.reader.refresh();
      return newestPosition(store);
    });
    this.writer = new Writer(store, (position) => this.head.grown(position));
  }

  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    this.assertWritable();
    return this.writer.append(stream, categoryOf(stream), prepare(stream, events), expected);
  }

  async *readStream(
    stream: string,
    options: { readonly direction?: 'forwards' | 'backwards'; readonly fromRevision?: bigint; readonly maxCount?: number } = {},
  ): AsyncGenerator<RecordedEvent> {
    const step = options.direction === 'backwards' ? -1 : 1;
    let left = options.maxCount ?? Number.POSITIVE_INFINITY;
    let from = options.fromRevision;
    while (left > 0 && (from === undefined || from >= 0n)) {
      const wanted = Math.min(readMax, left);
      const events = this.read(() => this.reader.stream(stream, from, step, wanted));
      yield* events;
      const newest = events.at(-1);
      if (!newest || events.length < wanted) return;
      left -= events.length;
      from = newest.revision + BigInt(step);
      await nextTurn();
    }
  }

  async *readAll({ after, filter, maxCount }: ReadAllOptions): AsyncGenerator<RecordedEvent> {
    // Up to the log's end as of now, so that reading ends while others write.
    const end = this.read(() => newestPosition(this.store));
    let left = maxCount ?? Number.POSITIVE_INFINITY;
    let position = Number(after ?? 0n);
    while (left > 0 && position < end) {
      const part = this.read(() => this.reader.all(position, end, filter, Math.min(readMax, left)));
      yield* part.events;
      left -= part.events.length;
      position = part.through;
      await nextTurn();
    }
  }

  async readAt(position: Position): Promise<RecordedEvent | undefined> {
    return this.read(() => this.reader.at(Number(position)));
  }

  async lastPosition(): Promise<Position | null> {
    return asPosition(this.read(() => newestPosition(this.store)));
  }

  async *subscribe({ after, filter, signal, batchMax = 1000 }: SubscribeOptions): AsyncGenerator<LogMessage> {
    let position = Number(after ?? 0n);
    let said: number | undefined;
    while (!signal.aborted) {
      const end = this.read(() => this.head.now());
      if (position < end) {
        const part = this.read(() => this.reader.all(position, end, filter, batchMax));
        position = part.through;
        if (part.events.length > 0) yield { kind: 'events', events: part.events };
        await nextTurn();
      } else {
        if (said !== position) yield { kind: 'caughtUp', position: asPosition(end) };
        said = position;
        await this.head.beyond(position, signal);
      }
    }
  }

  async deleteStream(stream: string, expected: ExpectedRevision): Promise<void> {
    this.assertWritable();
    await this.writer.deleteStream(stream, expected);
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      this.head.close();
      await this.writer.idle();
      await this.store.root.close();
    })();
    return this.closing;
  }

  private read<Result>(ask: () => Result): Result {
    this.assertOpen();
    try {
      this.reader.refresh();
      return ask();
    } catch (error) {
      throw storeError(error, `the event log in ${this.options.folder} could not be read`);
    }
  }

  private assertOpen(): void {
    if (this.closing) throw new EventLogUnavailable('the event log is closed');
  }

  private assertWritable(): void {
    this.assertOpen();
    if (this.options.readOnly) throw new EventLogUnavailable('the event log was opened for reading only');
  }
}

function asPosition(position: number): Position | null {
  return position === 0 ? null : (BigInt(position) as Position);
}

function nextTurn(): Promise<void> {
  return new Promise(setImmediate);
}
