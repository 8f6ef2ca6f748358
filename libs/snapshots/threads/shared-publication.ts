import type { Acknowledgement, Announcement, Increment, SnapshotListener } from '../publication.js';
import { JointAcknowledgements } from './joint-acknowledgements.js';
import type { NodePublication } from './node-publication.js';

/** An image that was fetched stays here for those who ask for it a little later. */
const fetchedMs = 10_000;

/**
 * One publication for several threads that answer as one node: watched once, an image fetched once for all, and acknowledged as one node when all
 * of them have it.
 */
export class SharedPublication {
  private readonly fetched = new Map<string, Promise<Uint8Array>>();
  private readonly found = new Map<string, Promise<Increment[]>>();
  private readonly current = new Map<string, Announcement>();
  private readonly listeners = new Set<SnapshotListener>();
  private readonly acknowledgements: JointAcknowledgements;
  private readonly closing = new AbortController();
  private watching: Promise<void> | undefined;

  constructor(
    private readonly publication: NodePublication,
    { nodeId, threads }: { readonly nodeId: string; readonly threads: number },
  ) {
    this.acknowledgements = new JointAcknowledgements(nodeId, threads, (joint) => publication.acknowledge(joint));
  }

  /** As one of the threads has it, counted from 0. */
  of(thread: number): NodePublication {
    return {
      fetch: (announcement) => this.fetch(announcement),
      placeOf: (announcement) => this.publication.placeOf(announcement),
      increments: (...which) => this.increments(...which),
      watch: (listener, signal) => this.watch(listener, signal),
      acknowledge: (acknowledgement: Acknowledgement) => this.acknowledgements.take(thread, acknowledgement),
    };
  }

  close(): void {
    this.closing.abort();
  }

  private fetch(announcement: Parameters<NodePublication['fetch']>[0]): Promise<Uint8Array> {
    const { sha256 } = announcement;
    const known = this.fetched.get(sha256);
    if (known !== undefined) return known;
    const fetching = this.publication.fetch(announcement);
    this.fetched.set(sha256, fetching);
    fetching.then(
      () => setTimeout(() => this.fetched.delete(sha256), fetchedMs).unref(),
      () => this.fetched.delete(sha256),
    );
    return fetching;
  }

  private increments(clientId: string, base: string, afterSequence: number): Promise<Increment[]> {
    const key = `${clientId} ${base} ${afterSequence}`;
    const known = this.found.get(key);
    if (known !== undefined) return known;
    const finding = this.publication.increments(clientId, base, afterSequence);
    this.found.set(key, finding);
    const forget = () => {
      if (this.found.get(key) === finding) this.found.delete(key);
    };
    finding.then(forget, forget);
    return finding;
  }

  private async watch(listener: SnapshotListener, signal: AbortSignal): Promise<void> {
    this.watching ??= this.begin();
    await this.watching;
    // Nothing comes between what is told here and the next change.
    for (const announcement of this.current.values()) listener.announced(announcement);
    this.listeners.add(listener);
    if (signal.aborted) this.listeners.delete(listener);
    else signal.addEventListener('abort', () => this.listeners.delete(listener), { once: true });
  }

  private async begin(): Promise<void> {
    const all: SnapshotListener = {
      announced: (announcement) => {
        // Whoever asks from here on wants what was announced: an answer that is on its way may be without it.
        this.found.clear();
        this.current.set(`${announcement.clientId} ${announcement.kind}`, announcement);
        for (const listener of this.listeners) listener.announced(announcement);
      },
      incremented: (increment) => {
        this.found.clear();
        this.know(increment);
        for (const listener of this.listeners) listener.incremented(increment);
      },
      unavailable: (error) => {
        for (const listener of this.listeners) listener.unavailable?.(error);
      },
    };
    try {
      await this.publication.watch(all, this.closing.signal);
    } catch (error) {
      // Whoever asks next tries again.
      this.watching = undefined;
      throw error;
    }
  }

  /** A thread that comes later hears of the announcement only. */
  private know({ clientId, base, sequence, position }: Increment): void {
    const key = `${clientId} audience`;
    const known = this.current.get(key);
    if (known === undefined || known.version !== base || known.increment >= sequence) return;
    this.current.set(key, { ...known, increment: sequence, position: position > known.position ? position : known.position });
  }
}
