import type {
  ImageLoading,
  Increment,
  KeptSnapshot,
  NodePublication,
  SnapshotCache,
  SnapshotKind,
  SnapshotListener,
  SnapshotToKeep,
} from '#libs/snapshots';
import type { TablesOfClients } from './answering.js';
import { ClientLoader } from './client-loader.js';
import type { ClientTables } from './client-tables.js';
import type { ContentQueryMetrics, LoadedSnapshot } from './metrics.js';

/** Acknowledgements are gone after `acknowledgementTtlMs` (15 s): two may be lost. */
const renewMs = 5_000;
const watchRetryMs = 500;

export interface ServingTablesOptions {
  readonly publication: NodePublication;
  /** The last good snapshots on the node's disk. */
  readonly cache: SnapshotCache;
  /** Closed with the tables. */
  readonly loading: ImageLoading;
  readonly nodeId: string;
  /** Serve these clients only; absent: all that are announced. */
  readonly clients?: ReadonlySet<string> | undefined;
  readonly metrics: ContentQueryMetrics;
  /** Told of what goes wrong while the node goes on serving. */
  readonly report: (message: string, error: unknown) => void;
}

/** What a node answers from: the tables of each client, kept as they are published. */
export class ServingTables implements TablesOfClients {
  private readonly serving = new Map<string, ClientTables>();
  private readonly loaders = new Map<string, ClientLoader>();
  private readonly stopping = new AbortController();
  private readonly toAcknowledge = new Set<string>();
  private readonly acknowledging = new Set<string>();
  private pointersSeen = false;
  private watching: Promise<void> = Promise.resolve();
  private kept: Promise<void> = Promise.resolve();
  /** Lets go what waits to be kept, by client and kind. */
  private readonly toKeep = new Map<string, () => void>();
  private renewal: NodeJS.Timeout | undefined;

  constructor(private readonly options: ServingTablesOptions) {
    options.metrics.observe(() => this.snapshots());
  }

  /** Loads what the disk has, then begins to watch. Resolves when the disk was read; the pointers may come later. */
  async start(): Promise<void> {
    await this.restore();
    this.watching = this.watch();
    this.renewal = setInterval(() => {
      for (const loader of this.loaders.values()) void this.acknowledge(loader);
    }, renewMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.renewal);
    this.stopping.abort();
    await this.watching;
    await Promise.all([...this.loaders.values()].map((loader) => loader.stop()));
    await this.kept;
    await this.options.loading.close();
  }

  of(clientId: string): ClientTables | undefined {
    return this.serving.get(clientId);
  }

  mayStillCome(clientId: string): boolean {
    return !this.pointersSeen || this.loaders.get(clientId)?.playbookIsComing === true;
  }

  /** True when queries can be answered, or a text that says why not. */
  ready(): true | string {
    return this.pointersSeen || this.serving.size > 0 ? true : 'no snapshot on the disk, and the pointers were not seen yet';
  }

  *snapshots(): Iterable<LoadedSnapshot> {
    for (const loader of this.loaders.values()) yield* loader.snapshots();
  }

  private async restore(): Promise<void> {
    try {
      const ofClients = new Map<string, KeptSnapshot[]>();
      for (const snapshot of await this.options.cache.kept((...damaged) => this.refused(...damaged))) {
        const { clientId } = snapshot.announcement;
        ofClients.set(clientId, [...(ofClients.get(clientId) ?? []), snapshot]);
      }
      // The loading thread reads one client's image while another's plan is prepared here.
      await Promise.all([...ofClients].map(([clientId, kept]) => this.restoreClient(clientId, kept)));
    } catch (error) {
      this.options.report('the snapshots kept on the disk cannot be read', error);
    }
  }

  private async restoreClient(clientId: string, kept: readonly KeptSnapshot[]): Promise<void> {
    const loader = this.loaderOf(clientId);
    if (loader === undefined) return;
    for (const snapshot of kept) {
      try {
        await loader.restore(snapshot);
      } catch (error) {
        this.refused(clientId, snapshot.announcement.kind, error);
      }
    }
  }

  /** One write after the other: an increment must not come before its image. */
  private keeping(write: () => Promise<void>): void {
    this.kept = this.kept.then(write).catch((error: unknown) => this.options.report('a snapshot could not be kept on the disk', error));
  }

  private async watch(): Promise<void> {
    const listener: SnapshotListener = {
      announced: (announcement) => this.loaderOf(announcement.clientId)?.announced(announcement),
      incremented: (increment: Increment) => this.loaders.get(increment.clientId)?.incremented(increment),
      unavailable: (error) => this.options.report('changes of snapshots cannot be looked for', error),
    };
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.options.publication.watch(listener, signal);
        this.pointersSeen = true;
        return;
      } catch (error) {
        this.options.report('the snapshots’ pointers cannot be seen', error);
        await this.pause(watchRetryMs);
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    const { signal } = this.stopping;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  /**
   * A shared image stays until it is written, also when another answers by then; but one that still waits for that when the next of its kind comes is
   * let go, or a slow disk would have a node hold more and more images.
   */
  private keep(snapshot: SnapshotToKeep): void {
    const { clientId, kind } = snapshot.announcement;
    const key = `${clientId} ${kind}`;
    this.toKeep.get(key)?.();
    const image = snapshot.image instanceof Uint8Array ? undefined : snapshot.image;
    image?.retain();
    let isWanted = true;
    const letGo = () => {
      isWanted = false;
      image?.release();
    };
    this.toKeep.set(key, letGo);
    this.keeping(async () => {
      if (!isWanted) return;
      this.toKeep.delete(key);
      try {
        await this.options.cache.keep(snapshot);
      } finally {
        image?.release();
      }
    });
  }

  /** Undefined for a client that this node does not serve. */
  private loaderOf(clientId: string): ClientLoader | undefined {
    const { clients, publication, loading, cache, metrics } = this.options;
    if (clients !== undefined && !clients.has(clientId)) return undefined;
    const known = this.loaders.get(clientId);
    if (known !== undefined) return known;
    const loader: ClientLoader = new ClientLoader(clientId, {
      publication,
      loading,
      keep: (snapshot) => this.keep(snapshot),
      keepIncrement: (increment) => this.keeping(() => cache.keepIncrement(increment)),
      serve: (tables) => this.serving.set(clientId, tables),
      // An answer is made in one go: between two of them nobody reads what is no longer served.
      unused: (image) => image.release(),
      fresh: (kind, builtAt) => metrics.snapshotLoaded(kind, (Date.now() - Date.parse(builtAt)) / 1000),
      changed: () => void this.acknowledge(loader),
      refused: (kind, error) => this.refused(clientId, kind, error),
    });
    this.loaders.set(clientId, loader);
    return loader;
  }

  private refused(clientId: string, kind: SnapshotKind, error: unknown): void {
    const code = (error as { code?: unknown }).code;
    this.options.metrics.snapshotRefused(clientId, kind, typeof code === 'string' ? code : 'UNKNOWN');
    this.options.report(`the ${kind} of client ${clientId} was not loaded; what was loaded before goes on answering`, error);
  }

  /** One after the other, and the newest last: an older position written over a newer one would look like a step back. */
  private async acknowledge(loader: ClientLoader): Promise<void> {
    const { clientId } = loader;
    this.toAcknowledge.add(clientId);
    if (this.acknowledging.has(clientId)) return;
    this.acknowledging.add(clientId);
    try {
      while (this.toAcknowledge.delete(clientId)) {
        const loadedAt = new Date().toISOString();
        for (const snapshot of [...loader.acknowledgements()]) {
          await this.options.publication.acknowledge({ ...snapshot, nodeId: this.options.nodeId, clientId, loadedAt });
        }
      }
    } catch (error) {
      // The renewal tries again within seconds.
      if (!this.stopping.signal.aborted) this.options.report(`the snapshots of client ${clientId} were not acknowledged`, error);
    } finally {
      this.acknowledging.delete(clientId);
    }
  }
}
