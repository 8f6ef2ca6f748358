import { SnapshotCorrupt, SnapshotMissing } from '../errors.js';
import { readStoredIncrement } from '../files/increment-files.js';
import { ask } from '../loading/image-over-http.js';
import { readImage } from '../loading/read-image.js';
import type { Increment, SnapshotKind } from '../publication.js';
import { versionOf } from '../version.js';

/** The announced length is believed up to here: `audienceBytesMax`. */
const imageBytesMax = 2 ** 31;

/** An image by its hash: what was cut is asked for from there on; what is wrong is asked for once more. @throws SnapshotMissing, SnapshotCorrupt, SnapshotsUnavailable */
export async function fetchImage(url: string, sha256: string, bytes: number): Promise<Buffer> {
  if (bytes > imageBytesMax) throw new SnapshotCorrupt(`an image of ${bytes} bytes is announced`);
  const image = Buffer.allocUnsafe(bytes);
  await readImage({ url }, sha256, image);
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
