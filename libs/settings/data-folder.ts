import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The folder cannot be used as it is; the message is one line for a person. */
export class DataFolderUnusable extends Error {
  readonly code = 'DATA_FOLDER_UNUSABLE';
}

/** The folder of all that one machine keeps; its layout is said here and nowhere else. */
export interface DataFolder {
  readonly path: string;
  readonly log: string;
  readonly clickhouse: string;
  readonly snapshots: string;
  readonly keys: string;
  readonly uploads: string;
  readonly imports: string;
  /** Of the one standalone process. */
  readonly lock: string;
  /** Of the process that has this duty. */
  lockOf(duty: string): string;
  spoolOf(node: string): string;
  cacheOf(node: string): string;
  /** What stands in the file of that name, made with `generate` (mode 600, on the disk when this returns) if there is none. */
  kept(name: string, generate: () => string): string;
}

/** Opens the folder, making it if there is none. @throws DataFolderUnusable. */
export function openDataFolder(path: string): DataFolder {
  try {
    makeFolder(resolve(path));
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DataFolderUnusable(`VITRINE_DATA: ${path} is not a folder that can be written (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
  return {
    path,
    log: join(path, 'log'),
    clickhouse: join(path, 'clickhouse'),
    snapshots: join(path, 'snapshots'),
    keys: join(path, 'keys'),
    uploads: join(path, 'uploads'),
    imports: join(path, 'imports'),
    lock: join(path, 'standalone.lock'),
    lockOf: (duty) => join(path, `${duty}.lock`),
    spoolOf: (node) => join(path, 'spool', node),
    cacheOf: (node) => join(path, 'cache', node),
    kept: (name, generate) => kept(join(path, name), generate),
  };
}

/** With `recursive`, mkdirSync never returns where a folder cannot be made though its parent is there, as in /proc. */
function makeFolder(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

function kept(path: string, generate: () => string): string {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const text = generate();
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, `${text}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return text;
}
