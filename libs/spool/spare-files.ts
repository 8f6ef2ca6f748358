import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface Spare {
  readonly path: string;
  readonly bytes: number;
}

/** Two are enough for a log that keeps up: one is written while the other is forwarded. */
const sparesMax = 2;

/**
 * Files of segments that are done, kept for the next: what is written over bytes that are there already is on the disk without a commit of the file system's
 * journal, which takes half of the processor time of a put and most of its waiting (docs/adr/0055).
 */
export class SpareFiles {
  private constructor(
    private readonly folder: string,
    private readonly bytesMin: number,
    private readonly spares: Spare[],
  ) {}

  /** `bytesMin`: of a file that is worth keeping. */
  static async open(folder: string, bytesMin: number): Promise<SpareFiles> {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.spare'));
    const spares = await Promise.all(names.map((name) => spareAt(join(folder, name))));
    return new SpareFiles(folder, bytesMin, spares);
  }

  take(): Spare | undefined {
    return this.spares.pop();
  }

  /** Keeps the file under another name, or removes it. */
  async add(path: string, firstSequence: number): Promise<void> {
    const { bytes } = await spareAt(path);
    if (bytes < this.bytesMin || this.spares.length >= sparesMax) return rm(path, { force: true });
    const kept = join(this.folder, `${firstSequence}.spare`);
    await rename(path, kept);
    this.spares.push({ path: kept, bytes });
  }
}

async function spareAt(path: string): Promise<Spare> {
  return { path, bytes: (await stat(path)).size };
}
