import type { Readable } from 'node:stream';
import { parseError } from '@clickhouse/client';

/** Read ahead of the consumer; beyond it ClickHouse has to wait. */
const aheadBytesMax = 8 * 1024 * 1024;
/** ClickHouse writes at most 16 KiB of an exception. */
const exceptionBytesMax = 20_000;

/**
 * The bytes of an answer. Its status was 200 when it began; an error after that stands at the end of the bytes, as
 * `__exception__ TAG message length TAG __exception__`, and the connection is cut behind it. So the last bytes are held back until it is
 * known that they are no such thing. @throws what ClickHouse said, or the error of the connection.
 */
export async function* answerBytes(stream: Readable, tag: string | undefined): AsyncIterable<Uint8Array> {
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of readAhead(stream)) {
      if (chunk.length < exceptionBytesMax && held.length < exceptionBytesMax) {
        held = Buffer.concat([held, chunk]);
        continue;
      }
      if (held.length > 0) yield held;
      held = chunk;
    }
  } catch (error) {
    throw exceptionIn(held, tag) ?? error;
  }
  const exception = exceptionIn(held, tag);
  if (exception !== undefined) throw exception;
  if (held.length > 0) yield held;
}

/** A cut connection makes a stream drop what it holds, ClickHouse's last words among it: so the bytes are taken out of it as they come. */
async function* readAhead(stream: Readable): AsyncIterable<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let end: { readonly error: Error | undefined } | undefined;
  let notify: () => void = () => undefined;
  const ended = (error?: Error) => {
    end ??= { error };
    notify();
  };
  stream
    .on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= aheadBytesMax) stream.pause();
      notify();
    })
    .once('end', () => ended())
    .once('error', ended)
    .once('close', () => ended(new Error('aborted')));
  for (;;) {
    const taken = chunks;
    chunks = [];
    bytes = 0;
    if (end === undefined) stream.resume();
    yield* taken;
    if (chunks.length > 0) continue;
    if (end !== undefined) break;
    await new Promise<void>((resolve) => {
      notify = resolve;
    });
  }
  if (end.error !== undefined) throw end.error;
}

function exceptionIn(bytes: Buffer, tag: string | undefined): Error | undefined {
  if (tag === undefined) return undefined;
  const begin = bytes.lastIndexOf(`__exception__\r\n${tag}\r\n`);
  if (begin < 0) return undefined;
  const text = bytes.toString('utf8', begin);
  return parseError(text.slice(Math.max(0, text.indexOf('Code: '))));
}
