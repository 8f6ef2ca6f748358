import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** How far earlier runs came. */
export interface Mark {
  /** What the facts' ids are made of, beside the node. */
  readonly epoch: string;
  /** Up to which sequence everything is in the log. */
  readonly forwarded: number;
}

/** Undefined when there is none, or none that can be read: the log itself then says how far it got (forwarder.ts). */
export async function readMark(folder: string): Promise<Mark | undefined> {
  try {
    const mark = JSON.parse(await readFile(join(folder, 'mark'), 'utf8')) as Partial<Mark>;
    return /^[0-9a-f]{32}$/.test(mark.epoch ?? '') && Number.isSafeInteger(mark.forwarded) ? (mark as Mark) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeMark(folder: string, mark: Mark): Promise<void> {
  const path = join(folder, 'mark');
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(JSON.stringify(mark));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
