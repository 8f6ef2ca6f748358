/** The built tag, as processes hand it out. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';

export interface TagScript {
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  /** Of its bytes, for `If-None-Match`; weak, because it stands for both forms. */
  readonly etag: string;
}

/** Reads what `npm run build` made. @throws Error when it was not built. */
export function tagScript(): TagScript {
  // Beside the compiled module; from the source in dist/.
  const path = ['./tag.js', '../../dist/libs/tag/tag.js'].map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
  if (path === undefined) throw new Error('the tag is not built: npm run build');
  const bytes = readFileSync(path);
  return {
    bytes,
    gzipped: gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }),
    etag: `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
  };
}
