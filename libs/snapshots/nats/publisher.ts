import { BucketMissing, NatsUnavailable } from '#libs/nats';
import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable, StalePublication } from '../errors.js';
import type { Retention } from '../files/retention.js';
import type { Announcement, Increment, SnapshotKind, SnapshotPublication } from '../publication.js';
import { type BuilderStore, isNewer } from './builder-store.js';
import { later, withDelta } from './deltas.js';
import { fetchImage } from './image-client.js';
import type { NatsParts } from './nats-parts.js';

const lookAgainMs = 5_000;
const attemptsMax = 100;

/** The publishing half of a builder: its folder first, then NATS, by compare and set. */
export class Publisher {
  /** What this builder announced last, by client and kind. */
  private readonly announced = new Map<string, Announcement>();
  private readonly retention: Retention;
  private created = '';
  private timer: NodeJS.Timeout | undefined;
  private saying: Promise<void> | undefined;
  private deaf: () => void = () => undefined;

  constructor(
    private readonly parts: NatsParts,
    private readonly store: BuilderStore,
    readonly imagesUrl: string,
    retentionHours: number,
  ) {
    // Where the bucket was wiped, what this builder announced is current until it is said again.
    this.retention = store.retention(
      retentionHours,
      async (clientId, kind) => (await parts.pointers.read(clientId, kind)) ?? this.announced.get(`${clientId}.${kind}`) ?? null,
    );
  }

  async start(): Promise<void> {
    for (const announcement of await this.store.allAnnounced()) this.announced.set(keyOf(announcement), announcement);
    // At each connection, also the first one.
    this.deaf = this.parts.link.onConnected(() => this.sayAgainSoon());
    await this.saying;
    this.timer = setInterval(() => {
      if (this.parts.link.connected) void this.lookWhetherWiped();
    }, lookAgainMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.deaf();
    await this.saying;
  }

  /** Makes what is not there, and puts every pointer of this builder that is newer than what stands there. */
  sayAgain(): Promise<void> {
    this.saying ??= this.putAll().finally(() => {
      this.saying = undefined;
    });
    return this.saying;
  }

  async publish(
    { image, ...said }: Parameters<SnapshotPublication['publish']>[0],
    { sha256, version, kept }: { readonly sha256: string; readonly version: string; readonly kept: number },
  ): Promise<Announcement> {
    const wanted: Announcement = { ...said, version, bytes: image.length, sha256, url: this.urlOf(sha256), increment: kept };
    await this.store.putImage(wanted, image);
    let before: Announcement | null = null;
    await this.parts.pointers.change(said.clientId, said.kind, async (pointer) => {
      before = pointer;
      const current = await this.withNewest(pointer);
      refuseStale(current, wanted);
      return wanted;
    });
    await this.remember(wanted, true);
    const replaced = before as Announcement | null;
    if (replaced !== null && replaced.version !== version) await this.store.replaced(replaced);
    // Retention may have found the image unused just before the pointer named it.
    await this.store.putImage(wanted, image);
    await this.sweepSometimes();
    return wanted;
  }

  async publishIncrement(increment: Increment): Promise<void> {
    const { clientId, base, sequence, position } = increment;
    const { pointers, deltas } = this.parts;
    for (let attempt = 0; ; attempt += 1) {
      const last = await deltas.last(clientId);
      const pointer = await pointers.read(clientId, 'audience');
      const current = pointer === null ? null : withDelta(pointer, last);
      if (current === null || current.version !== base) throw new StalePublication(`the audience ${base} of ${clientId} is not current`);
      if (sequence !== current.increment + 1) throw new StalePublication(`increment ${sequence} does not follow ${current.increment}`);
      if (position < current.position) throw new StalePublication(`increment ${sequence} is behind the announced position`);
      // The increment counts from here on; the pointer only tells those who watch.
      if (await deltas.put(increment, last?.messageSequence ?? 0)) break;
      if (attempt === attemptsMax) throw new StalePublication(`increments of ${clientId} are being published by others all the time`);
    }
    await this.store.keepIncrement(increment);
    const changed = await this.change(clientId, 'audience', (pointer) =>
      pointer.version !== base || pointer.increment >= sequence
        ? null
        : { ...pointer, increment: sequence, position: later(position, pointer.position) },
    );
    if (changed !== null) await this.remember(changed, true);
  }

  async progress(clientId: string, kind: SnapshotKind, position: Announcement['position']): Promise<void> {
    const changed = await this.change(clientId, kind, async (pointer) => {
      const current = (await this.withNewest(pointer))!;
      return current.position >= position ? null : { ...current, position };
    });
    if (changed !== null) this.announced.set(keyOf(changed), changed);
  }

  async ownImage(announcement: Pick<Announcement, 'clientId' | 'kind' | 'sha256' | 'bytes' | 'url'>): Promise<Uint8Array | undefined> {
    const image = await this.store.image(announcement);
    if (image !== undefined && announcement.url !== this.urlOf(announcement.sha256)) await this.nameThisBuilder(announcement);
    return image;
  }

  /** Undefined: not here. */
  pathOf(sha256: string): Promise<string | undefined> {
    return this.store.pathOf(sha256);
  }

  /**
   * Another builder's image: fetched, kept here, and served from here from now on, so that nodes need the other one no longer.
   * @throws SnapshotMissing also when the other cannot be reached: then it has to be built again.
   */
  async takeOver(announcement: Pick<Announcement, 'clientId' | 'kind' | 'sha256' | 'bytes' | 'url'>): Promise<Uint8Array> {
    const { clientId, kind, sha256, bytes, url } = announcement;
    if (url === this.urlOf(sha256)) throw new SnapshotMissing(`image ${sha256} is no longer in the folder`);
    let image: Buffer;
    try {
      image = await fetchImage(url, sha256, bytes);
    } catch (error) {
      if (!(error instanceof SnapshotsUnavailable)) throw error;
      throw new SnapshotMissing(`the builder that has image ${sha256} is away`, { cause: error });
    }
    const pointer = await this.parts.pointers.read(clientId, kind);
    if (pointer?.sha256 === sha256) {
      await this.store.putImage(pointer, image);
      await this.nameThisBuilder(announcement);
    }
    return image;
  }

  /** Undefined: not here. */
  async ownVersion(clientId: string, kind: SnapshotKind, version: string): Promise<Uint8Array | undefined> {
    const known = await this.store.version(clientId, kind, version);
    return known === null ? undefined : this.store.image(known);
  }

  /** As far as they are here and whole. */
  async ownIncrements(clientId: string, base: string, after: number): Promise<Increment[]> {
    try {
      return await this.store.increments.after(clientId, base, after);
    } catch (error) {
      if (error instanceof SnapshotCorrupt) return [];
      throw error;
    }
  }

  /** Every change also says that this builder serves the image, when it does. */
  private change(
    clientId: string,
    kind: SnapshotKind,
    next: (pointer: Announcement) => Announcement | null | Promise<Announcement | null>,
  ): Promise<Announcement | null> {
    return this.parts.pointers.change(clientId, kind, async (pointer) => {
      const changed = pointer === null ? null : await next(pointer);
      if (changed === null || changed.url === this.urlOf(changed.sha256)) return changed;
      return (await this.store.hasImage(changed.sha256)) ? { ...changed, url: this.urlOf(changed.sha256) } : changed;
    });
  }

  private async nameThisBuilder({ clientId, kind, sha256 }: Pick<Announcement, 'clientId' | 'kind' | 'sha256'>): Promise<void> {
    const url = this.urlOf(sha256);
    const changed = await this.change(clientId, kind, (pointer) => (pointer.sha256 !== sha256 || pointer.url === url ? null : pointer));
    if (changed !== null) await this.remember(changed, true);
  }

  private async remember(announcement: Announcement, durably: boolean): Promise<void> {
    this.announced.set(keyOf(announcement), announcement);
    await this.store.announced(announcement, durably);
  }

  private async withNewest(pointer: Announcement | null): Promise<Announcement | null> {
    return pointer === null || pointer.kind !== 'audience' ? pointer : withDelta(pointer, await this.parts.deltas.last(pointer.clientId));
  }

  private async sweepSometimes(): Promise<void> {
    try {
      await this.retention.sweepSometimes();
    } catch (error) {
      // It is announced all the same; swept the next time.
      this.parts.report(`old versions could not be removed: ${(error as Error).message}`);
    }
  }

  private async putAll(): Promise<void> {
    const { pointers, deltas, nodes } = this.parts;
    await pointers.bucket.ensure();
    await nodes.bucket.ensure();
    await deltas.ensure();
    for (const mine of this.announced.values()) {
      const image = await this.store.hasImage(mine.sha256);
      // What this folder no longer has is not to be had from here.
      if (image) await pointers.change(mine.clientId, mine.kind, (pointer) => (pointer === null || isNewer(mine, pointer) ? mine : null));
    }
    this.created = (await pointers.bucket.state()).created;
  }

  private sayAgainSoon(): void {
    this.sayAgain().catch((error: unknown) => this.parts.report(`the pointers could not be put again: ${(error as Error).message}`));
  }

  private async lookWhetherWiped(): Promise<void> {
    try {
      if ((await this.parts.pointers.bucket.state()).created !== this.created) this.sayAgainSoon();
    } catch (error) {
      if (error instanceof BucketMissing) this.sayAgainSoon();
      else if (!(error instanceof NatsUnavailable)) this.parts.report(`the pointers could not be looked at: ${(error as Error).message}`);
    }
  }

  private urlOf(sha256: string): string {
    return `${this.imagesUrl}/snapshots/${sha256}`;
  }
}

function refuseStale(current: Announcement | null, wanted: Announcement): void {
  if (current === null || wanted.position > current.position) return;
  if (wanted.position === current.position && Date.parse(wanted.builtAt) > Date.parse(current.builtAt)) return;
  throw new StalePublication(
    `${wanted.kind} of ${wanted.clientId}: position ${wanted.position}, built ${wanted.builtAt}, is not after ${current.position}, built ${current.builtAt}`,
  );
}

function keyOf({ clientId, kind }: Pick<Announcement, 'clientId' | 'kind'>): string {
  return `${clientId}.${kind}`;
}
