import { SnapshotCorrupt } from './errors.js';
import { Files, fileName, names, readIfThere, remove, syncFolder } from './files/files.js';
import { IncrementFiles } from './files/increment-files.js';
import type { SharedImage } from './loading/image-loading.js';
import type { Announcement, ImagePlace, Increment, SnapshotKind } from './publication.js';
import { parseAnnouncement, stringifyAnnouncement } from './stored-announcement.js';

/** What a node starts from: where an image is, and the increments on top of it. */
export interface KeptSnapshot {
  /** As it was announced, with the position and number of the newest increment here. */
  readonly announcement: Announcement;
  /** Of a file that is not verified yet, and may be missing. */
  readonly place: ImagePlace & { readonly path: string };
  readonly increments: readonly Increment[];
}

/** An image, verified, and all increments that the announcement counts. */
export interface SnapshotToKeep {
  readonly announcement: Announcement;
  /** A shared one is to be retained until it is kept. */
  readonly image: Uint8Array | SharedImage;
  readonly increments: readonly Increment[];
}

/** The last good snapshots of each client on a node's own disk. One process per folder. Every method may throw SnapshotsUnavailable. */
export interface SnapshotCache {
  /** Everything that was kept, but for images' bytes, which are to be verified by who reads them. What is damaged is left out and told of through `damaged`. */
  kept(damaged: (clientId: string, kind: SnapshotKind, cause: Error) => void): Promise<KeptSnapshot[]>;
  /** Keeps this one in place of what was kept of the client and kind. */
  keep(snapshot: SnapshotToKeep): Promise<void>;
  /** Keeps an increment of the kept image; nothing happens when another image is kept. */
  keepIncrement(increment: Increment): Promise<void>;
}

/** As the thread that keeps the folder has left it: for others of the same process, which start from it and keep nothing themselves. */
export function readSnapshotCache(folder: string): SnapshotCache {
  const files = new Files(folder);
  const cache = new FolderCache(files, new IncrementFiles(files));
  return { kept: (damaged) => cache.kept(damaged), keep: async () => undefined, keepIncrement: async () => undefined };
}

/** @throws SnapshotsUnavailable when the folder cannot be made or written. */
export async function openSnapshotCache(folder: string): Promise<SnapshotCache> {
  const files = new Files(folder);
  const increments = new IncrementFiles(files);
  await files.prepare(['kept', 'images']);
  await increments.prepare();
  // What a process that was ended had half written.
  for (const name of await names(files.path('tmp'))) await remove(files.path('tmp', name));
  return new FolderCache(files, increments);
}

class FolderCache implements SnapshotCache {
  private readonly current = new Map<string, Announcement>();

  constructor(
    private readonly files: Files,
    private readonly increments: IncrementFiles,
  ) {}

  async kept(damaged: (clientId: string, kind: SnapshotKind, cause: Error) => void): Promise<KeptSnapshot[]> {
    const found: KeptSnapshot[] = [];
    for (const name of await names(this.files.path('kept'))) {
      const stored = await readIfThere(this.files.path('kept', name));
      if (stored === undefined) continue;
      let announcement: Announcement | undefined;
      try {
        announcement = parseAnnouncement(stored.toString('utf8'));
        this.current.set(keyOf(announcement), announcement);
        found.push(await this.read(announcement));
      } catch (error) {
        if (!(error instanceof SnapshotCorrupt)) throw error;
        const [clientId = name, kind] = name.split('.');
        damaged(announcement?.clientId ?? clientId, kind === 'playbook' ? 'playbook' : 'audience', error);
      }
    }
    return found;
  }

  async keep({ announcement, image, increments }: SnapshotToKeep): Promise<void> {
    const before = this.current.get(keyOf(announcement));
    await this.files.replace(this.imagePath(announcement), image);
    if (increments.length > 0) await this.increments.prepareBase(announcement.clientId, announcement.version);
    for (const increment of increments) await this.increments.replace(increment);
    await this.files.replace(this.files.path('kept', `${keyOf(announcement)}.json`), Buffer.from(stringifyAnnouncement(announcement)));
    this.current.set(keyOf(announcement), announcement);
    if (before !== undefined && before.version !== announcement.version) {
      await remove(this.imagePath(before));
      if (before.kind === 'audience') await this.increments.removeBase(before.clientId, before.version);
      await syncFolder(this.files.path('images'));
    }
  }

  async keepIncrement(increment: Increment): Promise<void> {
    const kept = this.current.get(keyOf({ clientId: increment.clientId, kind: 'audience' }));
    if (kept?.version !== increment.base) return;
    await this.increments.prepareBase(increment.clientId, increment.base);
    await this.increments.replace(increment);
  }

  private async read(announcement: Announcement): Promise<KeptSnapshot> {
    const increments = await this.readIncrements(announcement);
    if (increments.length < announcement.increment) {
      throw new SnapshotCorrupt(`increment ${increments.length + 1} of the kept audience of ${announcement.clientId} is damaged`);
    }
    const newest = increments.at(-1);
    const position = newest !== undefined && newest.position > announcement.position ? newest.position : announcement.position;
    const place = { path: this.imagePath(announcement) };
    return { announcement: { ...announcement, increment: increments.length, position }, place, increments };
  }

  private async readIncrements({ clientId, kind, version }: Announcement): Promise<Increment[]> {
    const found: Increment[] = [];
    if (kind !== 'audience') return found;
    try {
      for (let sequence = 1; ; sequence += 1) {
        const increment = await this.increments.read(clientId, version, sequence);
        if (increment === undefined) return found;
        found.push(increment);
      }
    } catch (error) {
      // Those before the damaged one are as good as they were; `read` looks whether they are enough.
      if (error instanceof SnapshotCorrupt) return found;
      throw error;
    }
  }

  private imagePath(announcement: Announcement): string {
    return this.files.path('images', `${keyOf(announcement)}.${announcement.version}`);
  }
}

function keyOf({ clientId, kind }: Pick<Announcement, 'clientId' | 'kind'>): string {
  return `${fileName(clientId)}.${kind}`;
}
