import { setImmediate as nextTurn } from 'node:timers/promises';
import { extend, type Plan, type Playbook, preparing } from '#libs/domain';
import {
  type Acknowledgement,
  type Announcement,
  type CachedSnapshot,
  customerHash,
  type Increment,
  loadAudience,
  Overlay,
  readPlaybook,
  type SnapshotKind,
  type SnapshotPublication,
} from '#libs/snapshots';
import type { ClientTables } from './client-tables.js';
import type { LoadedSnapshot } from './metrics.js';

/** So long a plan is prepared between two looks at waiting requests. */
const sliceMs = 2;
const retryMsMin = 100;
const retryMsMax = 10_000;

type Position = Announcement['position'];

interface LoadedPlaybook {
  readonly playbook: Playbook;
  readonly version: string;
  readonly builtAt: string;
  readonly position: Position;
}

interface LoadedOverlay {
  readonly overlay: Overlay;
  readonly builtAt: string;
  readonly position: Position;
}

/** What a loader asks of the node around it. */
export interface LoaderSurroundings {
  readonly publication: Pick<SnapshotPublication, 'fetch' | 'increments'>;
  /** Puts what now answers on the node's disk, in the order of the calls; nothing waits for it. */
  keep(snapshot: CachedSnapshot): void;
  keepIncrement(increment: Increment): void;
  /** The new tables answer from here on. */
  serve(tables: ClientTables): void;
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
  private working: Promise<void> | undefined;
  private stopped = false;
  /** Rises with everything that may be worth another try at once. */
  private news = 0;
  private wakeUp: () => void = () => undefined;

  constructor(
    readonly clientId: string,
    private readonly around: LoaderSurroundings,
  ) {}

  announced(announcement: Announcement): void {
    this.wanted.set(announcement.kind, announcement);
    this.work();
  }

  /** Applied at once when it is the next one; else what is missing is fetched. */
  incremented(increment: Increment): void {
    const { audience } = this;
    if (audience === undefined || increment.base !== audience.overlay.baseVersion || increment.sequence <= audience.overlay.sequence)
      return;
    if (increment.sequence === audience.overlay.sequence + 1) {
      try {
        this.apply(increment);
        return;
      } catch (error) {
        this.around.refused('audience', error);
      }
    }
    const wanted = this.wanted.get('audience');
    if (wanted?.version === increment.base && wanted.increment < increment.sequence) {
      this.wanted.set('audience', { ...wanted, increment: increment.sequence, position: later(wanted.position, increment.position) });
    }
    this.work();
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
  async restore({ announcement, image, increments }: CachedSnapshot): Promise<void> {
    if (announcement.kind === 'playbook') await this.takePlaybook(announcement, image);
    else await this.takeAudience(announcement, image, increments);
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

  async stop(): Promise<void> {
    this.stopped = true;
    this.wakeUp();
    await this.working;
  }

  private work(): void {
    this.news += 1;
    this.wakeUp();
    if (this.stopped || this.working !== undefined) return;
    this.working = this.catchUp().finally(() => {
      this.working = undefined;
      // What was announced after the last look.
      if (!this.stopped && this.isBehind()) this.work();
    });
  }

  private isBehind(): boolean {
    return (['playbook', 'audience'] as const).some((kind) => this.behind(kind) !== undefined);
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

  private async catchUp(): Promise<void> {
    let retryMs = retryMsMin;
    while (!this.stopped && this.isBehind()) {
      let failed = false;
      const { news } = this;
      for (const kind of ['playbook', 'audience'] as const) {
        const wanted = this.behind(kind);
        if (wanted === undefined) continue;
        try {
          await (kind === 'playbook' ? this.loadPlaybook(wanted) : this.loadAudience(wanted));
        } catch (error) {
          failed = true;
          this.around.refused(kind, error);
        }
      }
      if (!failed || news !== this.news) {
        retryMs = retryMsMin;
        continue;
      }
      await this.wait(retryMs);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
  }

  /** Until the time has passed or something new is announced. */
  private async wait(ms: number): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wakeUp = () => undefined;
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
    const current = this.audience?.overlay.baseVersion === wanted.version ? this.audience : undefined;
    if (current === undefined) {
      const image = await this.around.publication.fetch(wanted);
      const increments = wanted.increment === 0 ? [] : await this.around.publication.increments(this.clientId, wanted.version, 0);
      await this.takeAudience(wanted, image, increments);
      this.around.keep({ announcement: { ...wanted, increment: increments.length }, image, increments });
    } else if (current.overlay.sequence < wanted.increment) {
      const missing = await this.around.publication.increments(this.clientId, wanted.version, current.overlay.sequence);
      for (const increment of missing) if (increment.sequence === current.overlay.sequence + 1) this.apply(increment);
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
    const { overlay, builtAt, position } = this.audience;
    this.audience = { overlay, builtAt: later(builtAt, wanted.builtAt), position: later(position, wanted.position) };
    this.serve();
    this.around.changed();
  }

  private async takeAudience(
    { version, builtAt, position, increment }: Announcement,
    image: Uint8Array,
    increments: readonly Increment[],
  ): Promise<void> {
    const overlay = new Overlay(await loadAudience(image), version);
    let newest: { builtAt: string; position: Position } = { builtAt, position };
    for (const one of increments) {
      if (one.sequence !== overlay.sequence + 1) continue;
      overlay.apply(one.bytes);
      newest = { builtAt: later(newest.builtAt, one.builtAt), position: later(newest.position, one.position) };
    }
    // The announced position counts with all of its increments only.
    if (overlay.sequence < increment)
      throw new Error(`the increments of the audience ${version} end at ${overlay.sequence}, before ${increment}`);
    await this.replace(this.playbook, { overlay, ...newest });
    this.around.fresh('audience', newest.builtAt);
    this.around.changed();
  }

  /** In place, between two requests: the next of the increments. */
  private apply(increment: Increment): void {
    if (this.audience === undefined) return;
    const { overlay, builtAt, position } = this.audience;
    overlay.apply(increment.bytes);
    this.around.keepIncrement(increment);
    this.audience = {
      overlay,
      builtAt: later(builtAt, increment.builtAt),
      position: later(position, increment.position),
    };
    this.serve();
    this.around.fresh('audience', increment.builtAt);
    this.around.changed();
  }

  /** Prepares the pair in slices, then swaps it in. Only `catchUp` and `restore` come here, one after the other. */
  private async replace(playbook: LoadedPlaybook | undefined, audience: LoadedOverlay | undefined): Promise<void> {
    let plan: Plan | undefined;
    if (playbook !== undefined) {
      const steps = preparing(playbook.playbook, [...(audience?.overlay.memberships ?? [])], customerHash, this.plan);
      let until = performance.now() + sliceMs;
      let step = steps.next();
      for (; !step.done; step = steps.next()) {
        if (performance.now() < until) continue;
        await nextTurn();
        until = performance.now() + sliceMs;
      }
      plan = step.value;
    }
    // An increment may have come to the audience that stays, while the plan was being prepared.
    this.audience = audience !== undefined && this.audience?.overlay === audience.overlay ? this.audience : audience;
    this.playbook = playbook;
    this.plan = plan;
    this.serve();
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
