import { stat } from 'node:fs/promises';
import { parsePosition } from '#libs/event-log';
import { codeOf, type Files, fileName, names, readIfThere, remove } from '../files/files.js';
import type { Acknowledgement } from '../publication.js';

const folder = 'nodes';

/** Acknowledgements `nodes/<clientId>.<kind>.<nodeId>.json`. A file not written again for the time to live is a node that is gone. */
export class Acknowledgements {
  constructor(
    private readonly files: Files,
    private readonly ttlMs: number,
  ) {}

  async prepare(): Promise<void> {
    await this.files.prepare([folder]);
  }

  async put(acknowledgement: Acknowledgement): Promise<void> {
    const { clientId, kind, nodeId } = acknowledgement;
    const stored = JSON.stringify({ ...acknowledgement, position: String(acknowledgement.position) });
    await this.files.replaceSoon(this.files.path(folder, `${fileName(clientId)}.${kind}.${fileName(nodeId)}.json`), Buffer.from(stored));
  }

  async of(clientId: string): Promise<Acknowledgement[]> {
    const found: Acknowledgement[] = [];
    const begin = `${fileName(clientId)}.`;
    for (const name of await names(this.files.path(folder))) {
      if (!name.startsWith(begin)) continue;
      const path = this.files.path(folder, name);
      if (!(await this.isAlive(path))) continue;
      const stored = await readIfThere(path);
      const acknowledgement = stored === undefined ? undefined : readable(stored);
      if (acknowledgement !== undefined) found.push(acknowledgement);
    }
    return found;
  }

  async removeDead(): Promise<void> {
    for (const name of await names(this.files.path(folder))) {
      const path = this.files.path(folder, name);
      if (!(await this.isAlive(path))) await remove(path);
    }
  }

  private async isAlive(path: string): Promise<boolean> {
    try {
      return (await stat(path)).mtimeMs > Date.now() - this.ttlMs;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

/** Undefined for a damaged file: they are not brought to the disk one by one, and the node writes it again in seconds. */
function readable(stored: Buffer): Acknowledgement | undefined {
  try {
    const fields = JSON.parse(stored.toString('utf8')) as Omit<Acknowledgement, 'position'> & { position: string };
    const position = parsePosition(fields.position);
    return position === undefined ? undefined : { ...fields, position };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
