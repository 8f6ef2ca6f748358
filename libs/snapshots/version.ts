import { createHash } from 'node:crypto';

/** How an image is named: its sha256, and the first 16 hex digits of it as the version. */
export function versionOf(image: Uint8Array): { readonly sha256: string; readonly version: string } {
  const sha256 = createHash('sha256').update(image).digest('hex');
  return { sha256, version: sha256.slice(0, 16) };
}
