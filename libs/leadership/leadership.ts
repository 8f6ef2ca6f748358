/** Of several processes with the same work one works and the others stand by. */
export interface Leadership {
  /** Aborted before another one can lead, as far as clocks that run at the same rate can tell; docs/adr/0021 says what is safe all the same. */
  readonly lost: AbortSignal;
  /** False as soon as the leadership is over, also in a process that stood still and was not told yet. A look at the clock: ask before each write. */
  holds(): boolean;
  /** Lets another one lead at once. */
  release(): Promise<void>;
}

/** Resolves when this process leads; rejects when `signal` is aborted. */
export type AcquireLeadership = (signal: AbortSignal) => Promise<Leadership>;
