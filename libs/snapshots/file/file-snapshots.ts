import { type FSWatcher, watch } from 'node:fs';
import { stat, utimes } from 'node:fs/promises';
import { SnapshotCorrupt, SnapshotMissing, StalePublication } from '../errors.js';
import { Files, readIfThere } from '../files/files.js';
import { IncrementFiles } from '../files/increment-files.js';
import { Pointers, pointerKey } from '../files/pointers.js';
import { Retention } from '../files/retention.js';
import { Versions } from '../files/versions.js';
import {
  type Acknowledgement,
  type Announcement,
  acknowledgementTtlMs,
  type ImagePlace,
  type Increment,
  type SnapshotKind,
  type SnapshotListener,
  type SnapshotPublication,
} from '../publication.js';
import { stringifyAnnouncement } from '../stored-announcement.js';
import { versionOf } from '../version.js';
import { Acknowledgements } from './acknowledgements.js';

export interface FileSnapshotsOptions {
  readonly folder: string;
  /** Hours for which replaced images and their increments are kept, 72 when absent. */
  readonly retentionHours?: number;
}

/** The watched folder is looked at so often also when the file system says nothing. */
const pollIntervalMs = 200;

/**
 * Snapshots in a folder, for any number of processes on one machine (or one shared file system): README.md of this folder.
 * @throws SnapshotsUnavailable when the folder cannot be made or written.
 */
export async function openFileSnapshots(options: FileSnapshotsOptions): Promise<SnapshotPublication> {
  const files = new Files(options.folder);
  await files.prepare(['images']);
  const parts = { pointers: new Pointers(files), versions: new Versions(files), increments: new IncrementFiles(files) };
  const acknowledgements = new Acknowledgements(files, acknowledgementTtlMs);
  for (const part of [...Object.values(parts), acknowledgements]) await part.prepare();
  const current = (clientId: string, kind: SnapshotKind) => parts.pointers.read(pointerKey(clientId, kind));
  const retention = new Retention(files, { ...parts, current, keepMs: (options.retentionHours ?? 72) * 3_600_000 });
  await retention.sweep();
  await acknowledgements.removeDead();
  return new FileSnapshots(files, parts.pointers, parts.versions, parts.increments, acknowledgements, retention);
}

class FileSnapshots implements SnapshotPublication {
  private readonly closing = new AbortController();
  private readonly watches = new Set<Promise<void>>();

  constructor(
    private readonly files: Files,
    private readonly pointers: Pointers,
    private readonly versions: Versions,
    private readonly kept: IncrementFiles,
    private readonly nodes: Acknowledgements,
    private readonly retention: Retention,
  ) {}

  async publish(snapshot: Parameters<SnapshotPublication['publish']>[0]): Promise<Announcement> {
    const { image, ...said } = snapshot;
    const { sha256, version } = versionOf(image);
    const wanted: Announcement = { ...said, version, bytes: image.length, sha256, url: `images/${sha256}`, increment: 0 };
    const key = pointerKey(said.clientId, said.kind);
    await this.putImage(wanted, image);
    let announced = wanted;
    await this.pointers.change(key, true, async (pointer) => {
      const current = await this.withIncrements(pointer);
      refuseStale(current, wanted);
      if (current !== null && current.version !== version) await this.versions.replaced(current);
      announced = { ...wanted, increment: await this.kept.last(said.clientId, version) };
      return announced;
    });
    // Retention in another process may have found the image unused just before the pointer named it.
    await this.putImage(wanted, image);
    if (await this.retention.sweepSometimes()) await this.nodes.removeDead();
    return announced;
  }

  async publishIncrement(increment: Increment): Promise<void> {
    const { clientId, base, sequence, position } = increment;
    const current = await this.current(clientId, 'audience');
    if (current === null || current.version !== base) throw new StalePublication(`the audience ${base} of ${clientId} is not current`);
    if (sequence !== current.increment + 1) throw new StalePublication(`increment ${sequence} does not follow ${current.increment}`);
    if (position < current.position) throw new StalePublication(`increment ${sequence} is behind the announced position`);
    await this.kept.prepareBase(clientId, base);
    if (!(await this.kept.put(increment))) throw new StalePublication(`there is an increment ${sequence} of ${base} already`);
    // The increment counts from here on; the pointer only tells those who watch.
    await this.pointers.change(pointerKey(clientId, 'audience'), false, (pointer) =>
      pointer === null || pointer.version !== base || pointer.increment >= sequence
        ? null
        : { ...pointer, increment: sequence, position: later(pointer.position, position) },
    );
  }

  async progress(clientId: string, kind: SnapshotKind, position: Announcement['position']): Promise<void> {
    await this.pointers.change(pointerKey(clientId, kind), false, async (pointer) => {
      const current = await this.withIncrements(pointer);
      return current === null || current.position >= position ? null : { ...current, position };
    });
  }

  async current(clientId: string, kind: SnapshotKind): Promise<Announcement | null> {
    return this.withIncrements(await this.pointers.read(pointerKey(clientId, kind)));
  }

  async all(): Promise<Announcement[]> {
    const all: Announcement[] = [];
    for (const { key } of await this.pointers.newest()) {
      const current = await this.withIncrements(await this.pointers.read(key));
      if (current !== null) all.push(current);
    }
    return all;
  }

  async fetch(announcement: Pick<Announcement, 'sha256' | 'bytes'>): Promise<Uint8Array> {
    if (!/^[0-9a-f]{64}$/.test(announcement.sha256)) throw new SnapshotMissing('an image is named by its sha256');
    const bytes = await readIfThere(this.imagePath(announcement.sha256));
    if (bytes === undefined) throw new SnapshotMissing(`image ${announcement.sha256} is not here`);
    if (bytes.length !== announcement.bytes || versionOf(bytes).sha256 !== announcement.sha256) {
      throw new SnapshotCorrupt(`image ${announcement.sha256} is damaged`);
    }
    return bytes;
  }

  async placeOf({ sha256 }: Pick<Announcement, 'sha256'>): Promise<ImagePlace> {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new SnapshotMissing('an image is named by its sha256');
    return { path: this.imagePath(sha256) };
  }

  async fetchVersion(clientId: string, kind: SnapshotKind, version: string): Promise<Uint8Array | null> {
    const known = await this.versions.read(clientId, kind, version);
    if (known === null) return null;
    try {
      return await this.fetch(known);
    } catch (error) {
      // Retention took it between the two readings.
      if (error instanceof SnapshotMissing) return null;
      throw error;
    }
  }

  async increments(clientId: string, base: string, afterSequence: number): Promise<Increment[]> {
    return /^[0-9a-f]{16}$/.test(base) ? this.kept.after(clientId, base, afterSequence) : [];
  }

  async watch(listener: SnapshotListener, signal: AbortSignal): Promise<void> {
    const told = new Map<string, Told>();
    await this.tell(listener, told);
    const watching = this.keepTelling(listener, told, AbortSignal.any([signal, this.closing.signal]));
    this.watches.add(watching);
    void watching.finally(() => this.watches.delete(watching));
  }

  async acknowledge(acknowledgement: Acknowledgement): Promise<void> {
    await this.nodes.put(acknowledgement);
  }

  async acknowledgements(clientId: string): Promise<Acknowledgement[]> {
    return this.nodes.of(clientId);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.watches);
  }

  private imagePath(sha256: string): string {
    return this.files.path('images', sha256);
  }

  private async putImage(announcement: Announcement, image: Uint8Array): Promise<void> {
    const path = this.imagePath(announcement.sha256);
    const now = new Date();
    try {
      if ((await stat(path)).size === image.length) await utimes(path, now, now);
      else await this.files.replace(path, image);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.files.replace(path, image);
    }
    await this.versions.put(announcement);
  }

  /** The increments' files are what counts: a process that ended between an increment and its pointer has published it. */
  private async withIncrements(pointer: Announcement | null): Promise<Announcement | null> {
    if (pointer === null || pointer.kind !== 'audience') return pointer;
    const last = await this.kept.last(pointer.clientId, pointer.version);
    if (last <= pointer.increment) return pointer;
    const newest = await this.kept.read(pointer.clientId, pointer.version, last);
    return newest === undefined ? pointer : { ...pointer, increment: last, position: later(pointer.position, newest.position) };
  }

  private async keepTelling(listener: SnapshotListener, told: Map<string, Told>, signal: AbortSignal): Promise<void> {
    let wake: () => void = () => undefined;
    const bell = this.bell(() => wake());
    signal.addEventListener('abort', () => wake(), { once: true });
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollIntervalMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (signal.aborted) wake();
      });
      if (signal.aborted) break;
      try {
        await this.tell(listener, told, signal);
      } catch (error) {
        listener.unavailable?.(error as Error);
      }
    }
    bell?.close();
  }

  /** Undefined where the file system cannot be watched: then the polling alone finds what is new. */
  private bell(ring: () => void): FSWatcher | undefined {
    try {
      return watch(this.pointers.path, ring).on('error', ring);
    } catch {
      return undefined;
    }
  }

  private async tell(listener: SnapshotListener, told: Map<string, Told>, signal?: AbortSignal): Promise<void> {
    for (const { key, generation } of await this.pointers.newest()) {
      const before = told.get(key);
      if (before?.generation === generation) continue;
      const current = await this.withIncrements(await this.pointers.read(key));
      if (current === null) continue;
      const news = before?.announcement.version === current.version ? before.announcement.increment : current.increment;
      const fresh = current.increment > news ? await this.kept.after(current.clientId, current.version, news) : [];
      if (signal?.aborted) return;
      told.set(key, { generation, announcement: current });
      for (const increment of fresh) listener.incremented(increment);
      if (before === undefined || stringifyAnnouncement(before.announcement) !== stringifyAnnouncement(current))
        listener.announced(current);
    }
  }
}

interface Told {
  readonly generation: number;
  readonly announcement: Announcement;
}

function refuseStale(current: Announcement | null, wanted: Announcement): void {
  if (current === null || wanted.position > current.position) return;
  if (wanted.position === current.position && Date.parse(wanted.builtAt) > Date.parse(current.builtAt)) return;
  throw new StalePublication(
    `${wanted.kind} of ${wanted.clientId}: position ${wanted.position}, built ${wanted.builtAt}, is not after ${current.position}, built ${current.builtAt}`,
  );
}

function later(a: Announcement['position'], b: Announcement['position']): Announcement['position'] {
  return a > b ? a : b;
}
