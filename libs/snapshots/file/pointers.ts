import { SnapshotCorrupt, SnapshotsUnavailable, StalePublication } from '../errors.js';
import { type Files, fileName, names, readIfThere, remove } from '../files/files.js';
import type { Announcement, SnapshotKind } from '../publication.js';
import { parseAnnouncement, stringifyAnnouncement } from '../stored-announcement.js';

const folder = 'current';
/** Generations of a pointer that stay: a writer that was stopped for so long that its generation came and went notices it. */
const generationsKept = 8;
const attemptsMax = 100;

export function pointerKey(clientId: string, kind: SnapshotKind): string {
  return `${fileName(clientId)}.${kind}`;
}

/** A pointer's newest generation. */
export interface Pointer {
  readonly key: string;
  readonly generation: number;
}

/**
 * The pointers `current/<clientId>.<kind>.<generation>.json`: the greatest generation counts. A writer reads the newest, and claims the
 * next number with a whole file; who comes second reads again. So no writer can undo another's change, and none leaves a lock behind.
 */
export class Pointers {
  constructor(private readonly files: Files) {}

  async prepare(): Promise<void> {
    await this.files.prepare([folder]);
  }

  get path(): string {
    return this.files.path(folder);
  }

  /** The newest generation of each pointer. */
  async newest(): Promise<Pointer[]> {
    const greatest = new Map<string, number>();
    for (const name of await names(this.path)) {
      const found = /^([^.]+\.(?:audience|playbook))\.(\d+)\.json$/.exec(name);
      if (found === null) continue;
      const generation = Number(found[2]);
      if (generation > (greatest.get(found[1]!) ?? 0)) greatest.set(found[1]!, generation);
    }
    return [...greatest].map(([key, generation]) => ({ key, generation }));
  }

  /** What the newest generation says; null when nothing was ever published. */
  async read(key: string): Promise<Announcement | null> {
    return (await this.readNewest(key)).announcement;
  }

  /** Replaces what is announced by what `next` makes of it; null leaves it. `next` may be asked again when another writer came first. */
  async change(
    key: string,
    next: (current: Announcement | null) => Announcement | null | Promise<Announcement | null>,
  ): Promise<Announcement | null> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const { generation, announcement } = await this.readNewest(key);
      const changed = await next(announcement);
      if (changed === null) return null;
      const mine = generation + 1;
      if (!(await this.files.claim(this.pathOf(key, mine), Buffer.from(stringifyAnnouncement(changed))))) continue;
      const generations = await this.generations(key);
      if (Math.max(...generations) >= mine + generationsKept) {
        // Stopped between reading and claiming for so long that this generation had been taken and removed: nobody will ever read it.
        await remove(this.pathOf(key, mine));
        continue;
      }
      for (const old of generations) if (old <= mine - generationsKept) await remove(this.pathOf(key, old));
      return changed;
    }
    throw new StalePublication(`${key} is being changed by others all the time`);
  }

  private async readNewest(key: string): Promise<{ generation: number; announcement: Announcement | null }> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const generations = (await this.generations(key)).sort((a, b) => b - a);
      let removed = false;
      for (const generation of generations) {
        const bytes = await readIfThere(this.pathOf(key, generation));
        if (bytes === undefined) removed = true;
        const announcement = bytes === undefined ? undefined : readable(bytes);
        if (announcement !== undefined) return { generation: generations[0]!, announcement };
      }
      // Removed since the folder was read: newer ones are there.
      if (!removed) return { generation: generations[0] ?? 0, announcement: null };
    }
    throw new SnapshotsUnavailable(`${key} changes faster than it can be read`);
  }

  private async generations(key: string): Promise<number[]> {
    const begin = `${key}.`;
    const all = await names(this.path);
    return all.filter((name) => name.startsWith(begin) && name.endsWith('.json')).map((name) => Number(name.slice(begin.length, -5)));
  }

  private pathOf(key: string, generation: number): string {
    return this.files.path(folder, `${key}.${String(generation).padStart(12, '0')}.json`);
  }
}

/** Undefined for a damaged file: the generation before it counts, and the next one puts it right. */
function readable(bytes: Buffer): Announcement | undefined {
  try {
    return parseAnnouncement(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SnapshotCorrupt) return undefined;
    throw error;
  }
}
