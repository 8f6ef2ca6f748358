import { stat, utimes } from 'node:fs/promises';
import { SnapshotCorrupt } from '../errors.js';
import { codeOf, Files, readIfThere } from '../files/files.js';
import { IncrementFiles } from '../files/increment-files.js';
import { Pointers, pointerKey } from '../files/pointers.js';
import { Retention } from '../files/retention.js';
import { Versions } from '../files/versions.js';
import type { Announcement, Increment, SnapshotKind } from '../publication.js';
import { versionOf } from '../version.js';

/**
 * A builder's own folder: images, versions and increments that it serves over HTTP, and what it announced itself, so that it can be said
 * again where NATS has lost it. Several builders may have one folder.
 */
export class BuilderStore {
  readonly increments: IncrementFiles;
  private readonly files: Files;
  private readonly versions: Versions;
  private readonly pointers: Pointers;

  constructor(folder: string) {
    this.files = new Files(folder);
    this.versions = new Versions(this.files);
    this.increments = new IncrementFiles(this.files);
    this.pointers = new Pointers(this.files);
  }

  /** @throws SnapshotsUnavailable */
  async prepare(): Promise<void> {
    await this.files.prepare(['images']);
    for (const part of [this.versions, this.increments, this.pointers]) await part.prepare();
  }

  retention(retentionHours: number, current: (clientId: string, kind: SnapshotKind) => Promise<Announcement | null>): Retention {
    return new Retention(this.files, { current, versions: this.versions, increments: this.increments, keepMs: retentionHours * 3_600_000 });
  }

  async hasImage(sha256: string): Promise<boolean> {
    try {
      await stat(this.imagePath(sha256));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Undefined when it is not here. */
  async pathOf(sha256: string): Promise<string | undefined> {
    return /^[0-9a-f]{64}$/.test(sha256) && (await this.hasImage(sha256)) ? this.imagePath(sha256) : undefined;
  }

  /** On the disk when this returns. */
  async putImage(announcement: Announcement, image: Uint8Array): Promise<void> {
    const path = this.imagePath(announcement.sha256);
    const now = new Date();
    if ((await this.hasImage(announcement.sha256)) && (await stat(path)).size === image.length) await utimes(path, now, now);
    else await this.files.replace(path, image);
    await this.versions.put(announcement);
  }

  /** Undefined when it is not here. @throws SnapshotCorrupt */
  async image({ sha256, bytes }: Pick<Announcement, 'sha256' | 'bytes'>): Promise<Buffer | undefined> {
    if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
    const image = await readIfThere(this.imagePath(sha256));
    if (image === undefined) return undefined;
    if (image.length !== bytes || versionOf(image).sha256 !== sha256) throw new SnapshotCorrupt(`image ${sha256} is damaged`);
    return image;
  }

  async version(clientId: string, kind: SnapshotKind, version: string): Promise<Announcement | null> {
    return this.versions.read(clientId, kind, version);
  }

  /** Retention of what was replaced counts from now. */
  async replaced(announcement: Announcement): Promise<void> {
    if ((await this.versions.read(announcement.clientId, announcement.kind, announcement.version)) !== null)
      await this.versions.replaced(announcement);
  }

  /** In place of what may stand there: what NATS has taken is what counts. */
  async keepIncrement(increment: Increment): Promise<void> {
    await this.increments.prepareBase(increment.clientId, increment.base);
    await this.increments.replace(increment);
  }

  /** Remembers what this builder announced. */
  async announced(announcement: Announcement, durably: boolean): Promise<void> {
    await this.pointers.change(pointerKey(announcement.clientId, announcement.kind), durably, (before) =>
      before === null || isNewer(announcement, before) ? announcement : null,
    );
  }

  async allAnnounced(): Promise<Announcement[]> {
    const all: Announcement[] = [];
    for (const { key } of await this.pointers.newest()) {
      const announcement = await this.pointers.read(key);
      if (announcement !== null) all.push(announcement);
    }
    return all;
  }

  private imagePath(sha256: string): string {
    return this.files.path('images', sha256);
  }
}

/** Only what is newer is ever taken: a greater position, or at the same one a later build, or more increments on the same image. */
export function isNewer(one: Announcement, than: Announcement): boolean {
  if (one.position !== than.position) return one.position > than.position;
  if (one.version === than.version && one.increment !== than.increment) return one.increment > than.increment;
  return Date.parse(one.builtAt) > Date.parse(than.builtAt);
}
