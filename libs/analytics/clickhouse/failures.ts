import { ClickHouseError } from '@clickhouse/client';
import { AnalyticsRefused, AnalyticsUnavailable } from '../analytics.js';
import { RowsRefused } from '../analytics-writer.js';

/**
 * Errors of ClickHouse that say that it is the rows: 6, 26, 27, 38, 41, 72, 376 and 675 cannot parse; 53 type, 69 and 321 out of range,
 * 117 incorrect data, 131 too large, 349 null, 407 decimal overflow.
 */
const ofTheRows = new Set(['6', '26', '27', '38', '41', '53', '69', '72', '117', '131', '321', '349', '376', '407', '675']);

/**
 * Errors of ClickHouse that pass: try again later. 81 database not there (yet), 159 time limit, 202 too many queries, 203 no free connection, 209 and 210 network,
 * 236 aborted (going down), 241 memory limit, 242 table read only, 243 no space on the disk, 252 too many parts, 279 no replica reached,
 * 319 unknown status of insert, 394 cancelled, 745 overloaded, 999 Keeper.
 */
const passing = new Set(['81', '159', '202', '203', '209', '210', '236', '241', '242', '243', '252', '279', '319', '394', '745', '999']);
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'HPE_INVALID_CONSTANT',
]);

/** Wrong password, unknown user, user without the password that it needs. */
const strangers = new Set(['192', '193', '194', '516']);
const noRight = '497';

/** What is thrown for what ClickHouse, its client or the network said. `host` is for the message. */
export function translate(error: unknown, host: string): unknown {
  if (!isError(error)) return error;
  const refusal = refusalOf(error, host);
  if (refusal !== undefined) return new AnalyticsRefused(refusal, { cause: error });
  const unavailable = error instanceof ClickHouseError ? passing.has(error.code) : isNetworkError(error);
  return unavailable ? new AnalyticsUnavailable(`ClickHouse is not available: ${firstLine(error)}`, { cause: error }) : error;
}

export function translateInsert(error: unknown, host: string): unknown {
  if (error instanceof ClickHouseError && ofTheRows.has(error.code)) return new RowsRefused(firstLine(error), { cause: error });
  return translate(error, host);
}

function refusalOf(error: Error, host: string): string | undefined {
  if (error instanceof ClickHouseError) {
    if (strangers.has(error.code)) return `ClickHouse at ${host} does not accept this user or password`;
    if (error.code === noRight)
      return `ClickHouse at ${host} refuses: ${firstLine(error)} (tools/clickhouse-grants.mjs prints the rights that are needed)`;
    return undefined;
  }
  const { code = '' } = error as NodeJS.ErrnoException;
  if (certificateCodes.test(code))
    return `the certificate of ClickHouse at ${host} is not trusted (${firstLine(error)}); its authority is named by ?tlsCAFile=`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return `ClickHouse at ${host} does not speak TLS there (${code})`;
  return undefined;
}

/** Of OpenSSL's verification, and of Node's check of the host's name. */
const certificateCodes =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_|SELF_SIGNED_CERT_IN_CHAIN$|DEPTH_ZERO_SELF_SIGNED_CERT$|INVALID_CA$|HOSTNAME_MISMATCH$)/;

/** By its form: errors of Node's own modules are of another realm where the code runs in a vm context (jest), and no `Error` there. */
function isError(error: unknown): error is Error {
  return error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error && 'stack' in error);
}

function isNetworkError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  // The client says a time-out in words alone; several addresses tried come as one AggregateError; a proxy answers 502 to 504 in words of its own.
  return (
    (code !== undefined && networkCodes.has(code)) ||
    /^(Timeout error|socket hang up|aborted|premature close)/i.test(error.message) ||
    /\b50[234]\b.*(Bad Gateway|Service|Gateway Time)/is.test(error.message) ||
    ('errors' in error && Array.isArray(error.errors) && error.errors.every((one) => isError(one) && isNetworkError(one)))
  );
}

function firstLine(error: Error): string {
  const text = error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  return text.split('\n', 1)[0]!.slice(0, 300);
}
