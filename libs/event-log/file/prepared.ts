import { AppendTooLarge, appendBytesMax, InvalidEvent, jsonObject, jsonText, type NewEvent, WrittenEvent } from '../event-log.js';
import { blockBytesMax, blockEntryBytes, blockEventsMax, newBlock, writeEntry } from './block.js';
import { writeUuid } from './uuid.js';

/** Events checked and serialised, on their way into the store. */
export interface PreparedBlock {
  /** To be sealed (block.ts). */
  readonly bytes: Buffer;
  /** In lower case. */
  readonly ids: readonly string[];
  readonly types: readonly string[];
}

/** The texts of the block being filled, and what is said of them: used again for each, since nothing waits while it is filled. */
let content = Buffer.allocUnsafeSlow(4 * blockBytesMax);
const entries = Buffer.allocUnsafeSlow(blockEventsMax * blockEntryBytes);

/** No text's bytes: not even those of an empty one. */
const nothing: { readonly text: string | null; readonly begin: number; readonly end: number } = { text: null, begin: 0, end: 0 };

/**
 * Checks what can be wrong with events before anything is written.
 * @throws InvalidEvent, AppendTooLarge
 */
export function prepare(stream: string, events: readonly NewEvent[]): PreparedBlock[] {
  if (stream === '') throw new InvalidEvent('a stream needs a name');
  if (events.length === 0) throw new InvalidEvent('an append needs events');
  const blocks: PreparedBlock[] = [];
  let [ids, types]: [string[], string[]] = [[], []];
  let [end, total] = [0, 0];
  let shared = nothing;
  const close = () => {
    blocks.push({ bytes: newBlock(entries, ids.length, content.subarray(0, end)), ids, types });
    [ids, types, end] = [[], [], 0];
    shared = nothing;
  };
  for (const event of events) {
    const { id, type } = event;
    if (type === '') throw new InvalidEvent('an event needs a type');
    if (!writeUuid(id, entries, ids.length * blockEntryBytes)) throw new InvalidEvent(`the event id ${JSON.stringify(id)} is no UUID`);
    const isWritten = event instanceof WrittenEvent;
    const data = { begin: end, end: write(isWritten ? checked(event.dataJson, 'data') : jsonText(event.data, 'data'), end) };
    end = data.end;
    const metadata = isWritten ? event.metadataJson : jsonText(event.metadata, 'metadata');
    if (metadata !== shared.text) {
      if (isWritten) checked(metadata, 'metadata');
      shared = { text: metadata, begin: end, end: write(metadata, end) };
      end = shared.end;
    }
    total += data.end - data.begin + shared.end - shared.begin;
    if (total > appendBytesMax) throw new AppendTooLarge(`more than ${appendBytesMax} bytes in one append`);
    writeEntry(entries, ids.length, data, shared);
    ids.push(id.toLowerCase());
    types.push(type);
    if (end >= blockBytesMax || ids.length === blockEventsMax) close();
  }
  if (ids.length > 0) close();
  return blocks;
}

/** Where the text's bytes end. */
function write(text: string, at: number): number {
  if (text.length > appendBytesMax)
    throw new AppendTooLarge(`${text.length} characters in one event; at most ${appendBytesMax} bytes in one append`);
  // UTF-8 has at most three bytes for a unit of UTF-16.
  if (at + text.length * 3 > content.length) {
    const larger = Buffer.allocUnsafeSlow(at + text.length * 3);
    content.copy(larger, 0, 0, at);
    content = larger;
  }
  return at + content.write(text, at);
}

function checked(text: string, what: string): string {
  jsonObject(text, what);
  return text;
}
