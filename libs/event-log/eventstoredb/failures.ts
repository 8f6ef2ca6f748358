import { AppendTooLarge, EventLogUnavailable, type ExpectedRevision, RevisionConflict, StreamDeleted } from '../event-log.js';

/** The server, or this side of it, will not have us: a wrong address, password or certificate. Somebody has to change a setting. */
export class EventLogRefused extends EventLogUnavailable {
  override readonly code: string = 'EVENT_LOG_REFUSED';
}

/** An event of another program where ours are expected: in another form, or with two positions that one number cannot say. */
export class ForeignEvent extends Error {
  readonly code = 'FOREIGN_EVENT';
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
  if (error instanceof EventLogUnavailable || error instanceof ForeignEvent || isBug(error)) return error;
  const { type, code, message, actualVersion } = (typeof error === 'object' && error !== null ? error : {}) as ClientError;
  const said = oneLine(typeof message === 'string' && message !== '' ? message : String(error));
  if (type === 'wrong-expected-version' && about?.expected !== undefined)
    return new RevisionConflict(about.stream, about.expected, revisionOf(actualVersion));
  if (type === 'stream-deleted') return new StreamDeleted(`stream ${about?.stream ?? ''} was deleted for ever`, { cause: error });
  if (type === 'maximum-append-size-exceeded')
    return new AppendTooLarge('EventStoreDB takes at most 1 MiB in one append', { cause: error });
  if (code === grpc.unauthenticated) return new EventLogRefused(`${name} does not accept this user or password`, { cause: error });
  if (type === 'access-denied' || code === grpc.permissionDenied)
    return new EventLogRefused(`${name} does not let this user do that`, { cause: error });
  if (aboutCertificates.test(said))
    return new EventLogRefused(`${name}: its certificate is not trusted (${said}); name its authority with tlsCAFile`, { cause: error });
  if (said.includes('wrong version number'))
    return new EventLogRefused(`${name} does not speak TLS there; ?tls=false is for servers in the clear`, { cause: error });
  if (type === 'deadline-exceeded' || code === grpc.deadlineExceeded)
    return new EventLogUnavailable(`${name} did not answer in time`, { cause: error });
  return new EventLogUnavailable(`${name}: ${said}`, { cause: error });
}

const aboutCertificates = /certificate|self.signed|altnames|CERT_|unable to (?:get|verify)/i;

/** The client found no leader, and does not say why: it drops what each candidate answered. */
export function isDiscoveryFailure(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Failed to discover');
}

/** The server said no: nothing was written. */
export function isRefusal(error: unknown): boolean {
  return ['wrong-expected-version', 'stream-deleted', 'maximum-append-size-exceeded', 'access-denied'].some((type) =>
    isOfType(error, type),
  );
}

export function isOfType(error: unknown, type: string): boolean {
  return typeof error === 'object' && error !== null && (error as ClientError).type === type;
}

function isBug(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

/** -1 on deletes and `no_stream` on appends both say that there is no such stream. */
function revisionOf(actual: unknown): bigint | 'noStream' {
  return typeof actual === 'bigint' && actual >= 0n ? actual : 'noStream';
}

/** The sentence in a message of gRPC, without what it says around it. */
function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.? ?Resolution note:.*$/, '')
    .trim();
}
