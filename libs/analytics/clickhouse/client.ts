import { readFileSync } from 'node:fs';
import { ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { AnalyticsRefused } from '../analytics.js';
import { answerBytes } from './answer-stream.js';
import { translate, translateInsert } from './failures.js';
import { type QueryParams, statementForm } from './statement-form.js';

export type QuerySettings = ClickHouseSettings;

/** Customers of all clients: those who lie on one server. What concerns one customer alone is asked of each shard. */
export interface Shard {
  /** To this server alone. */
  readonly connection: ClickHouseConnection;
  /** Which of the slots, over which customers are spread evenly, are this one's: `from ≤ slot < to`, `of` in all. */
  readonly slots: { readonly from: number; readonly to: number; readonly of: number };
  /** The name of that part of a table that lies here. */
  part(table: string): string;
  /** A condition (SQL): whether a customer's rows lie here; undefined: everybody's do. */
  holds(client: string, customer: string): string | undefined;
}

/**
 * A ClickHouse database over HTTP, with few verbs. Rows are JSON objects in which 64-bit integers and decimals are strings and times are
 * RFC 3339 in UTC (`2026-11-23T08:00:00.000Z`); times are read in that form too. Tables in SQL are named without their database.
 * Parameters are written `{name:Type}`; each may be up to 128 KiB, as ClickHouse is set by default.
 * @throws AnalyticsUnavailable when ClickHouse cannot be reached, is going down, or has no room now: try again. AnalyticsRefused when it does not take
 * the user, or this side its certificate. Anything else that it says (a ClickHouseError) is a bug of the statement.
 */
export interface ClickHouseConnection {
  readonly database: string;
  /** Name of the cluster over which the tables are spread; undefined: one server. */
  readonly cluster: string | undefined;
  query<Row>(sql: string, params?: QueryParams, settings?: QuerySettings): Promise<Row[]>;
  /** A statement without an answer. */
  command(sql: string, params?: QueryParams, settings?: QuerySettings): Promise<void>;
  /**
   * Returns when ClickHouse has acknowledged all rows; nothing is sent when there are none. Atomic per partition only.
   * @throws RowsRefused when a value cannot be what its column wants.
   */
  insert(table: string, rows: readonly object[], settings?: QuerySettings): Promise<void>;
  /** The bytes of the answer in the format that the statement names, such as `… FORMAT RowBinary`. An error of ClickHouse on the way ends it by throwing. The signal ends it too, on the server as well, and its reason is thrown. */
  stream(sql: string, params?: QueryParams, settings?: QuerySettings, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Makes the database when there is none, which needs a right only then; all other verbs need the database. */
  createDatabase(): Promise<void>;
  /** Where the customers lie: this database alone, or its parts on the servers of a cluster. */
  shards(): Promise<readonly Shard[]>;
  /** The same server, another database. */
  withDatabase(database: string): ClickHouseConnection;
  close(): Promise<void>;
}

export interface ServerOptions {
  /** `http(s)://user:password@host:port` */
  readonly url: string;
  readonly database: string;
  /** PEM file of authorities to trust in place of the system's. */
  readonly caFile?: string;
  /** How long ClickHouse may say nothing; 120,000 when absent. */
  readonly requestTimeoutMs?: number;
}

/** ClickHouse ends a statement whose asker is gone when the statement may only read. */
const endedWithItsAsker: ClickHouseSettings = { readonly: '2', cancel_http_readonly_queries_on_client_close: 1 };

const common: ClickHouseSettings = {
  async_insert: 0,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  date_time_output_format: 'iso',
  date_time_input_format: 'best_effort',
};

/** Does not connect yet. @throws AnalyticsRefused when the file of authorities cannot be read. */
export function openServer(options: ServerOptions): ClickHouseConnection {
  const { url, database, caFile, requestTimeoutMs = 120_000 } = options;
  const address = new URL(url);
  const authorities = caFile === undefined ? undefined : readAuthorities(caFile);
  const open = (name: string | undefined) =>
    createClient({
      url: address.origin + address.pathname,
      username: decodeURIComponent(address.username) || 'default',
      password: decodeURIComponent(address.password),
      ...(name === undefined ? {} : { database: name }),
      ...(authorities === undefined ? {} : { tls: { ca_cert: authorities } }),
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
  const translated = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    try {
      return await call();
    } catch (error) {
      throw translate(error, address.host);
    }
  };

  // The client's own `query` sends long parameters as a form too, but `exec`, whose bytes are ours, does not.
  async function* stream(sql: string, params?: QueryParams, settings?: QuerySettings, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    signal?.throwIfAborted();
    const { address: inAddress, ...form } = statementForm(sql, params);
    const { stream: answer, response_headers } = await translated(() =>
      client.exec({
        ...form,
        clickhouse_settings: { ...settings, ...inAddress, ...(signal === undefined ? {} : endedWithItsAsker) },
        ...(signal === undefined ? {} : { abort_signal: signal }),
      }),
    ).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    const end = () => void answer.destroy();
    signal?.addEventListener('abort', end, { once: true });
    const tag = response_headers['x-clickhouse-exception-tag'];
    try {
      yield* answerBytes(answer, typeof tag === 'string' ? tag : undefined);
    } catch (error) {
      signal?.throwIfAborted();
      throw translate(error, address.host);
    } finally {
      signal?.removeEventListener('abort', end);
      answer.destroy();
    }
  }

  const connection: ClickHouseConnection = {
    database,
    cluster: undefined,
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
      try {
        await client.insert({ table, values: rows as unknown[], format: 'JSONEachRow', ...withParams(undefined, settings) });
      } catch (error) {
        throw translateInsert(error, address.host);
      }
    },
    stream,
    async createDatabase() {
      // Not by the client above: ClickHouse refuses every statement that names a database which is not there.
      const outside = open(undefined);
      try {
        const asked = await translated(() =>
          outside.query({
            query: 'SELECT name FROM system.databases WHERE name = {name:String}',
            query_params: { name: database },
            format: 'JSONEachRow',
          }),
        );
        if ((await asked.json()).length > 0) return;
        await translated(() => outside.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(database)} ENGINE = Atomic` }));
      } finally {
        await outside.close();
      }
    },
    shards: async () => [{ connection, slots: { from: 0, to: 1, of: 1 }, part: (table) => table, holds: () => undefined }],
    withDatabase: (other) => openServer({ ...options, database: other }),
    close: () => client.close(),
  };
  return connection;
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

function readAuthorities(caFile: string): Buffer {
  try {
    return readFileSync(caFile);
  } catch (cause) {
    throw new AnalyticsRefused(`tlsCAFile of ClickHouse's address cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function isLoopback(address: URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(address.hostname);
}
