import { ClickHouseError, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { AnalyticsUnavailable } from '../analytics.js';
import { RowsRefused } from '../analytics-writer.js';
import { answerBytes } from './answer-stream.js';
import { type QueryParams, statementForm } from './statement-form.js';

export type QuerySettings = ClickHouseSettings;

/**
 * A ClickHouse database over HTTP, with few verbs. Rows are JSON objects in which 64-bit integers and decimals are strings and times are
 * RFC 3339 in UTC (`2026-11-23T08:00:00.000Z`); times are read in that form too. Tables in SQL are named without their database.
 * Parameters are written `{name:Type}`; each may be up to 128 KiB, as ClickHouse is set by default.
 * @throws AnalyticsUnavailable when ClickHouse cannot be reached, is going down, or has no room now: try again. Anything else that it says
 * (a ClickHouseError) is a bug of the statement.
 */
export interface ClickHouseConnection {
  readonly database: string;
  query<Row>(sql: string, params?: QueryParams, settings?: QuerySettings): Promise<Row[]>;
  /** A statement without an answer. */
  command(sql: string, params?: QueryParams, settings?: QuerySettings): Promise<void>;
  /**
   * Returns when ClickHouse has acknowledged all rows; nothing is sent when there are none. Atomic per partition only.
   * @throws RowsRefused when a value cannot be what its column wants.
   */
  insert(table: string, rows: readonly object[], settings?: QuerySettings): Promise<void>;
  /** The bytes of the answer in the format that the statement names, such as `… FORMAT RowBinary`. An error of ClickHouse on the way ends it by throwing. */
  stream(sql: string, params?: QueryParams, settings?: QuerySettings): AsyncIterable<Uint8Array>;
  /** Makes the database when there is none; all other verbs need it. */
  createDatabase(): Promise<void>;
  /** The same server, another database. */
  withDatabase(database: string): ClickHouseConnection;
  close(): Promise<void>;
}

export interface ClickHouseOptions {
  /** `http(s)://user:password@host:port` */
  readonly url: string;
  readonly database: string;
  /** How long ClickHouse may say nothing; 120,000 when absent. */
  readonly requestTimeoutMs?: number;
}

const common: ClickHouseSettings = {
  async_insert: 0,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  date_time_output_format: 'iso',
  date_time_input_format: 'best_effort',
};

export function openClickHouse({ url, database, requestTimeoutMs = 120_000 }: ClickHouseOptions): ClickHouseConnection {
  const address = new URL(url);
  const open = (name: string | undefined) =>
    createClient({
      url: address.origin + address.pathname,
      username: decodeURIComponent(address.username) || 'default',
      password: decodeURIComponent(address.password),
      ...(name === undefined ? {} : { database: name }),
      request_timeout: requestTimeoutMs,
      max_open_connections: 16,
      keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
      // On loopback gzip costs more than the bytes: 45 MB of RowBinary take 90 ms plain and 410 ms compressed, 100,000 rows in 200 ms and 250 ms.
      compression: { request: !isLoopback(address), response: !isLoopback(address) },
      clickhouse_settings: common,
      // Errors are thrown; who catches them writes the log.
      log: { level: ClickHouseLogLevel.OFF },
    });
  const client = open(database);

  // The client's own `query` sends long parameters as a form too, but `exec`, whose bytes are ours, does not.
  async function* stream(sql: string, params?: QueryParams, settings?: QuerySettings): AsyncIterable<Uint8Array> {
    const { address: inAddress, ...form } = statementForm(sql, params);
    const { stream: answer, response_headers } = await translated(() =>
      client.exec({ ...form, clickhouse_settings: { ...settings, ...inAddress } }),
    );
    const tag = response_headers['x-clickhouse-exception-tag'];
    try {
      yield* answerBytes(answer, typeof tag === 'string' ? tag : undefined);
    } catch (error) {
      throw translate(error);
    } finally {
      answer.destroy();
    }
  }

  return {
    database,
    async query<Row>(sql: string, params?: QueryParams, settings?: QuerySettings): Promise<Row[]> {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream(`${sql}\nFORMAT JSONEachRow`, params, settings)) chunks.push(chunk);
      const lines = Buffer.concat(chunks).toString('utf8').split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
    },
    async command(sql, params, settings) {
      await translated(() => client.command({ query: sql, ...withParams(params, settings) }));
    },
    async insert(table, rows, settings) {
      if (rows.length === 0) return;
      await translatedInsert(() =>
        client.insert({ table, values: rows as unknown[], format: 'JSONEachRow', ...withParams(undefined, settings) }),
      );
    },
    stream,
    async createDatabase() {
      // Not by the client above: ClickHouse refuses every statement that names a database which is not there.
      const outside = open(undefined);
      try {
        await translated(() => outside.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(database)} ENGINE = Atomic` }));
      } finally {
        await outside.close();
      }
    },
    withDatabase: (other) => openClickHouse({ url, database: other, requestTimeoutMs }),
    close: () => client.close(),
  };
}

/** A name as SQL writes it. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function withParams(params: QueryParams | undefined, settings: QuerySettings | undefined) {
  return {
    ...(params === undefined ? {} : { query_params: { ...params } }),
    ...(settings === undefined ? {} : { clickhouse_settings: settings }),
  };
}

async function translated<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw translate(error);
  }
}

/**
 * Errors of ClickHouse that say that it is the rows: 6, 26, 27, 38, 41, 72, 376 and 675 cannot parse; 53 type, 69 and 321 out of range,
 * 117 incorrect data, 131 too large, 349 null, 407 decimal overflow.
 */
const ofTheRows = new Set(['6', '26', '27', '38', '41', '53', '69', '72', '117', '131', '321', '349', '376', '407', '675']);

async function translatedInsert(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ClickHouseError && ofTheRows.has(error.code)) throw new RowsRefused(firstLine(error), { cause: error });
    throw translate(error);
  }
}

/**
 * Errors of ClickHouse that pass: try again later. 159 time limit, 202 too many queries, 203 no free connection, 209 and 210 network,
 * 236 aborted (going down), 241 memory limit, 242 table read only, 243 no space on the disk, 252 too many parts, 279 no replica reached,
 * 319 unknown status of insert, 394 cancelled, 745 overloaded, 999 Keeper.
 */
const passing = new Set(['159', '202', '203', '209', '210', '236', '241', '242', '243', '252', '279', '319', '394', '745', '999']);
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

function translate(error: unknown): unknown {
  if (!isError(error)) return error;
  const unavailable = error instanceof ClickHouseError ? passing.has(error.code) : isNetworkError(error);
  return unavailable ? new AnalyticsUnavailable(`ClickHouse is not available: ${firstLine(error)}`, { cause: error }) : error;
}

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

function isLoopback(address: URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(address.hostname);
}
