/** A request that is answered with an error: the JSON `{"code","message"}`. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** For 429 and 503, in seconds. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}
