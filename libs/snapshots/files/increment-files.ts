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
    return this.files.claim(this.pathOf(increment), storedIncrement(increment), true);
  }

  /** In place of what may stand there. */
  async replace(increment: Increment): Promise<void> {
    await this.files.replace(this.pathOf(increment), storedIncrement(increment));
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
    return file === undefined ? undefined : { ...readStoredIncrement(file), clientId, base, sequence };
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

/** One line of JSON, then the bytes: as files and messages carry it. */
export function storedIncrement({ bytes, ...fields }: Increment): Buffer {
  const head = { ...fields, position: String(fields.position), bytes: bytes.length, checksum: checksum(bytes).toString(16) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

/** @throws SnapshotCorrupt. */
export function readStoredIncrement(stored: Buffer): Increment {
  const lineEnd = stored.indexOf(10);
  const bytes = stored.subarray(lineEnd + 1);
  const head = readIncrementHead(stored.toString('utf8', 0, lineEnd));
  if (head.bytes !== bytes.length || head.checksum !== checksum(bytes).toString(16)) {
    throw new SnapshotCorrupt(`increment ${head.sequence} of ${head.base}`);
  }
  const { clientId, base, sequence, position, builtAt } = head;
  return { clientId, base, sequence, position, builtAt, bytes };
}

/** What the line says. */
export type IncrementHead = Omit<Increment, 'bytes'> & { readonly bytes: number; readonly checksum: string };

/** @throws SnapshotCorrupt. */
export function readIncrementHead(line: string): IncrementHead {
  let head: Omit<IncrementHead, 'position'> & { readonly position: string };
  try {
    head = JSON.parse(line);
  } catch (cause) {
    throw new SnapshotCorrupt('an increment begins with no line of JSON', { cause });
  }
  const position = parsePosition(head.position);
  if (position === undefined) throw new SnapshotCorrupt(`increment ${head.sequence} of ${head.base}`);
  return { ...head, position };
}

function baseName(clientId: string, base: string): string {
  return `${fileName(clientId)}.${base}`;
}

function fileOf(sequence: number): string {
  return String(sequence).padStart(9, '0');
}
