import { existsSync, readFileSync } from 'node:fs';

// Not compiled, so not beside the compiled code: seen from apps/standalone/demo and from dist/apps/standalone/demo.
const home = ['./', '../../../../apps/standalone/demo/']
  .map((path) => new URL(path, import.meta.url))
  .find((folder) => existsSync(new URL('data/', folder)));

/** A file of the demo's folder, such as `data/products.json`. @throws when it is not there. */
export function demoFile(path: string): Buffer {
  if (home === undefined) throw new Error('the demo’s files are not beside its code');
  return readFileSync(new URL(path, home));
}
