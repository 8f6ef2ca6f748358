import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Bucket, BucketMissing, JetStream, keyPart, type NatsOptions, NatsUnavailable, openNats } from '#libs/nats';
import type { AcquireLeadership, Leadership } from '../leadership.js';
import { type Claim, Lease, now, readClaim } from './lease.js';

export interface NatsLeadershipOptions extends NatsOptions {
  /** Copies of the entries in a cluster of servers; 1 when absent. */
  readonly replicas?: number;
}

export interface NatsLeadership {
  /** Leadership of this role, such as `projector`. `standBy` is called with the holder's name whenever another one is found to hold it. */
  of(role: string, standBy?: (holder: string) => void): AcquireLeadership;
  /** Resolves when NATS answers and takes claims. @throws NatsUnavailable: it does not, and nobody leads for long. */
  reach(): Promise<void>;
  /** Release what is held first. */
  close(): Promise<void>;
}

/** The holder's own time, and for how long a claim must have stood unchanged before another one takes it. */
const leaseMs = 3_000;
const renewMs = 700;
const patienceMs = 4_000;
const pollMs = 200;

/**
 * Leadership among processes on several machines: an entry per role in the key-value bucket `vitrine-leaders`, changed by compare and set only.
 * No clock is compared with another: the holder counts from when it sent a renewal, a candidate from when it first saw it (docs/adr/0021).
 * While NATS is away nobody leads. @throws NatsRefused
 */
export async function openNatsLeadership(options: NatsLeadershipOptions): Promise<NatsLeadership> {
  const link = await openNats({ name: 'vitrine leadership', ...options });
  const bucket = new Bucket(new JetStream(link), { name: 'vitrine-leaders', replicas: options.replicas ?? 1, fromLeader: true });
  /** By role: why no claim could be made, as far as the last attempt knows. */
  const hindrances = new Map<string, NatsUnavailable>();
  const hindered = (role: string) => (error: NatsUnavailable | undefined) => {
    const before = hindrances.get(role);
    if (error === undefined) hindrances.delete(role);
    else hindrances.set(role, error);
    // Without a connection the link says so itself.
    if (error !== undefined && link.connected && error.message !== before?.message) {
      options.report?.(`nobody can lead as ${role}: ${error.message}`);
    }
  };
  return {
    of: (role, standBy) => (signal) => new Candidacy(bucket, keyPart(role), standBy ?? (() => undefined), hindered(role)).win(signal),
    // Of no role's name; what is asked is whether there is an answer, by a verb that a leader's user may use.
    reach: async () => {
      await bucket.get('reach');
      for (const error of hindrances.values()) throw error;
    },
    close: () => link.close(),
  };
}

/** What stands there, and since when this candidate has seen it stand unchanged by its own steady clock; revision 0: nothing. */
interface Seen {
  readonly revision: number;
  readonly sinceMs: number;
}

class Candidacy {
  private readonly claim: Claim & { readonly token: string } = { token: randomUUID(), holder: `process ${process.pid} on ${hostname()}` };
  private seen: Seen | undefined;
  private told: string | undefined;

  constructor(
    private readonly bucket: Bucket,
    private readonly role: string,
    private readonly standBy: (holder: string) => void,
    /** Told why an attempt failed, and when a claim was taken: NATS may answer and yet take none (a full disk, a user who may only read). */
    private readonly hindered: (error: NatsUnavailable | undefined) => void,
  ) {}

  async win(signal: AbortSignal): Promise<Leadership> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const lease = await this.attempt();
        if (lease !== undefined) {
          this.hindered(undefined);
          if (!signal.aborted) return lease;
          await lease.release();
        }
      } catch (error) {
        if (!(error instanceof NatsUnavailable)) throw error;
        // What was seen before NATS went away says nothing about since when it has stood.
        this.seen = undefined;
        if (error instanceof BucketMissing) await this.ensureBucket();
        else this.hindered(error);
      }
      await pause(pollMs, undefined, { signal });
    }
  }

  private async attempt(): Promise<Leadership | undefined> {
    const entry = await this.bucket.get(this.role);
    const claimed = entry === undefined ? undefined : readClaim(entry.value);
    // Ours: the answer to our claim was lost. Released: nobody can believe to lead. Anything else, also nothing (a bucket that was wiped
    // under a leader), has to stand unchanged first.
    const free = claimed !== undefined && (claimed.token === null || claimed.token === this.claim.token);
    if (!free && !this.stoodLongEnough(entry?.revision ?? 0)) {
      if (claimed !== undefined && claimed.holder !== this.told) {
        this.told = claimed.holder;
        this.standBy(claimed.holder);
      }
      return undefined;
    }
    const sent = now();
    const value = JSON.stringify(this.claim);
    const revision = await (entry === undefined
      ? this.bucket.create(this.role, value)
      : this.bucket.update(this.role, value, entry.revision));
    if (revision === undefined) return undefined;
    return new Lease(this.bucket, this.role, this.claim, { leaseMs, renewMs }, revision, sent);
  }

  private async ensureBucket(): Promise<void> {
    try {
      await this.bucket.ensure();
    } catch (error) {
      // The next attempt meets it again.
      if (!(error instanceof NatsUnavailable)) throw error;
      this.hindered(error);
    }
  }

  private stoodLongEnough(revision: number): boolean {
    const at = performance.now();
    // Somebody's claim was taken.
    if (this.seen !== undefined && this.seen.revision !== revision) this.hindered(undefined);
    if (this.seen?.revision !== revision) this.seen = { revision, sinceMs: at };
    return at - this.seen.sinceMs >= patienceMs;
  }
}
