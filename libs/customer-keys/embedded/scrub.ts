import { fdatasyncSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const chunkBytes = 4 * 1024 * 1024;

interface Place {
  readonly at: number;
  readonly fragment: Buffer;
}

/**
 * Overwrites what is left of deleted values in the store's file: LMDB copies a page when it writes and does not clear the old one, so that a
 * removed value stays readable in free pages and in the gaps of live ones. `underLock` runs its argument while no other process writes the
 * file; fragments are random bytes of 12 or more, which nothing else in the file equals.
 */
export async function scrub(path: string, fragments: readonly Buffer[], underLock: (act: () => void) => Promise<unknown>): Promise<void> {
  const file = await open(path, 'r+');
  try {
    // Again until nothing is found: a page may have been written while the file was being looked through.
    for (;;) {
      const places = await find(file, fragments);
      if (places.length === 0) return;
      await underLock(() => {
        for (const { at, fragment } of places) {
          const now = Buffer.alloc(fragment.length);
          readSync(file.fd, now, 0, now.length, at);
          if (now.equals(fragment)) writeSync(file.fd, Buffer.alloc(fragment.length), 0, fragment.length, at);
        }
        fdatasyncSync(file.fd);
      });
    }
  } finally {
    await file.close();
  }
}

async function find(file: FileHandle, fragments: readonly Buffer[]): Promise<Place[]> {
  const places: Place[] = [];
  const overlap = Math.max(...fragments.map(({ length }) => length)) - 1;
  const chunk = Buffer.alloc(chunkBytes);
  for (let start = 0; ; start += chunkBytes - overlap) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, start);
    const bytes = chunk.subarray(0, bytesRead);
    for (const fragment of fragments)
      for (let at = bytes.indexOf(fragment); at >= 0; at = bytes.indexOf(fragment, at + 1)) places.push({ at: start + at, fragment });
    if (bytesRead < chunkBytes) return places;
  }
}
