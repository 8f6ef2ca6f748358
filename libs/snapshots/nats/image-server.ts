import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { codeOf, Files } from '../files/files.js';
import { IncrementFiles, storedIncrement } from '../files/increment-files.js';
import { Versions } from '../files/versions.js';

/** Answers what begins with `/snapshots/`; false: the request is another's, and was not touched. */
export type ImageHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

const clientId = '[A-Za-z0-9][A-Za-z0-9_-]{0,63}';
const imageForm = /^\/snapshots\/([0-9a-f]{64})$/;
const versionForm = new RegExp(`^/snapshots/(${clientId})/(audience|playbook)/([0-9a-f]{16})$`);
const incrementsForm = new RegExp(`^/snapshots/(${clientId})/increments/([0-9a-f]{16})$`);
/** So many bytes of increments in one answer; who wants the rest asks again. */
const answerBytesMax = 16 * 1024 * 1024;

/**
 * What a snapshot builder serves of its folder, for its operations port:
 * `GET /snapshots/{sha256}` an image, immutable, with Range and If-Range;
 * `GET /snapshots/{clientId}/{kind}/{version}` a kept version's image;
 * `GET /snapshots/{clientId}/increments/{base}?after=<n>` increments, each as u32 LE length and the stored form.
 */
export function serveImages(folder: string): ImageHandler {
  const files = new Files(folder);
  const versions = new Versions(files);
  const increments = new IncrementFiles(files);
  return async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://builder');
    if (!url.pathname.startsWith('/snapshots/')) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
    const image = imageForm.exec(url.pathname);
    if (image !== null) return sendImage(request, response, files.path('images', image[1]!), image[1]!);
    const version = versionForm.exec(url.pathname);
    if (version !== null) {
      const known = await versions.read(version[1]!, version[2] as 'audience' | 'playbook', version[3]!);
      return known === null ? refuse(response, 404) : sendImage(request, response, files.path('images', known.sha256), known.sha256);
    }
    const base = incrementsForm.exec(url.pathname);
    const after = Number(url.searchParams.get('after') ?? 0);
    if (base === null || !Number.isSafeInteger(after) || after < 0) return refuse(response, 404);
    const parts: Buffer[] = [];
    let bytes = 0;
    for (let sequence = after + 1; bytes < answerBytesMax; sequence += 1) {
      const increment = await increments.read(base[1]!, base[2]!, sequence);
      if (increment === undefined) break;
      const stored = storedIncrement(increment);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(stored.length);
      parts.push(length, stored);
      bytes += stored.length;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
    response.end(Buffer.concat(parts));
    return true;
  };
}

async function sendImage(request: IncomingMessage, response: ServerResponse, path: string, sha256: string): Promise<true> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return refuse(response, 404);
    throw error;
  }
  try {
    const { size } = await file.stat();
    const etag = `"${sha256}"`;
    const head = {
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
      etag,
    };
    const ifRange = request.headers['if-range'];
    const range = ifRange === undefined || ifRange === etag ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null;
    const start = range === null ? 0 : Number(range[1]);
    const end = range === null || range[2] === '' ? size - 1 : Math.min(Number(range[2]), size - 1);
    if (range !== null && (start >= size || end < start)) return refuse(response, 416, { 'content-range': `bytes */${size}` });
    const length = { 'content-length': end - start + 1 };
    if (range === null) response.writeHead(200, { ...head, ...length });
    else response.writeHead(206, { ...head, ...length, 'content-range': `bytes ${start}-${end}/${size}` });
    if (request.method === 'HEAD' || size === 0) response.end();
    else await pipeline(createReadStream('', { fd: file, start, end, autoClose: false }), response).catch(ignoreGone);
    return true;
  } finally {
    await file.close();
  }
}

function refuse(response: ServerResponse, status: number, head: Readonly<Record<string, string>> = {}): true {
  response.writeHead(status, { ...head, 'content-length': 0 });
  response.end();
  return true;
}

/** Whoever asked went away; they ask for the rest. */
function ignoreGone(error: unknown): void {
  if (!['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ABORT_ERR'].includes(codeOf(error) ?? '')) throw error;
}
