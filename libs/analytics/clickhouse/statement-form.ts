import { randomUUID } from 'node:crypto';

export type QueryParams = Readonly<Record<string, unknown>>;

/** ClickHouse takes at most 1 MiB of address and 128 KiB of each field of a form; a body that is the statement alone has no such bound. */
const addressBytesMax = 200_000;
const fieldBytesMax = 120_000;

export interface StatementForm {
  /** The body; a statement or a form. */
  readonly query: string;
  readonly query_params?: Record<string, unknown>;
  readonly http_headers?: Record<string, string>;
  /** What else stands in the address. */
  readonly address?: Record<string, string>;
}

/**
 * A statement with its parameters in the address, or, when these are long (a list of ids), with the parameters as a form and the statement among
 * them or, when that is long too, in the address.
 */
export function statementForm(sql: string, params: QueryParams = {}): StatementForm {
  const written = Object.entries(params).map(([name, value]) => [`param_${name}`, parameterText(value)] as const);
  let bytes = 0;
  for (const [name, value] of written) bytes += name.length + encodeURIComponent(value).length;
  if (bytes <= addressBytesMax) return { query: sql, query_params: { ...params } };
  const isLong = Buffer.byteLength(sql) > fieldBytesMax;
  const boundary = `vitrine-${randomUUID()}`;
  const parts = (isLong ? written : [['query', sql] as const, ...written]).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    query: `${parts.join('')}--${boundary}--`,
    http_headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
    ...(isLong ? { address: { query: sql } } : {}),
  };
}

/** Texts, numbers, booleans and lists of them as ClickHouse reads the values of parameters. */
function parameterText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => (typeof one === 'string' ? `'${escaped(one)}'` : String(one))).join(',')}]`;
  return typeof value === 'string' ? escaped(value) : String(value);
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  return text.replace(/[\\'\t\n\r]/g, (character) => escapes[character] ?? character);
}
