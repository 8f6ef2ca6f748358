import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import type { Pace } from './pace.js';

/** Attempts one after the other that brought nothing. */
const idleAttemptsMax = 3;
/** A connection on which nothing arrives for so long is given up, and the rest asked for on another. */
const stallMs = 10_000;

/**
 * Fills `image` with what stands at the address, whose length is announced; what was cut is asked for from there on.
 * @throws SnapshotMissing, SnapshotCorrupt (another length), SnapshotsUnavailable
 */
export async function fetchInto(url: string, sha256: string, image: Uint8Array, pace: Pace): Promise<void> {
  const bytes = image.length;
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
        pace.step();
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
}

export interface HttpAnswer {
  readonly response: Response;
  body(): AsyncIterable<Uint8Array>;
  give(): void;
}

/** @throws SnapshotMissing for 404, SnapshotsUnavailable for whatever else is no 200 or 206. */
export async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
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
