import { parsePosition } from '#libs/event-log';
import { SnapshotCorrupt } from '../errors.js';
import { checksum } from '../hash.js';
import type { Increment } from '../publication.js';
import { type Files, fileName, names, readIfThere, removeFolder } from './files.js';

const folder = 'increments';

/**
 * The increments `increments/<clientId>.<base>/<sequence>`: one line of JSON, then the bytes. The file's appearance is its publication;
 * a name is claimed once, so that two builders cannot both publish the same sequence.
 */
export class IncrementFiles {
  constructor(private readonly files: Files) {}

  async prepare(): Promise<void> {
    await this.files.prepare([folder]);
  }

  async prepareBase(clientId: string, base: string): Promise<void> {
    await this.files.prepare([`${folder}/${baseName(clientId, base)}`]);
  }

  /** False: there is one with this sequence already. */
  async put(increment: Increment): Promise<boolean> {
    return this.files.claim(this.pathOf(increment), stored(increment), true);
  }

  /** In place of what may stand there. */
  async replace(increment: Increment): Promise<void> {
    await this.files.replace(this.pathOf(increment), stored(increment));
  }

  /** The greatest sequence up to which none is missing; 0 for none. */
  async last(clientId: string, base: string): Promise<number> {
    const there = new Set(await names(this.files.path(folder, baseName(clientId, base))));
    let sequence = there.size;
    // They are claimed in order, so there are as many as the last one's number; fewer only while one is being removed.
    while (sequence > 0 && !there.has(fileOf(sequence))) sequence -= 1;
    return sequence;
  }

  /** @throws SnapshotCorrupt. */
  async read(clientId: string, base: string, sequence: number): Promise<Increment | undefined> {
    const file = await readIfThere(this.pathOf({ clientId, base, sequence }));
    if (file === undefined) return undefined;
    const lineEnd = file.indexOf(10);
    const bytes = file.subarray(lineEnd + 1);
    let head: { position: string; builtAt: string; bytes: number; checksum: string };
    try {
      head = JSON.parse(file.toString('utf8', 0, lineEnd));
    } catch (cause) {
      throw new SnapshotCorrupt(`increment ${sequence} of ${base}`, { cause });
    }
    const position = parsePosition(head.position);
    if (position === undefined || head.bytes !== bytes.length || head.checksum !== checksum(bytes).toString(16)) {
      throw new SnapshotCorrupt(`increment ${sequence} of ${base}`);
    }
    return { clientId, base, sequence, position, builtAt: head.builtAt, bytes };
  }

  async after(clientId: string, base: string, afterSequence: number): Promise<Increment[]> {
    const found: Increment[] = [];
    for (let sequence = afterSequence + 1; ; sequence += 1) {
      const increment = await this.read(clientId, base, sequence);
      if (increment === undefined) return found;
      found.push(increment);
    }
  }

  async removeBase(clientId: string, base: string): Promise<void> {
    await removeFolder(this.files.path(folder, baseName(clientId, base)));
  }

  private pathOf({ clientId, base, sequence }: Pick<Increment, 'clientId' | 'base' | 'sequence'>): string {
    return this.files.path(folder, baseName(clientId, base), fileOf(sequence));
  }
}

function stored({ bytes, ...fields }: Increment): Uint8Array {
  const head = { ...fields, position: String(fields.position), bytes: bytes.length, checksum: checksum(bytes).toString(16) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

function baseName(clientId: string, base: string): string {
  return `${fileName(clientId)}.${base}`;
}

function fileOf(sequence: number): string {
  return String(sequence).padStart(9, '0');
}
