import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { appendBytesMax, type Expected } from './database.js';

/** The failures that the real server says in trailers, which the client reads from there. */
export function failure(code: status, details: string, trailers: Record<string, string | number> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, String(value));
  return Object.assign(new Error(details), { code, details, metadata });
}

export const unknown = (details: string) => failure(status.UNKNOWN, details);

export const streamDeleted = (stream: string) =>
  failure(status.FAILED_PRECONDITION, 'the stream is deleted', { exception: 'stream-deleted', 'stream-name': header(stream) });

export const tooLarge = () =>
  failure(status.INVALID_ARGUMENT, `at most ${appendBytesMax} bytes`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': appendBytesMax,
  });

export const notLeader = (host: string, port: number) =>
  failure(status.NOT_FOUND, 'leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': port,
  });

const expectedNumbers = { any: -2, no_stream: -1, stream_exists: -4 };

export const wrongExpectedVersion = (stream: string, expected: Expected, actual: bigint) =>
  failure(status.FAILED_PRECONDITION, 'wrong expected version', {
    exception: 'wrong-expected-version',
    'stream-name': header(stream),
    'expected-version': typeof expected === 'bigint' ? `${expected}` : expectedNumbers[expected],
    'actual-version': `${actual}`,
  });

/** Trailers are ASCII. */
function header(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
