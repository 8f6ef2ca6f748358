import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Who put a file, and what it is called there. */
export interface UploadOwner {
  /** The client of the key that put it; null: a key for all clients. */
  readonly clientId: string | null;
  readonly keyId: string;
}

export interface Upload {
  readonly uploadId: string;
  readonly owner: UploadOwner;
  readonly fileName: string;
  readonly bytes: number;
  /** Where the file is. */
  readonly path: string;
}

/** The file is larger than an upload may be; nothing of it is kept. */
export class UploadTooLarge extends Error {
  readonly code = 'UPLOAD_TOO_LARGE';
  constructor(readonly bytesMax: number) {
    super(`an upload has at most ${bytesMax} bytes`);
  }
}

const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The longest file name that is kept. */
const fileNameLengthMax = 200;

/** Files to be imported, in a folder of their own: `<uploadId>` beside `<uploadId>.json`, which is written last and says whose it is. */
export class UploadStore {
  constructor(
    private readonly folder: string,
    private readonly bytesMax: number,
  ) {}

  /** Keeps a file; when this returns it survives a crash. @throws UploadTooLarge, and the stream's error. */
  async put(content: AsyncIterable<Uint8Array>, owner: UploadOwner, fileName: string): Promise<Upload> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const uploadId = randomUUID();
    const path = join(this.folder, uploadId);
    try {
      const bytes = await this.write(path, content);
      const upload = { owner, fileName: fileName.slice(0, fileNameLengthMax), bytes };
      await writeFile(`${path}.next`, JSON.stringify(upload), { flush: true, mode: 0o600 });
      await rename(`${path}.next`, `${path}.json`);
      return { uploadId, ...upload, path };
    } catch (error) {
      await this.remove(uploadId);
      throw error;
    }
  }

  /** Undefined for what was never put whole, or was removed. */
  async get(uploadId: string): Promise<Upload | undefined> {
    if (!idForm.test(uploadId)) return undefined;
    const path = join(this.folder, uploadId);
    try {
      const { owner, fileName, bytes } = JSON.parse(await readFile(`${path}.json`, 'utf8')) as Omit<Upload, 'uploadId' | 'path'>;
      return { uploadId, owner, fileName, bytes, path };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async remove(uploadId: string): Promise<void> {
    if (!idForm.test(uploadId)) return;
    for (const ending of ['.json', '.next', '']) await rm(join(this.folder, uploadId + ending), { force: true });
  }

  /** Removes what was put longer ago and is not among `needed`: uploads that nobody imported, and halves of a crash. */
  async removeOlder(ageMs: number, needed: ReadonlySet<string>, now: Date): Promise<void> {
    for (const name of await this.names()) {
      const uploadId = name.slice(0, 36);
      if (needed.has(uploadId)) continue;
      const { mtimeMs } = await stat(join(this.folder, name));
      if (now.getTime() - mtimeMs > ageMs) await rm(join(this.folder, name), { force: true });
    }
  }

  /** For one process at a time: who holds it runs the import of this upload. */
  lockPath(uploadId: string): string {
    return join(this.folder, `${uploadId}.lock`);
  }

  private async names(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => idForm.test(name.slice(0, 36)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  private async write(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
    const file = await open(path, 'wx', 0o600);
    try {
      let bytes = 0;
      for await (const chunk of content) {
        bytes += chunk.length;
        if (bytes > this.bytesMax) throw new UploadTooLarge(this.bytesMax);
        await file.writeFile(chunk);
      }
      await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  }
}
