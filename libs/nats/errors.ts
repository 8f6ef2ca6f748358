/** NATS cannot be reached, or has no room: try again. */
export class NatsUnavailable extends Error {
  readonly code: string = 'NATS_UNAVAILABLE';
}
/** The bucket or stream is not there: nobody has made it yet, or it was wiped. */
export class BucketMissing extends NatsUnavailable {
  override readonly code = 'NATS_BUCKET_MISSING';
}
/** A server refused a request because its user has not the right to it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof NatsUnavailable && (error.cause as { code?: unknown } | undefined)?.code === 'PERMISSIONS_VIOLATION';
}
/** The user, the password or the certificate is not accepted, or the address has no such form: trying again does not help. */
export class NatsRefused extends Error {
  readonly code = 'NATS_REFUSED';
}
/** The server answers with an error that no use of it here should lead to. */
export class NatsFailure extends Error {
  readonly code = 'NATS_FAILURE';
}
