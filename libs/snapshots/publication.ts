import type { Position } from '#libs/event-log';

export type SnapshotKind = 'audience' | 'playbook';

/** What is current of one client and kind. The image of a version never changes. */
export interface Announcement {
  readonly clientId: string;
  readonly kind: SnapshotKind;
  /** The first 16 hex digits of the image's sha256. */
  readonly version: string;
  /** All log records up to here are in it. Rises; may rise while the version stays. */
  readonly position: Position;
  /** When the image was built, RFC 3339 in UTC. */
  readonly builtAt: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where the image is to be had; its form is the adapter's. */
  readonly url: string;
  /** Audience: increments announced on top of the image, from 1; 0 for none. */
  readonly increment: number;
  /** Audience: customers and distinct sets of segments in the image; null for a playbook. */
  readonly customers: number | null;
  readonly memberships: number | null;
}

/** Customers judged again since the image: applies to the image `base` after increment `sequence - 1`. */
export interface Increment {
  readonly clientId: string;
  /** Version of the image. */
  readonly base: string;
  /** 1, 2, 3, … without gaps for one base. */
  readonly sequence: number;
  readonly position: Position;
  readonly builtAt: string;
  readonly bytes: Uint8Array;
}

/** Where an image's bytes are to be had by whoever reads them, in whichever thread: a file, or an address that answers with Range. */
export type ImagePlace = { readonly path: string } | { readonly url: string };

export interface Acknowledgement {
  readonly nodeId: string;
  readonly clientId: string;
  readonly kind: SnapshotKind;
  /** Version loaded, `<image>` or `<image>+<increment>`. */
  readonly version: string;
  /** The node answers according to the log up to here. */
  readonly position: Position;
  /** RFC 3339 in UTC. */
  readonly loadedAt: string;
}

export interface SnapshotListener {
  announced(announcement: Announcement): void;
  /** May be missed, doubled or early: a hint. `increments` is the truth. */
  incremented(increment: Increment): void;
  /** Changes cannot be looked for now; the watch goes on trying. */
  unavailable?(error: Error): void;
}

/**
 * Where builders put snapshots and nodes find them. A hint that makes things fast, never the record: everything here can be built again
 * from the log. Every method may throw SnapshotsUnavailable (retryable).
 */
export interface SnapshotPublication {
  /**
   * Puts the image (durably), then announces it. The same content again is the same version: only the announcement moves. A version
   * whose increments are kept comes back with them on it: a builder that does not mean that gives the image another edition. @throws StalePublication when the position is smaller than the announced one, or the same and `builtAt` is not later
   * (a quiet client's audience is built again at the same position: its windows and its age have moved on).
   */
  publish(snapshot: {
    clientId: string;
    kind: SnapshotKind;
    image: Uint8Array;
    position: Position;
    builtAt: string;
    customers: number | null;
    memberships: number | null;
  }): Promise<Announcement>;
  /** Puts one increment on the current image, and announces it. @throws StalePublication when `base` is not current or the sequence is not the next. */
  publishIncrement(increment: Increment): Promise<void>;
  /** Nothing changed up to this position: raises the announcement's position. Does nothing when nothing was published. */
  progress(clientId: string, kind: SnapshotKind, position: Position): Promise<void>;

  current(clientId: string, kind: SnapshotKind): Promise<Announcement | null>;
  /** All announcements of all clients. */
  all(): Promise<Announcement[]>;
  /** The image's bytes, verified against length and sha256. @throws SnapshotCorrupt, SnapshotMissing. */
  fetch(announcement: Pick<Announcement, 'clientId' | 'kind' | 'sha256' | 'bytes' | 'url'>): Promise<Uint8Array>;
  /** Where `fetch` would read: for who verifies length and sha256 without it. @throws SnapshotMissing. */
  placeOf(announcement: Pick<Announcement, 'sha256' | 'url'>): Promise<ImagePlace>;
  /** A kept version's image by the version's name, for explanations; null when it is past retention. */
  fetchVersion(clientId: string, kind: SnapshotKind, version: string): Promise<Uint8Array | null>;
  /** The increments of this base after `afterSequence`, in order, without gaps. */
  increments(clientId: string, base: string, afterSequence: number): Promise<Increment[]>;

  /** Tells the listener of every current announcement, resolves, and goes on telling of changes until the signal. */
  watch(listener: SnapshotListener, signal: AbortSignal): Promise<void>;

  acknowledge(acknowledgement: Acknowledgement): Promise<void>;
  /** Of nodes that are alive: acknowledgements not renewed for `acknowledgementTtlMs` are gone. */
  acknowledgements(clientId: string): Promise<Acknowledgement[]>;

  close(): Promise<void>;
}

export const acknowledgementTtlMs = 15_000;
