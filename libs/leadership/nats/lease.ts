import { type Bucket, NatsUnavailable } from '#libs/nats';
import type { Leadership } from '../leadership.js';

export interface LeaseTimes {
  /** The holder takes itself for the leader so long after it sent its last renewal that was acknowledged. */
  readonly leaseMs: number;
  readonly renewMs: number;
}

/** What the entry of a role says. Each claim has a token of its own; a released role has none. */
export interface Claim {
  readonly token: string | null;
  /** For people: which process. */
  readonly holder: string;
}

export function readClaim(value: Uint8Array): Claim {
  return JSON.parse(Buffer.from(value).toString('utf8')) as Claim;
}

/**
 * A moment by two clocks: the steady one, which stands still while the machine sleeps, and the wall's, which does not but can be set. A time
 * has passed when either says so: a leader then steps down too early at worst.
 */
export interface Moment {
  readonly steadyMs: number;
  readonly wallMs: number;
}

export function now(): Moment {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

/** A role that is held: renewed until it is released, cannot be renewed in time, or turns out to be another's. */
export class Lease implements Leadership {
  private readonly over = new AbortController();
  private renewal: NodeJS.Timeout | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private renewing: Promise<void> | undefined;
  private released = false;

  constructor(
    private readonly bucket: Bucket,
    private readonly role: string,
    private readonly claim: Claim & { readonly token: string },
    private readonly times: LeaseTimes,
    private revision: number,
    /** When the claim, or its last acknowledged renewal, was sent. */
    private sent: Moment,
  ) {
    this.arm();
    this.renewal = setInterval(() => {
      this.renewing ??= this.renew().finally(() => {
        this.renewing = undefined;
      });
    }, times.renewMs);
  }

  get lost(): AbortSignal {
    return this.over.signal;
  }

  holds(): boolean {
    if (!this.released && !this.over.signal.aborted && this.remainingMs() <= 0) this.lose();
    return !this.released && !this.over.signal.aborted;
  }

  async release(): Promise<void> {
    this.released = true;
    this.rest();
    await this.renewing;
    try {
      await this.bucket.update(this.role, JSON.stringify({ token: null, holder: this.claim.holder } satisfies Claim), this.revision);
    } catch (error) {
      // The others then wait until the lease is over, as if this process had been killed.
      if (!(error instanceof NatsUnavailable)) throw error;
    }
  }

  private async renew(): Promise<void> {
    if (!this.holds()) return;
    const sent = now();
    try {
      const renewed = await this.bucket.update(this.role, JSON.stringify(this.claim), this.revision);
      if (renewed === undefined) return await this.lookAgain();
      this.revision = renewed;
      this.sent = sent;
      this.arm();
    } catch (error) {
      // Not renewed, as far as is known; the next time, until the deadline.
      if (!(error instanceof NatsUnavailable)) this.lose();
    }
  }

  /** Another revision than ours stands there: a renewal whose answer was lost, which prolongs nothing, or another's claim. */
  private async lookAgain(): Promise<void> {
    const entry = await this.bucket.get(this.role);
    if (entry !== undefined && readClaim(entry.value).token === this.claim.token) this.revision = entry.revision;
    else this.lose();
  }

  private remainingMs(): number {
    const at = now();
    return this.times.leaseMs - Math.max(at.steadyMs - this.sent.steadyMs, at.wallMs - this.sent.wallMs);
  }

  private arm(): void {
    if (this.released || this.over.signal.aborted) return;
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => {
      // Timers may fire a moment early.
      if (this.holds()) this.arm();
    }, this.remainingMs());
  }

  private lose(): void {
    this.rest();
    this.over.abort();
  }

  private rest(): void {
    clearInterval(this.renewal);
    clearTimeout(this.deadline);
  }
}
