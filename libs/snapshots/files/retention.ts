import { stat } from 'node:fs/promises';
import type { Announcement, SnapshotKind } from '../publication.js';
import { codeOf, type Files, names, remove } from './files.js';
import type { IncrementFiles } from './increment-files.js';
import type { Versions } from './versions.js';

/** What nobody names is left for so long: it may be about to be named. */
const unnamedKeptMs = 3_600_000;
const sweepIntervalMs = 600_000;

/**
 * Removes versions that were replaced longer ago than they are kept, with their increments, and then images that no version names.
 * A current version is never removed, and neither are the increments of a kept one.
 */
export class Retention {
  private sweptAt = 0;

  constructor(
    private readonly files: Files,
    private readonly parts: {
      /** What is announced now. */
      current(clientId: string, kind: SnapshotKind): Promise<Announcement | null>;
      readonly versions: Versions;
      readonly increments: IncrementFiles;
      readonly keepMs: number;
    },
  ) {}

  /** True when it was time to. */
  async sweepSometimes(): Promise<boolean> {
    if (Date.now() - this.sweptAt < sweepIntervalMs) return false;
    await this.sweep();
    return true;
  }

  async sweep(): Promise<void> {
    this.sweptAt = Date.now();
    const { versions, increments, keepMs } = this.parts;
    const named = new Set<string>();
    for (const version of await versions.all()) {
      const { clientId, kind } = version.announcement;
      const current = await this.parts.current(clientId, kind);
      if (current?.version === version.announcement.version || version.since > Date.now() - keepMs) {
        named.add(version.announcement.sha256);
        continue;
      }
      await versions.remove(version);
      if (kind === 'audience') await increments.removeBase(clientId, version.announcement.version);
    }
    for (const name of await names(this.files.path('images'))) if (!named.has(name)) await this.removeOld('images', name);
    for (const name of await names(this.files.path('tmp'))) await this.removeOld('tmp', name);
  }

  private async removeOld(folder: string, name: string): Promise<void> {
    const path = this.files.path(folder, name);
    try {
      if ((await stat(path)).mtimeMs < Date.now() - unnamedKeptMs) await remove(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}
