import { BucketMissing, JetStream, NatsFailure, type NatsOptions, NatsUnavailable, openNats } from '#libs/nats';
import { SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import type {
  Acknowledgement,
  Announcement,
  ImagePlace,
  Increment,
  SnapshotKind,
  SnapshotListener,
  SnapshotPublication,
} from '../publication.js';
import { versionOf } from '../version.js';
import { NatsAcknowledgements } from './acknowledgements.js';
import { BuilderStore } from './builder-store.js';
import { Deltas, withDelta } from './deltas.js';
import { fetchImage, fetchIncrements, fetchKeptVersion } from './image-client.js';
import type { NatsParts } from './nats-parts.js';
import { NatsPointers } from './pointers.js';
import { Publisher } from './publisher.js';
import { Watching } from './watching.js';

export interface NatsSnapshotsOptions extends NatsOptions {
  /** Copies of buckets and messages in a cluster of servers, where they are made; 1 when absent. */
  readonly replicas?: number;
  /** Of a content-query node: at each connection it is looked whether the user may acknowledge under this name, and told when not. */
  readonly nodeId?: string;
}

export interface NatsSnapshotBuilderOptions extends NatsSnapshotsOptions {
  /** The builder's own: images, increments and what it announced. */
  readonly folder: string;
  /** Where nodes reach what `serveImages(folder)` serves, such as `http://builder-1:8090`; `/snapshots/…` is put behind it. */
  readonly imagesUrl: string;
  /** Hours for which replaced images and their increments are kept, 72 when absent. */
  readonly retentionHours?: number;
  /** For how long increments are kept as messages too; an hour when absent. */
  readonly messagesKeptMs?: number;
}

const messagesKeptMsDefault = 3_600_000;

/**
 * Snapshots as nodes and the admin have them: pointers, increments and acknowledgements over NATS, images over HTTP from the builder that is
 * named there. It publishes nothing, and needs few rights (deploy/nats). Resolves also while NATS is away: then every method throws
 * SnapshotsUnavailable until it is there. @throws NatsRefused when NATS refuses the user.
 */
export async function openNatsSnapshots(options: NatsSnapshotsOptions): Promise<SnapshotPublication> {
  const parts = await open(options, false, messagesKeptMsDefault);
  const { nodeId } = options;
  if (nodeId !== undefined) parts.link.onConnected(() => void tellWhenNamedWrongly(parts, nodeId));
  return new NatsSnapshots(parts, undefined);
}

async function tellWhenNamedWrongly({ nodes, report }: NatsParts, nodeId: string): Promise<void> {
  if (await nodes.mayPut(nodeId).catch(() => true)) return;
  report(
    `NATS does not let this user acknowledge snapshots as node ${nodeId}: user and VITRINE_NODE have to have the same name (deploy/nats); the node answers on, and nobody sees what it has`,
  );
}

/**
 * Snapshots as their builder has them: makes buckets and stream where there are none, puts images and increments into its folder, and says again
 * what it announced whenever NATS may have lost it. Its operations port has to serve `serveImages(folder)`.
 * @throws NatsRefused when NATS refuses the user; SnapshotsUnavailable when the folder cannot be made or written.
 */
export async function openNatsSnapshotBuilder(options: NatsSnapshotBuilderOptions): Promise<SnapshotPublication> {
  const store = new BuilderStore(options.folder);
  await store.prepare();
  const parts = await open(options, true, options.messagesKeptMs ?? messagesKeptMsDefault);
  const publisher = new Publisher(parts, store, options.imagesUrl.replace(/\/+$/, ''), options.retentionHours ?? 72);
  await publisher.start();
  return new NatsSnapshots(parts, publisher);
}

async function open(options: NatsSnapshotsOptions, fromLeader: boolean, retentionMs: number): Promise<NatsParts> {
  const link = await openNats(options);
  const jetStream = new JetStream(link);
  const replicas = options.replicas ?? 1;
  return {
    link,
    pointers: new NatsPointers(jetStream, { replicas, fromLeader }),
    deltas: new Deltas(jetStream, { retentionMs, replicas, fromLeader }),
    nodes: new NatsAcknowledgements(jetStream, replicas),
    report: options.report ?? (() => undefined),
  };
}

class NatsSnapshots implements SnapshotPublication {
  private readonly closing = new AbortController();
  private readonly watches = new Set<Promise<void>>();

  constructor(
    private readonly parts: NatsParts,
    private readonly publisher: Publisher | undefined,
  ) {}

  publish(snapshot: Parameters<SnapshotPublication['publish']>[0]): Promise<Announcement> {
    return this.changing(async (publisher) => {
      const { sha256, version } = versionOf(snapshot.image);
      const known = await this.read(snapshot.clientId, snapshot.kind);
      const kept =
        snapshot.kind === 'playbook' || known === null
          ? 0
          : known.version === version
            ? known.increment
            : (await this.increments(snapshot.clientId, version, 0)).length;
      return publisher.publish(snapshot, { sha256, version, kept });
    });
  }

  publishIncrement(increment: Increment): Promise<void> {
    return this.changing((publisher) => publisher.publishIncrement(increment));
  }

  progress(clientId: string, kind: SnapshotKind, position: Announcement['position']): Promise<void> {
    return this.changing((publisher) => publisher.progress(clientId, kind, position));
  }

  current(clientId: string, kind: SnapshotKind): Promise<Announcement | null> {
    return translated(() => this.read(clientId, kind));
  }

  all(): Promise<Announcement[]> {
    return translated(async () => {
      const all: Announcement[] = [];
      for (const pointer of await this.parts.pointers.all()) all.push((await this.withNewest(pointer))!);
      return all;
    });
  }

  fetch(announcement: Pick<Announcement, 'clientId' | 'kind' | 'sha256' | 'bytes' | 'url'>): Promise<Uint8Array> {
    return translated(async () => {
      const own = await this.publisher?.ownImage(announcement);
      if (own !== undefined) return own;
      if (!/^https?:\/\//.test(announcement.url)) throw new SnapshotMissing(`${announcement.url} is no address of an image`);
      if (this.publisher === undefined) return fetchImage(announcement.url, announcement.sha256, announcement.bytes);
      return this.publisher.takeOver(announcement);
    });
  }

  placeOf({ sha256, url }: Pick<Announcement, 'sha256' | 'url'>): Promise<ImagePlace> {
    return translated(async () => {
      const path = await this.publisher?.pathOf(sha256);
      if (path !== undefined) return { path };
      if (!/^https?:\/\//.test(url)) throw new SnapshotMissing(`${url} is no address of an image`);
      return { url };
    });
  }

  fetchVersion(clientId: string, kind: SnapshotKind, version: string): Promise<Uint8Array | null> {
    return translated(async () => {
      if (!/^[0-9a-f]{16}$/.test(version)) return null;
      const own = await this.publisher?.ownVersion(clientId, kind, version);
      if (own !== undefined) return own;
      return this.fromBuilders(clientId, (origin) => fetchKeptVersion(origin, clientId, kind, version), null);
    });
  }

  increments(clientId: string, base: string, afterSequence: number): Promise<Increment[]> {
    return translated(async () => {
      if (!/^[0-9a-f]{16}$/.test(base)) return [];
      const last = await this.parts.deltas.last(clientId);
      // The usual: one more than what is known.
      if (last?.head.base === base && last.head.sequence === afterSequence + 1 && last.increment !== undefined) return [last.increment];
      if (last?.head.base === base && last.head.sequence <= afterSequence) return [];
      const wanted = last?.head.base === base ? last.head.sequence : undefined;
      const found = (await this.publisher?.ownIncrements(clientId, base, afterSequence)) ?? [];
      const isShort = () => wanted === undefined || afterSequence + found.length < wanted;
      let away: unknown;
      if (isShort()) {
        const from = afterSequence + found.length;
        try {
          found.push(...((await this.fromBuilders(clientId, (origin) => fetchIncrements(origin, clientId, base, from), null)) ?? []));
        } catch (error) {
          if (!(error instanceof SnapshotsUnavailable)) throw error;
          away = error;
        }
      }
      if (isShort()) found.push(...(await this.parts.deltas.after(clientId, base, afterSequence + found.length)));
      if (found.length === 0 && away !== undefined) throw away;
      return found;
    });
  }

  async watch(listener: SnapshotListener, signal: AbortSignal): Promise<void> {
    const { link, pointers } = this.parts;
    const until = AbortSignal.any([signal, this.closing.signal]);
    const watching = new Watching(link, pointers, (...which) => this.increments(...which), listener, until);
    await translated(() => watching.start());
    const { ended } = watching;
    this.watches.add(ended);
    void ended.finally(() => this.watches.delete(ended));
  }

  acknowledge(acknowledgement: Acknowledgement): Promise<void> {
    return translated(() => this.parts.nodes.put(acknowledgement));
  }

  acknowledgements(clientId: string): Promise<Acknowledgement[]> {
    return translated(() => this.parts.nodes.of(clientId));
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.watches);
    await this.publisher?.stop();
    await this.parts.link.close();
  }

  private async read(clientId: string, kind: SnapshotKind): Promise<Announcement | null> {
    return this.withNewest(await this.parts.pointers.read(clientId, kind));
  }

  /** The messages are what counts: a builder that ended between an increment and its pointer has published it. */
  private async withNewest(pointer: Announcement | null): Promise<Announcement | null> {
    return pointer === null || pointer.kind !== 'audience' ? pointer : withDelta(pointer, await this.parts.deltas.last(pointer.clientId));
  }

  /** Asks the builders that a client's pointers name, until one knows. @throws SnapshotsUnavailable when none does and some could not be asked. */
  private async fromBuilders<Found extends { readonly length: number }>(
    clientId: string,
    ask: (origin: string) => Promise<Found | null>,
    none: null,
  ): Promise<Found | null> {
    const { pointers } = this.parts;
    const named = [await pointers.read(clientId, 'audience'), await pointers.read(clientId, 'playbook')];
    const origins = new Set(named.filter((one) => one !== null).map(({ url }) => url.replace(/\/snapshots\/[0-9a-f]+$/, '')));
    let away: unknown;
    for (const origin of origins) {
      if (origin === this.publisher?.imagesUrl) continue;
      try {
        const found = await ask(origin);
        if (found !== null && found.length > 0) return found;
      } catch (error) {
        if (!(error instanceof SnapshotsUnavailable)) throw error;
        away = error;
      }
    }
    if (away !== undefined) throw away;
    return none;
  }

  private changing<Result>(change: (publisher: Publisher) => Promise<Result>): Promise<Result> {
    const { publisher } = this;
    if (publisher === undefined) throw new Error('snapshots opened for reading cannot be published: openNatsSnapshotBuilder does');
    return translated(async () => {
      try {
        return await change(publisher);
      } catch (error) {
        if (!(error instanceof BucketMissing)) throw error;
        // Wiped under us, or never made because NATS was away.
        await publisher.sayAgain();
        return change(publisher);
      }
    });
  }
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NatsUnavailable || error instanceof NatsFailure) throw new SnapshotsUnavailable(error.message, { cause: error });
    throw error;
  }
}
