import { BucketMissing, type Entry, type NatsLink } from '#libs/nats';
import { SnapshotCorrupt, SnapshotsUnavailable } from '../errors.js';
import type { Announcement, Increment, SnapshotListener } from '../publication.js';
import { isNewer } from './builder-store.js';
import { announcementOf, each, type NatsPointers } from './pointers.js';

/** The bucket is asked so often whether there is anything that was not heard of. */
const pollMs = 2_000;
/** Every so many polls all keys are looked at, whatever the bucket says. */
const fullEvery = 15;

/**
 * Looks at pointers when their subject is heard of, when the connection is made again, and every few seconds: the hearing is a bell only, since a
 * change that the bucket refused is heard too, and one that came while the connection was away is not. Takes only what is newer.
 */
export class Watching {
  private readonly told = new Map<string, Announcement>();
  private readonly dirty = new Set<string>();
  private everything = true;
  private greatest = 0;
  private created = '';
  private away = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly link: NatsLink,
    private readonly pointers: NatsPointers,
    private readonly increments: (clientId: string, base: string, after: number) => Promise<Increment[]>,
    private readonly listener: SnapshotListener,
    private readonly signal: AbortSignal,
  ) {}

  /** Resolves when the watch has ended. */
  ended: Promise<void> = Promise.resolve();

  /** Tells of everything that is current, resolves, and goes on until the signal. */
  async start(): Promise<void> {
    const deaf = this.pointers.bucket.listen('>', (key) => {
      this.dirty.add(key);
      this.wake();
    });
    try {
      await this.look();
    } catch (error) {
      deaf();
      throw error;
    }
    const again = this.link.onConnected(() => {
      this.everything = true;
      this.wake();
    });
    this.ended = this.keepLooking().finally(() => {
      deaf();
      again();
    });
  }

  private async keepLooking(): Promise<void> {
    const stop = () => this.wake();
    this.signal.addEventListener('abort', stop, { once: true });
    for (let polls = 1; !this.signal.aborted; ) {
      if (await this.idle()) {
        polls += 1;
        if (polls % fullEvery === 0) this.everything = true;
        else await this.trying(() => this.poll());
      }
      if (!this.signal.aborted) await this.trying(() => this.look());
    }
    this.signal.removeEventListener('abort', stop);
  }

  /** True when nothing was heard for the time of a poll. */
  private async idle(): Promise<boolean> {
    if (this.dirty.size > 0) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), pollMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
      if (this.signal.aborted) this.wake();
    });
  }

  private async trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.away = false;
    } catch (error) {
      this.everything = true;
      const said = error instanceof BucketMissing ? 'the bucket of the pointers is not there' : (error as Error).message;
      // Once, not every two seconds for as long as it lasts.
      if (!this.signal.aborted && !this.away) this.listener.unavailable?.(new SnapshotsUnavailable(said, { cause: error }));
      this.away = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (this.signal.aborted) this.wake();
      });
    }
  }

  private async poll(): Promise<void> {
    const { lastRevision, created } = await this.pointers.bucket.state();
    if (lastRevision !== this.greatest || created !== this.created) this.everything = true;
  }

  private async look(): Promise<void> {
    if (this.everything) {
      const { keys, lastRevision, created } = await this.pointers.bucket.keys('>');
      for (const key of keys) this.dirty.add(key);
      this.greatest = lastRevision;
      this.created = created;
      this.everything = false;
    }
    const keys = [...this.dirty];
    this.dirty.clear();
    await each(keys, async (key) => {
      const entry = await this.pointers.bucket.get(key);
      if (entry !== undefined) await this.tell(entry);
    });
  }

  private async tell(entry: Entry): Promise<void> {
    this.greatest = Math.max(this.greatest, entry.revision);
    let current: Announcement;
    try {
      current = announcementOf(entry);
    } catch (error) {
      if (!(error instanceof SnapshotCorrupt)) throw error;
      this.listener.unavailable?.(error);
      return;
    }
    const before = this.told.get(entry.key);
    const moved =
      before !== undefined && before.version === current.version && before.position === current.position && before.url !== current.url;
    if (before !== undefined && !isNewer(current, before) && !moved) return;
    const isSame = before?.version === current.version;
    const fresh = isSame && current.increment > before.increment ? await this.freshIncrements(current, before.increment) : [];
    if (this.signal.aborted) return;
    this.told.set(entry.key, current);
    for (const increment of fresh) this.listener.incremented(increment);
    this.listener.announced(current);
  }

  /** None when they cannot be had now: the announcement says that there are some. */
  private async freshIncrements(current: Announcement, after: number): Promise<readonly Increment[]> {
    try {
      return await this.increments(current.clientId, current.version, after);
    } catch (error) {
      if (!(error instanceof SnapshotsUnavailable || error instanceof SnapshotCorrupt)) throw error;
      this.listener.unavailable?.(error);
      return [];
    }
  }
}
