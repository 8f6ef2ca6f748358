import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

/** The file cannot be read as what it says it is: the import fails, with what was read before already imported. */
export class SourceUnreadable extends Error {
  readonly code = 'SOURCE_UNREADABLE';
}

/** A gzipped file may become at most so many bytes. */
export const sourceBytesMax = 256 * 1024 ** 3;

/**
 * A file's text in pieces; gzip is recognised by its first bytes, a byte order mark is taken away, bytes that are no text become U+FFFD.
 * @throws SourceUnreadable for a missing or broken file.
 */
export async function* readText(path: string, encoding: string, signal?: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  let bytes = 0;
  try {
    for await (const chunk of await openBytes(path)) {
      signal?.throwIfAborted();
      if (bytes === 0 && isUtf16(chunk) && decoder.encoding === 'utf-8') {
        throw new SourceUnreadable('the file is UTF-16; set "encoding": "utf-16le" in the mapping, or save it as UTF-8');
      }
      bytes += chunk.length;
      if (bytes > sourceBytesMax) throw new SourceUnreadable(`the file becomes more than ${sourceBytesMax} bytes`);
      const text = decoder.decode(chunk, { stream: true });
      if (text !== '') yield text;
    }
    const rest = decoder.decode();
    if (rest !== '') yield rest;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    // zlib and the file system put their codes on errors; a cut or broken file is no fault of ours.
    if (typeof code === 'string' && /^(Z_|ENOENT|EISDIR|EACCES|EIO)/.test(code)) {
      throw new SourceUnreadable(`the file cannot be read: ${(error as Error).message}`, { cause: error });
    }
    throw error;
  }
}

async function openBytes(path: string): Promise<AsyncIterable<Buffer>> {
  const file = await open(path, 'r');
  const magic = Buffer.alloc(2);
  try {
    await file.read(magic, 0, 2, 0);
  } finally {
    await file.close();
  }
  const bytes = createReadStream(path, { highWaterMark: 256 * 1024 });
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return bytes;
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // pipe() does not carry errors over, and pipeline() would need its own promise watched.
  bytes.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => bytes.destroy());
  return bytes.pipe(gunzip);
}

function isUtf16(chunk: Buffer): boolean {
  return (chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff);
}
