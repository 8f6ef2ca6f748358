import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import { readStoredIncrement } from '../files/increment-files.js';
import type { Increment, SnapshotKind } from '../publication.js';
import { versionOf } from '../version.js';

/** The announced length is believed up to here: `audienceBytesMax`. */
const imageBytesMax = 2 ** 31;
/** Attempts one after the other that brought nothing. */
const idleAttemptsMax = 3;
/** A connection on which nothing arrives for so long is given up, and the rest asked for on another. */
const stallMs = 10_000;
const wholeTriesMax = 2;

/** An image by its hash: what was cut is asked for from there on; what is wrong is asked for once more. @throws SnapshotMissing, SnapshotCorrupt, SnapshotsUnavailable */
export async function fetchImage(url: string, sha256: string, bytes: number): Promise<Buffer> {
  if (bytes > imageBytesMax) throw new SnapshotCorrupt(`an image of ${bytes} bytes is announced`);
  for (let attempt = 1; ; attempt += 1) {
    const image = await fetchWhole(url, sha256, bytes);
    if (versionOf(image).sha256 === sha256) return image;
    if (attempt === wholeTriesMax) throw new SnapshotCorrupt(`image ${sha256} is damaged where it is served`);
  }
}

async function fetchWhole(url: string, sha256: string, bytes: number): Promise<Buffer> {
  const image = Buffer.allocUnsafe(bytes);
  let have = 0;
  for (let idle = 0; have < bytes || bytes === 0; ) {
    const before = have;
    try {
      const answer = await ask(url, have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': `"${sha256}"` });
      const { status, headers } = answer.response;
      // A whole image in place of its rest: from the beginning.
      if (status === 200) have = 0;
      const total =
        status === 206
          ? Number(/^bytes \d+-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1])
          : have + Number(headers.get('content-length') ?? bytes);
      if (total !== bytes) {
        answer.give();
        throw new SnapshotCorrupt(`image ${sha256} has ${total} bytes in place of ${bytes}`);
      }
      for await (const chunk of answer.body()) {
        if (have + chunk.length > bytes) throw new SnapshotCorrupt(`image ${sha256} has more than ${bytes} bytes`);
        image.set(chunk, have);
        have += chunk.length;
      }
      if (bytes === 0) break;
    } catch (error) {
      if (!(error instanceof SnapshotsUnavailable)) throw error;
      idle = have > before ? 0 : idle + 1;
      if (idle >= idleAttemptsMax) throw error;
      continue;
    }
    idle = have > before ? 0 : idle + 1;
    if (have < bytes && idle >= idleAttemptsMax) throw new SnapshotsUnavailable(`${url} ends after ${have} of ${bytes} bytes`);
  }
  return image;
}

/** A kept version's image; null where it is not known. @throws SnapshotsUnavailable, SnapshotCorrupt */
export async function fetchKeptVersion(origin: string, clientId: string, kind: SnapshotKind, version: string): Promise<Buffer | null> {
  const bytes = await fetchBytes(`${origin}/snapshots/${clientId}/${kind}/${version}`);
  if (bytes !== null && versionOf(bytes).version !== version) throw new SnapshotCorrupt(`version ${version} of ${clientId} is damaged`);
  return bytes;
}

/** Increments of a base after a sequence, in order, as far as they are there. @throws SnapshotsUnavailable, SnapshotCorrupt */
export async function fetchIncrements(origin: string, clientId: string, base: string, after: number): Promise<Increment[]> {
  const found: Increment[] = [];
  for (;;) {
    const answer = await fetchBytes(`${origin}/snapshots/${clientId}/increments/${base}?after=${after + found.length}`);
    if (answer === null || answer.length === 0) return found;
    for (let at = 0; at < answer.length; ) {
      const length = answer.readUInt32LE(at);
      const increment = readStoredIncrement(answer.subarray(at + 4, at + 4 + length));
      if (increment.base !== base || increment.clientId !== clientId || increment.sequence !== after + found.length + 1) {
        throw new SnapshotCorrupt(`increments of ${base} are out of order where they are served`);
      }
      found.push(increment);
      at += 4 + length;
    }
  }
}

async function fetchBytes(url: string): Promise<Buffer | null> {
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await ask(url, {})).body()) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof SnapshotMissing) return null;
    throw error;
  }
}

interface Answer {
  readonly response: Response;
  body(): AsyncIterable<Uint8Array>;
  give(): void;
}

/** @throws SnapshotMissing for 404, SnapshotsUnavailable for whatever else is no 200 or 206. */
async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), stallMs);
  const unavailable = (error: unknown) => {
    clearTimeout(timer);
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    return new SnapshotsUnavailable(`${url} cannot be had: ${cause?.code ?? cause?.message ?? String(error)}`, { cause: error });
  };
  let response: Response;
  try {
    response = await fetch(url, { headers, redirect: 'error', signal: stalled.signal });
  } catch (error) {
    throw unavailable(error);
  }
  const give = () => {
    clearTimeout(timer);
    stalled.abort();
  };
  if (response.status !== 200 && response.status !== 206) {
    give();
    if (response.status === 404) throw new SnapshotMissing(`${url} is not there`);
    throw new SnapshotsUnavailable(`${url} answers ${response.status}`);
  }
  return {
    response,
    give,
    async *body() {
      const reader = response.body?.getReader();
      try {
        for (;;) {
          const next = await reader?.read().catch((error: unknown) => {
            throw unavailable(error);
          });
          if (next === undefined || next.done) return;
          clearTimeout(timer);
          timer = setTimeout(() => stalled.abort(), stallMs);
          yield next.value;
        }
      } finally {
        give();
      }
    },
  };
}
