/** What the loading thread does: reads images into memory that it is given, verifies them, and writes them to the disk. One work after the other. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { verifyingAudience } from '../audience/read-audience.js';
import { SnapshotsUnavailable } from '../errors.js';
import type { ImagePlace } from '../publication.js';
import { headlong, inBursts } from './pace.js';
import { readImage } from './read-image.js';

export type ThreadWork =
  | {
      readonly do: 'load';
      readonly place: ImagePlace;
      readonly sha256: string;
      readonly bytes: number;
      /** Nothing waits that is more important: a node that starts. */
      readonly urgent: boolean;
    }
  | { readonly do: 'write'; readonly path: string; readonly bytes: number };

/** Memory has a number, and comes along when the thread does not know it yet. */
export type ThreadMessage =
  | (ThreadWork & { readonly buffer: number; readonly memory?: SharedArrayBuffer })
  /** The memory is no longer needed; not answered. */
  | { readonly do: 'forget'; readonly buffer: number };

/** The answer to each work, in order: null when it is done. */
export type ThreadAnswer = { readonly code: string; readonly message: string } | null;

/** On Linux a thread has a nice value of its own (elsewhere it is the whole process's). Loading then takes what requests leave of a core. */
const lowPriority = 19;
/** Bytes per write: some 50 µs. */
const pieceBytes = 128 * 1024;
/** So much is brought to the disk at once, so that who waits for the same disk need not wait for the whole image. */
const syncBytes = 4 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
let isLow = false;
/** So much forgotten memory may wait to be collected. */
const collectBytes = 16 * 1024 * 1024;
let forgottenBytes = 0;
const buffers = new Map<number, SharedArrayBuffer>();

async function load({ place, sha256, bytes, urgent }: ThreadWork & { do: 'load' }, buffer: SharedArrayBuffer): Promise<void> {
  if (!urgent && !isLow && process.platform === 'linux') {
    setPriority(0, lowPriority);
    isLow = true;
  }
  const image = new Uint8Array(buffer, 0, bytes);
  const pace = urgent ? headlong : inBursts();
  await readImage(place, sha256, image, pace);
  for (const checking = verifyingAudience(image); checking.next().done !== true; ) pace.step();
}

/** On the disk when this returns. */
function write({ path, bytes }: ThreadWork & { do: 'write' }, buffer: SharedArrayBuffer): void {
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      const pace = inBursts();
      for (let at = 0, synced = 0; at < bytes; ) {
        at += writeSync(file, new Uint8Array(buffer, at, Math.min(pieceBytes, bytes - at)));
        if (at - synced >= syncBytes) {
          fdatasyncSync(file);
          synced = at;
        }
        pace.step();
      }
      fsyncSync(file);
    } catch (error) {
      unlinkSync(path);
      throw error;
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new SnapshotsUnavailable(`cannot write ${path}`, { cause });
  }
}

async function answer(work: ThreadWork, buffer: SharedArrayBuffer): Promise<ThreadAnswer> {
  try {
    if (work.do === 'load') await load(work, buffer);
    else write(work, buffer);
    return null;
  } catch (error) {
    const { code, message, cause } = error as Error & { code?: string };
    // A bug must be seen as one: it ends the thread.
    if (code === undefined || !/^SNAPSHOT/.test(code)) throw error;
    return { code, message: cause instanceof Error ? `${message}: ${cause.message}` : message };
  }
}

/** What this thread saw of the memory keeps it. Little else is ever thrown away here, so that nothing would set off a collection, which takes 10 ms. */
function forget(buffer: number): void {
  forgottenBytes += buffers.get(buffer)?.byteLength ?? 0;
  buffers.delete(buffer);
  if (forgottenBytes < collectBytes) return;
  forgottenBytes = 0;
  collect();
}

function known({ buffer, memory }: ThreadMessage & ThreadWork): SharedArrayBuffer {
  if (memory !== undefined) buffers.set(buffer, memory);
  const found = buffers.get(buffer);
  if (found === undefined) throw new Error(`memory ${buffer} was never given`);
  return found;
}

parentPort?.on('message', async (message: ThreadMessage) => {
  if (message.do === 'forget') forget(message.buffer);
  else parentPort?.postMessage(await answer(message, known(message)));
});
