import { once } from 'node:events';
import { type EventLog, type Position, parsePosition, type RecordedEvent } from '#libs/event-log';
import { verifyLog } from '#libs/event-log/file';
import { openDataFolder, type Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import { StartRefused } from '../composition/free-port.js';
import { openLog, pathOf } from '../composition/ports.js';

export interface ReadOptions {
  readonly after?: string;
  readonly categories?: string;
  readonly types?: string;
  readonly stream?: string;
  readonly max?: string;
  readonly follow?: boolean;
}

/** Prints events as JSON lines. */
export async function readLog(settings: Settings, options: ReadOptions): Promise<void> {
  const after = options.after === undefined ? null : parsePosition(options.after);
  if (after === undefined) throw new StartRefused('--after is no position: a whole number');
  const max = options.max === undefined ? Number.POSITIVE_INFINITY : Number(options.max);
  if (!(max >= 1)) throw new StartRefused('--max is a whole number from 1');
  const closing = new Closing();
  const log = await openLog({ settings, folder: openDataFolder(settings.VITRINE_DATA), closing });
  try {
    let left = max;
    for await (const event of eventsOf(log, after, options)) {
      if (options.stream !== undefined && event.stream !== options.stream) continue;
      if (!process.stdout.write(`${line(event)}\n`)) await once(process.stdout, 'drain');
      left -= 1;
      if (left <= 0) break;
    }
  } finally {
    await closing.close();
  }
}

async function* eventsOf(log: EventLog, after: Position | null, options: ReadOptions): AsyncGenerator<RecordedEvent> {
  const filter = { ...listed('categories', options.categories), ...listed('types', options.types) };
  if (options.follow !== true) {
    if (options.stream !== undefined && after === null) yield* log.readStream(options.stream);
    else yield* log.readAll({ after, filter });
    return;
  }
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  for await (const message of log.subscribe({ after, filter, signal: ending.signal })) if (message.kind === 'events') yield* message.events;
}

function listed(name: 'categories' | 'types', text: string | undefined): { categories?: string[]; types?: string[] } {
  return text === undefined ? {} : { [name]: text.split(',').map((each) => each.trim()) };
}

function line({ position, stream, revision, recordedAt, id, type, data, metadata }: RecordedEvent): string {
  return JSON.stringify({ position: String(position), stream, revision: Number(revision), recordedAt, id, type, data, metadata });
}

/** Reads the whole log; prints what it found, and every problem in a line of its own. */
export async function verify(settings: Settings): Promise<void> {
  if (!settings.VITRINE_EVENT_LOG.startsWith('file:'))
    throw new StartRefused('only a file: log is verified here; EventStoreDB verifies its own at its start');
  const folder = pathOf(settings.VITRINE_EVENT_LOG) ?? openDataFolder(settings.VITRINE_DATA).log;
  const onProgress = (events: number) => process.stderr.isTTY && process.stderr.write(`\r${events} events `);
  const { problems, ...found } = await verifyLog({ folder, onProgress });
  console.log(JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) throw new StartRefused(`the log in ${folder} does not hold together`);
}
