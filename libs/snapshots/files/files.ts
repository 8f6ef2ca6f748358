import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SnapshotsUnavailable } from '../errors.js';

/** What the adapter does with files: everything appears whole or not at all, under names that are claimed once or replaced at once. */
export class Files {
  constructor(readonly folder: string) {}

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async prepare(folders: readonly string[]): Promise<void> {
    for (const name of [...folders, 'tmp']) await unavailable(mkdir(this.path(name), { recursive: true, mode: 0o700 }));
  }

  /** Puts the bytes, or what `writeTo` writes durably into a new file, under the name, on the disk when this returns, in place of what was there. */
  async replace(path: string, bytes: Uint8Array | { writeTo(path: string): Promise<void> }): Promise<void> {
    const temporary = 'writeTo' in bytes ? this.newName() : await this.temporary(bytes, true);
    if ('writeTo' in bytes) await bytes.writeTo(temporary);
    await unavailable(rename(temporary, path));
    await syncFolder(dirname(path));
  }

  /** As `replace`, without waiting for the disk: for what is written again soon. */
  async replaceSoon(path: string, bytes: Uint8Array): Promise<void> {
    await unavailable(rename(await this.temporary(bytes, false), path));
  }

  /** Puts the bytes under a name that nobody has taken; `durably`: on the disk when this returns. False: the name is taken. */
  async claim(path: string, bytes: Uint8Array, durably: boolean): Promise<boolean> {
    const temporary = await this.temporary(bytes, durably);
    try {
      await link(temporary, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw new SnapshotsUnavailable(`cannot write ${path}`, { cause: error });
    } finally {
      await remove(temporary);
    }
    if (durably) await syncFolder(dirname(path));
    return true;
  }

  private newName(): string {
    return this.path('tmp', `${process.pid}-${randomUUID()}`);
  }

  private async temporary(bytes: Uint8Array, sync: boolean): Promise<string> {
    const path = this.newName();
    const file = await unavailable(open(path, 'wx', 0o600));
    try {
      await file.writeFile(bytes);
      if (sync) await file.sync();
    } catch (error) {
      await file.close();
      await remove(path);
      throw new SnapshotsUnavailable(`cannot write ${path}`, { cause: error });
    }
    await file.close();
    return path;
  }
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new SnapshotsUnavailable(`cannot read ${path}`, { cause: error });
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new SnapshotsUnavailable(`cannot look at ${path}`, { cause: error });
  }
}

/** Nothing when there is no such folder. */
export async function names(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new SnapshotsUnavailable(`cannot read ${path}`, { cause: error });
  }
}

/** Another process may have removed it first. */
export async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw new SnapshotsUnavailable(`cannot remove ${path}`, { cause: error });
  }
}

export async function removeFolder(path: string): Promise<void> {
  await unavailable(rm(path, { recursive: true, force: true }));
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await unavailable(open(path, 'r'));
  try {
    await unavailable(folder.sync());
  } finally {
    await folder.close();
  }
}

export async function unavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new SnapshotsUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** A name that differs from every other also where the file system does not tell capitals apart: `Golf` is `=golf`. */
export function fileName(id: string): string {
  return encodeURIComponent(id)
    .replace(/[*'()!~.]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)
    .replace(/[A-Z]/g, (capital) => `=${capital.toLowerCase()}`);
}
