import { stat, utimes } from 'node:fs/promises';
import type { Announcement, SnapshotKind } from '../publication.js';
import { parseAnnouncement, stringifyAnnouncement } from '../stored-announcement.js';
import { codeOf, type Files, fileName, names, readIfThere, remove, unavailable } from './files.js';

const folder = 'versions';

/** A kept version, and since when it has been known to be replaced (or, while it is current, announced). */
export interface KeptVersion {
  readonly announcement: Announcement;
  readonly since: number;
  readonly path: string;
}

/** Which images are whose: `versions/<clientId>.<kind>.<version>.json`. A client can fetch no other's image by its version. */
export class Versions {
  constructor(private readonly files: Files) {}

  async prepare(): Promise<void> {
    await this.files.prepare([folder]);
  }

  async put(announcement: Announcement): Promise<void> {
    const path = this.pathOf(announcement.clientId, announcement.kind, announcement.version);
    await this.files.replace(path, Buffer.from(stringifyAnnouncement(announcement)));
  }

  /** Retention counts from now. */
  async replaced({ clientId, kind, version }: Announcement): Promise<void> {
    const now = new Date();
    await unavailable(utimes(this.pathOf(clientId, kind, version), now, now));
  }

  async read(clientId: string, kind: SnapshotKind, version: string): Promise<Announcement | null> {
    if (!/^[0-9a-f]{16}$/.test(version)) return null;
    const stored = await readIfThere(this.pathOf(clientId, kind, version));
    return stored === undefined ? null : parseAnnouncement(stored.toString('utf8'));
  }

  async all(): Promise<KeptVersion[]> {
    const all: KeptVersion[] = [];
    for (const name of await names(this.files.path(folder))) {
      const path = this.files.path(folder, name);
      const stored = await readIfThere(path);
      if (stored === undefined) continue;
      try {
        all.push({ announcement: parseAnnouncement(stored.toString('utf8')), since: (await stat(path)).mtimeMs, path });
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
    return all;
  }

  async remove(kept: KeptVersion): Promise<void> {
    await remove(kept.path);
  }

  private pathOf(clientId: string, kind: SnapshotKind, version: string): string {
    return this.files.path(folder, `${fileName(clientId)}.${kind}.${version}.json`);
  }
}
