import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import type { ImagePlace } from '../publication.js';
import { fetchInto } from './image-over-http.js';
import { headlong, type Pace } from './pace.js';

/** Read and hashed at once, while it is in the processor's cache: some 100 µs. */
const pieceBytes = 128 * 1024;
const fetchesMax = 2;

/**
 * Fills `image`, which has the announced length, with the image of this name, and sees that it is that. A file is read without a turn of the event
 * loop in between: this is for threads with nothing else to do. What is wrong over HTTP is asked for once more.
 * @throws SnapshotMissing, SnapshotCorrupt, SnapshotsUnavailable
 */
export async function readImage(place: ImagePlace, sha256: string, image: Uint8Array, pace: Pace = headlong): Promise<void> {
  if ('path' in place) return readFileInto(place.path, sha256, image, pace);
  for (let attempt = 1; ; attempt += 1) {
    await fetchInto(place.url, sha256, image, pace);
    if (hashOf(image, pace) === sha256) return;
    if (attempt === fetchesMax) throw new SnapshotCorrupt(`image ${sha256} is damaged where it is served`);
  }
}

function hashOf(image: Uint8Array, pace: Pace): string {
  const hash = createHash('sha256');
  for (let at = 0; at < image.length; at += pieceBytes) {
    hash.update(image.subarray(at, at + pieceBytes));
    pace.step();
  }
  return hash.digest('hex');
}

function readFileInto(path: string, sha256: string, image: Uint8Array, pace: Pace): void {
  const hash = createHash('sha256');
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      if (size !== image.length) throw new SnapshotCorrupt(`image ${sha256} has ${size} bytes in place of ${image.length}`);
      for (let at = 0; at < image.length; ) {
        const read = readSync(file, image, at, Math.min(pieceBytes, image.length - at), at);
        if (read === 0) throw new SnapshotCorrupt(`image ${sha256} was cut while it was read`);
        hash.update(image.subarray(at, at + read));
        at += read;
        pace.step();
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof SnapshotCorrupt) throw error;
    const isAway = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isAway) throw new SnapshotMissing(`image ${sha256} is not here`);
    throw new SnapshotsUnavailable(`cannot read ${path}`, { cause: error });
  }
  if (hash.digest('hex') !== sha256) throw new SnapshotCorrupt(`image ${sha256} is damaged`);
}
