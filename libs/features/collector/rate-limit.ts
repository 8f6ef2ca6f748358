/**
 * So many requests per second and client, on average over a second: a bucket that holds a second's worth and fills steadily.
 * Asked for known clients only, so there are no more buckets than clients.
 */
export class RateLimit {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  /** `perSecond` 0: no limit. */
  constructor(private readonly perSecond: number) {}

  /** Takes one; false when there is none left. `now` is in milliseconds, and never goes back. */
  take(clientId: string, now: number): boolean {
    if (this.perSecond === 0) return true;
    const bucket = this.buckets.get(clientId) ?? { tokens: this.perSecond, at: now };
    bucket.tokens = Math.min(this.perSecond, bucket.tokens + ((now - bucket.at) / 1000) * this.perSecond);
    bucket.at = now;
    this.buckets.set(clientId, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
