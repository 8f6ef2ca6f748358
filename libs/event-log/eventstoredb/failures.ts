import { AppendTooLarge, EventLogUnavailable, type ExpectedRevision, RevisionConflict, StreamDeleted } from '../event-log.js';

/** The server, or this side of it, will not have us: a wrong address, password or certificate. Somebody has to change a setting. */
export class EventLogRefused extends EventLogUnavailable {
  override readonly code: string = 'EVENT_LOG_REFUSED';
}

/** An event that was not written over gRPC: its two positions differ, and one number cannot say where it is. */
export class ForeignTransaction extends Error {
  readonly code = 'FOREIGN_TRANSACTION';
}

/** What of the client's errors is read here. It throws its own classes, plain errors with a gRPC `code`, and plain errors. */
interface ClientError {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly actualVersion?: unknown;
}

const grpc = { deadlineExceeded: 4, permissionDenied: 7, unauthenticated: 16 };

/** The client's error in the port's words. What is not known better is `EventLogUnavailable`: trying again is never wrong. */
export function failureOf(error: unknown, name: string, about?: { readonly stream: string; readonly expected?: ExpectedRevision }): Error {
  if (error instanceof EventLogUnavailable || error instanceof ForeignTransaction) return error;
  const { type, code, message, actualVersion } = (typeof error === 'object' && error !== null ? error : {}) as ClientError;
  const said = oneLine(typeof message === 'string' && message !== '' ? message : String(error));
  if (type === 'wrong-expected-version' && about?.expected !== undefined)
    return new RevisionConflict(about.stream, about.expected, revisionOf(actualVersion));
  if (type === 'stream-deleted') return new StreamDeleted(`stream ${about?.stream ?? ''} was deleted for ever`, { cause: error });
  if (type === 'maximum-append-size-exceeded')
    return new AppendTooLarge('EventStoreDB takes at most 1 MiB in one append', { cause: error });
  if (type === 'access-denied' || code === grpc.unauthenticated || code === grpc.permissionDenied)
    return new EventLogRefused(`${name} refuses this user or password, or lets the user not do this`, { cause: error });
  if (aboutCertificates.test(said))
    return new EventLogRefused(`${name}: its certificate is not trusted; name its authority with tlsCAFile (${said})`, { cause: error });
  if (type === 'deadline-exceeded' || code === grpc.deadlineExceeded)
    return new EventLogUnavailable(`${name} did not answer in time`, { cause: error });
  return new EventLogUnavailable(`${name}: ${said}`, { cause: error });
}

const aboutCertificates = /certificate|self.signed|altnames|CERT_|unable to (?:get|verify)/i;

export function isOfType(error: unknown, type: string): boolean {
  return typeof error === 'object' && error !== null && (error as ClientError).type === type;
}

/** -1 on deletes and `no_stream` on appends both say that there is no such stream. */
function revisionOf(actual: unknown): bigint | 'noStream' {
  return typeof actual === 'bigint' && actual >= 0n ? actual : 'noStream';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
