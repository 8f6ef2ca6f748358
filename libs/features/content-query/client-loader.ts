import { extend, type Plan, type Playbook, preparing } from '#libs/domain';
import {
  type Acknowledgement,
  type Announcement,
  customerHash,
  type ImageLoading,
  type ImagePlace,
  type Increment,
  inSlices,
  type KeptSnapshot,
  Overlay,
  readImage,
  readPlaybook,
  type SharedImage,
  type SnapshotKind,
  type SnapshotPublication,
  type SnapshotToKeep,
  StalePublication,
  trustedAudience,
} from '#libs/snapshots';
import { CatchingUp } from './catching-up.js';
import type { ClientTables } from './client-tables.js';
import type { LoadedSnapshot } from './metrics.js';

/** So long a plan is prepared between two looks at waiting requests. */
const sliceMs = 1;
/** Larger increments are taken in in slices: some 2,000 customers, well below a millisecond. */
const atOnceBytesMax = 20_000;

const kinds = ['playbook', 'audience'] as const;

type Position = Announcement['position'];

interface LoadedPlaybook {
  readonly playbook: Playbook;
  readonly version: string;
  readonly builtAt: string;
  readonly position: Position;
}

interface LoadedOverlay {
  readonly overlay: Overlay;
  readonly image: SharedImage;
  readonly builtAt: string;
  readonly position: Position;
}

/** What a loader asks of the node around it. */
export interface LoaderSurroundings {
  readonly publication: Pick<SnapshotPublication, 'fetch' | 'placeOf' | 'increments'>;
  /** Reads and verifies audiences where it disturbs no request. */
  readonly loading: Pick<ImageLoading, 'audience'>;
  /** Puts what now answers on the node's disk, in the order of the calls; nothing waits for it. */
  keep(snapshot: SnapshotToKeep): void;
  keepIncrement(increment: Increment): void;
  /** The new tables answer from here on. */
  serve(tables: ClientTables): void;
  /** Nothing that was given to `serve` last has this image: it is to be released when nobody answers from it any more. */
  unused(image: SharedImage): void;
  /** Something newer than before answers. */
  fresh(kind: SnapshotKind, builtAt: string): void;
  /** What is loaded, or up to where it is known to hold, is to be acknowledged. */
  changed(): void;
  refused(kind: SnapshotKind, error: unknown): void;
}

/**
 * Brings one client's tables to what is announced and keeps them there. Everything that answers is replaced by one assignment, between two
 * requests; whatever fails to load is told and tried again, and what was loaded before goes on answering.
 */
export class ClientLoader {
  private playbook: LoadedPlaybook | undefined;
  private audience: LoadedOverlay | undefined;
  private plan: Plan | undefined;
  private readonly wanted = new Map<SnapshotKind, Announcement>();
  private readonly catchingUp = new CatchingUp({
    isBehind: () => kinds.some((kind) => this.behind(kind) !== undefined),
    attempt: () => this.catchUp(),
  });
  /** Of a large increment. */
  private applying: Promise<void> | undefined;

  constructor(
    readonly clientId: string,
    private readonly around: LoaderSurroundings,
  ) {}

  /**
   * What is older than what answers already is refused: a publication that was lost may come back with an old builder's pointer. An image of a
   * smaller position that was built later is taken, since that is how a log begins anew.
   */
  announced(announcement: Announcement): void {
    const { kind, version, position, builtAt } = announcement;
    const loaded = kind === 'playbook' ? this.playbook : this.audience;
    const loadedVersion = kind === 'playbook' ? this.playbook?.version : this.audience?.overlay.baseVersion;
    if (loaded !== undefined && version !== loadedVersion && position < loaded.position && builtAt <= loaded.builtAt) {
      const message = `${version} at position ${position}, built ${builtAt}, is older than ${loadedVersion} at ${loaded.position}`;
      this.around.refused(kind, new StalePublication(message));
      return;
    }
    this.wanted.set(kind, announcement);
    this.catchingUp.wake();
  }

  /** Applied when it is the next one; else what is missing is fetched. */
  incremented(increment: Increment): void {
    const { audience } = this;
    if (audience === undefined || increment.base !== audience.overlay.baseVersion || increment.sequence <= audience.overlay.sequence)
      return;
    if (this.applying === undefined && increment.sequence === audience.overlay.sequence + 1) {
      if (increment.bytes.length > atOnceBytesMax) {
        void this.apply(increment).catch((error: unknown) => this.notApplied(increment, error));
        return;
      }
      try {
        audience.overlay.apply(increment.bytes);
        this.applied(audience.overlay, increment);
        return;
      } catch (error) {
        this.around.refused('audience', error);
      }
    }
    this.want(increment);
  }

  private notApplied(increment: Increment, error: unknown): void {
    this.around.refused('audience', error);
    this.want(increment);
  }

  private want(increment: Increment): void {
    const wanted = this.wanted.get('audience');
    if (wanted?.version === increment.base && wanted.increment < increment.sequence) {
      this.wanted.set('audience', { ...wanted, increment: increment.sequence, position: later(wanted.position, increment.position) });
    }
    this.catchingUp.wake();
  }

  /** A playbook was announced that is not the loaded one. */
  get playbookIsComing(): boolean {
    const wanted = this.wanted.get('playbook');
    return wanted !== undefined && wanted.version !== this.playbook?.version;
  }

  get hasPlaybook(): boolean {
    return this.playbook !== undefined;
  }

  /** Loads what was kept on the disk, before anything is known from elsewhere. @throws SnapshotCorrupt and the like. */
  async restore({ announcement, place, increments }: KeptSnapshot): Promise<void> {
    if (announcement.kind === 'audience') return this.takeAudience(announcement, place, increments, true);
    const image = new Uint8Array(announcement.bytes);
    await readImage(place, announcement.sha256, image);
    await this.takePlaybook(announcement, image);
  }

  /** What this node answers from, and the log's position that it stands for. */
  *acknowledgements(): Iterable<Pick<Acknowledgement, 'kind' | 'version' | 'position'>> {
    for (const { kind, version, position } of this.snapshots()) yield { kind, version, position: position as Position };
  }

  *snapshots(): Iterable<LoadedSnapshot> {
    const { clientId, playbook, audience } = this;
    if (playbook === undefined) return;
    const { version, position, builtAt } = playbook;
    yield { clientId, kind: 'playbook', version, position, builtAtMs: Date.parse(builtAt) };
    if (audience !== undefined) {
      const { overlay, builtAt: audienceBuiltAt } = audience;
      yield { clientId, kind: 'audience', version: overlay.version, position: audience.position, builtAtMs: Date.parse(audienceBuiltAt) };
    }
  }

  stop(): Promise<void> {
    return this.catchingUp.stop();
  }

  /** What is announced and not yet answered from. */
  private behind(kind: SnapshotKind): Announcement | undefined {
    const wanted = this.wanted.get(kind);
    if (wanted === undefined) return undefined;
    if (kind === 'playbook') {
      const { playbook } = this;
      return playbook?.version === wanted.version && playbook.position >= wanted.position && playbook.builtAt === wanted.builtAt
        ? undefined
        : wanted;
    }
    const { audience } = this;
    if (audience === undefined || audience.overlay.baseVersion !== wanted.version) return wanted;
    return audience.overlay.sequence >= wanted.increment && audience.position >= wanted.position && audience.builtAt >= wanted.builtAt
      ? undefined
      : wanted;
  }

  private async catchUp(): Promise<boolean> {
    let failed = false;
    for (const kind of kinds) {
      const wanted = this.behind(kind);
      if (wanted === undefined) continue;
      try {
        await (kind === 'playbook' ? this.loadPlaybook(wanted) : this.loadAudience(wanted));
      } catch (error) {
        failed = true;
        this.around.refused(kind, error);
      }
    }
    return !failed;
  }

  private async loadPlaybook(wanted: Announcement): Promise<void> {
    if (this.playbook?.version === wanted.version) {
      this.playbook = { ...this.playbook, builtAt: wanted.builtAt, position: wanted.position };
      this.around.changed();
      return;
    }
    const image = await this.around.publication.fetch(wanted);
    await this.takePlaybook(wanted, image);
    this.around.keep({ announcement: wanted, image, increments: [] });
  }

  private async takePlaybook({ version, builtAt, position }: Announcement, image: Uint8Array): Promise<void> {
    const playbook = readPlaybook(image);
    await this.replace({ playbook, version, builtAt, position }, this.audience);
    this.around.fresh('playbook', builtAt);
    this.around.changed();
  }

  private async loadAudience(wanted: Announcement): Promise<void> {
    const { publication } = this.around;
    // How it ends is told of by who began it.
    await this.applying?.catch(() => undefined);
    const current = this.audience?.overlay.baseVersion === wanted.version ? this.audience : undefined;
    if (current === undefined) {
      // Before the image, so that no network is waited for while both images are in memory.
      const increments = wanted.increment === 0 ? [] : await publication.increments(this.clientId, wanted.version, 0);
      await this.takeAudience(wanted, await publication.placeOf(wanted), increments, false);
      const image = this.audience?.image;
      if (image !== undefined) this.around.keep({ announcement: { ...wanted, increment: increments.length }, image, increments });
    } else if (current.overlay.sequence < wanted.increment) {
      const missing = await publication.increments(this.clientId, wanted.version, current.overlay.sequence);
      for (const increment of missing) {
        await this.applying?.catch(() => undefined);
        if (increment.sequence === current.overlay.sequence + 1) await this.apply(increment);
      }
    }
    const loaded = this.audience;
    if (loaded === undefined || loaded.overlay.baseVersion !== wanted.version) return;
    if (loaded.overlay.sequence < wanted.increment) {
      throw new Error(`increment ${loaded.overlay.sequence + 1} of the audience ${wanted.version} is announced and not to be had`);
    }
    this.stamp(wanted);
  }

  /** The announcement may know of a later position than what was loaded: nothing of this client changed up to there. */
  private stamp(wanted: Announcement): void {
    if (this.audience === undefined) return;
    const { builtAt, position } = this.audience;
    this.audience = { ...this.audience, builtAt: later(builtAt, wanted.builtAt), position: later(position, wanted.position) };
    this.serve();
    this.around.changed();
  }

  private async takeAudience(
    announcement: Announcement,
    place: ImagePlace,
    increments: readonly Increment[],
    urgent: boolean,
  ): Promise<void> {
    const image = await this.around.loading.audience(place, announcement, urgent);
    try {
      const loaded = await this.withIncrements(announcement, image, increments);
      await this.replace(this.playbook, loaded);
      this.around.fresh('audience', loaded.builtAt);
      this.around.changed();
    } catch (error) {
      if (this.audience?.image !== image) image.release();
      throw error;
    }
  }

  private async withIncrements(
    { version, builtAt, position, increment }: Announcement,
    image: SharedImage,
    increments: readonly Increment[],
  ): Promise<LoadedOverlay> {
    const overlay = await Overlay.inSlices(trustedAudience(image.bytes), version);
    let newest: { builtAt: string; position: Position } = { builtAt, position };
    for (const one of increments) {
      if (one.sequence !== overlay.sequence + 1) continue;
      await overlay.applyInSlices(one.bytes);
      newest = { builtAt: later(newest.builtAt, one.builtAt), position: later(newest.position, one.position) };
    }
    // The announced position counts with all of its increments only.
    if (overlay.sequence < increment)
      throw new Error(`the increments of the audience ${version} end at ${overlay.sequence}, before ${increment}`);
    return { overlay, image, ...newest };
  }

  /** In slices: the next of the increments. One at a time. */
  private apply(increment: Increment): Promise<void> {
    const overlay = this.audience?.overlay;
    if (overlay === undefined) return Promise.resolve();
    this.applying = overlay
      .applyInSlices(increment.bytes)
      .then(() => this.applied(overlay, increment))
      .finally(() => {
        this.applying = undefined;
      });
    return this.applying;
  }

  /** It counts from here on. */
  private applied(overlay: Overlay, increment: Increment): void {
    // Another image may have come meanwhile.
    if (this.audience === undefined || this.audience.overlay !== overlay) return;
    this.around.keepIncrement(increment);
    const { builtAt, position } = this.audience;
    this.audience = { ...this.audience, builtAt: later(builtAt, increment.builtAt), position: later(position, increment.position) };
    this.serve();
    this.around.fresh('audience', increment.builtAt);
    this.around.changed();
  }

  /** Prepares the pair in slices, then swaps it in. Only `catchUp` and `restore` come here, one after the other. */
  private async replace(playbook: LoadedPlaybook | undefined, audience: LoadedOverlay | undefined): Promise<void> {
    let plan: Plan | undefined;
    if (playbook !== undefined) {
      const memberships = [...(audience?.overlay.memberships ?? [])];
      plan = await inSlices(preparing(playbook.playbook, memberships, customerHash, this.plan), sliceMs);
    }
    // An increment may have come to the audience that stays, while the plan was being prepared.
    const before = this.audience;
    this.audience = audience !== undefined && before?.overlay === audience.overlay ? before : audience;
    this.playbook = playbook;
    this.plan = plan;
    this.serve();
    if (before === undefined || before.image === this.audience?.image) return;
    before.overlay.base.retire();
    this.around.unused(before.image);
  }

  /** One assignment puts plan, audience and versions in force together. */
  private serve(): void {
    const { playbook, audience } = this;
    if (playbook === undefined || this.plan === undefined) return;
    if (audience !== undefined && audience.overlay.membershipCount > this.plan.memberships.length) {
      this.plan = extend(this.plan, [...audience.overlay.memberships]);
    }
    const maxAge = playbook.playbook.snapshotMaxAgeSeconds;
    this.around.serve({
      clientId: this.clientId,
      plan: this.plan,
      playbookVersion: playbook.version,
      audience:
        audience === undefined
          ? null
          : {
              lookup: audience.overlay,
              image: audience.image,
              version: audience.overlay.version,
              builtAt: audience.builtAt,
              builtAtMs: Date.parse(audience.builtAt),
            },
      audienceAgeMaxMs: maxAge === null ? Number.POSITIVE_INFINITY : maxAge * 1000,
    });
  }
}

/** Of two positions, or of two times as RFC 3339 in UTC with milliseconds. */
function later<T extends Position | string>(a: T, b: T): T {
  return a > b ? a : b;
}
