import { STATUS_CODES } from 'node:http';

/** What a response says, apart from what a server adds to each. */
export interface ResponseParts {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | null;
}

/** The time of day in a response, as HTTP writes it: made once a second. */
export class DateHeader {
  /** Seconds since 1970 of `text`. */
  second = -1;
  text = '';

  /** Makes `text` anew when the second is another one than before. */
  at(timeMs: number): void {
    const second = Math.floor(timeMs / 1000);
    if (second === this.second) return;
    this.second = second;
    this.text = new Date(second * 1000).toUTCString();
  }
}

export const dateLength = 'Mon, 23 Nov 2026 11:30:56 GMT'.length;

/**
 * The whole response as Node's server and Fastify send it: the same lines in the same order.
 * @param keepAliveSeconds 0: the connection stays without a limit; null: it ends with this response.
 */
export function responseBytes(
  crossOrigin: Readonly<Record<string, string>>,
  { status, headers, body }: ResponseParts,
  date: string,
  keepAliveSeconds: number | null,
): Buffer {
  const text = body ?? '';
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const name in crossOrigin) head += `${name}: ${crossOrigin[name]}\r\n`;
  for (const name in headers) {
    const value = headers[name]!;
    for (const one of typeof value === 'string' ? [value] : value) head += `${name}: ${one}\r\n`;
  }
  if (status !== 204) head += `content-length: ${Buffer.byteLength(text)}\r\n`;
  head += `Date: ${date}\r\nConnection: ${keepAliveSeconds === null ? 'close' : 'keep-alive'}\r\n`;
  if (keepAliveSeconds !== null && keepAliveSeconds > 0) head += `Keep-Alive: timeout=${keepAliveSeconds}\r\n`;
  return Buffer.from(`${head}\r\n${text}`, 'utf8');
}
