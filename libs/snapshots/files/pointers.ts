import { SnapshotCorrupt, SnapshotsUnavailable, StalePublication } from '../errors.js';
import type { Announcement, SnapshotKind } from '../publication.js';
import { parseAnnouncement, stringifyAnnouncement } from '../stored-announcement.js';
import { type Files, fileName, isThere, names, readIfThere, remove } from './files.js';

const folder = 'current';
/** Generations of a pointer that stay: a writer that was stopped for so long that its generation came and went notices it. */
const generationsKept = 8;
const attemptsMax = 100;
/** The folder is looked at so often in any case. */
const listAgainMs = 5_000;

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
 * Old generations are removed from the smallest on, so that those that are there follow one another without a gap: from one that is known the
 * newest is found by counting on, without a look at the folder, which holds those of all clients.
 */
export class Pointers {
  private readonly known = new Map<string, number>();
  private listedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly files: Files) {}

  async prepare(): Promise<void> {
    await this.files.prepare([folder]);
  }

  get path(): string {
    return this.files.path(folder);
  }

  /** The newest generation of each pointer, by a look at the folder. */
  async newest(): Promise<Pointer[]> {
    this.listedAt = performance.now();
    const greatest = new Map<string, number>();
    for (const name of await names(this.path)) {
      const found = /^([^.]+\.(?:audience|playbook))\.(\d+)\.json$/.exec(name);
      if (found === null) continue;
      const generation = Number(found[2]);
      if (generation > (greatest.get(found[1]!) ?? 0)) greatest.set(found[1]!, generation);
    }
    for (const [key, generation] of greatest) this.known.set(key, generation);
    return [...greatest].map(([key, generation]) => ({ key, generation }));
  }

  /** What the newest generation says; null when nothing was ever published. */
  async read(key: string): Promise<Announcement | null> {
    return (await this.readNewest(key)).announcement;
  }

  /**
   * Replaces what is announced by what `next` makes of it; null leaves it. `next` may be asked again when another writer came first.
   * `durably`: on the disk when this returns; else the generation before counts after a power cut.
   */
  async change(
    key: string,
    durably: boolean,
    next: (current: Announcement | null) => Announcement | null | Promise<Announcement | null>,
  ): Promise<Announcement | null> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const { generation, announcement } = await this.readNewest(key);
      const changed = await next(announcement);
      if (changed === null) return null;
      const mine = generation + 1;
      if (!(await this.files.claim(this.pathOf(key, mine), Buffer.from(stringifyAnnouncement(changed)), durably))) continue;
      if (generation > 0 && !(await isThere(this.pathOf(key, generation)))) {
        // Stopped between reading and claiming for so long that this generation had been taken and removed: nobody will ever read it.
        await remove(this.pathOf(key, mine));
        this.listedAt = Number.NEGATIVE_INFINITY;
        continue;
      }
      this.known.set(key, mine);
      await this.removeOld(key, mine - generationsKept);
      return changed;
    }
    throw new StalePublication(`${key} is being changed by others all the time`);
  }

  private async readNewest(key: string): Promise<{ generation: number; announcement: Announcement | null }> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      if (performance.now() - this.listedAt > listAgainMs) await this.newest();
      const known = this.known.get(key);
      const found = known === undefined ? undefined : await this.readFrom(key, known);
      if (found !== undefined) return found;
      // Not known yet, or removed since: newer ones are there.
      if (!(await this.newest()).some((one) => one.key === key)) return { generation: 0, announcement: null };
    }
    throw new SnapshotsUnavailable(`${key} changes faster than it can be read`);
  }

  /** Counts on from this generation; undefined when it is no longer there. */
  private async readFrom(key: string, from: number): Promise<{ generation: number; announcement: Announcement | null } | undefined> {
    let bytes = await readIfThere(this.pathOf(key, from));
    if (bytes === undefined) return undefined;
    let generation = from;
    let announcement = readable(bytes);
    for (;;) {
      bytes = await readIfThere(this.pathOf(key, generation + 1));
      if (bytes === undefined) break;
      generation += 1;
      announcement = readable(bytes) ?? announcement;
    }
    this.known.set(key, generation);
    for (let before = from - 1; announcement === undefined && before > 0; before -= 1) {
      bytes = await readIfThere(this.pathOf(key, before));
      if (bytes === undefined) break;
      announcement = readable(bytes);
    }
    return { generation, announcement: announcement ?? null };
  }

  /** From the smallest that is there up to `last`. */
  private async removeOld(key: string, last: number): Promise<void> {
    let first = last + 1;
    while (first > 1 && (await isThere(this.pathOf(key, first - 1)))) first -= 1;
    for (let generation = first; generation <= last; generation += 1) await remove(this.pathOf(key, generation));
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
