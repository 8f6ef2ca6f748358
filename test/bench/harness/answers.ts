/** What our answers are like, so that the constant ones of others are like them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { idOf } from './shop.js';

export interface AnswerShape {
  /** Headers that say something of the content; not those of the connection, which every server writes its own way. */
  readonly headers: Readonly<Record<string, string>>;
  /** Median bytes of bodies. */
  readonly bodyBytes: number;
  /** Of head and body together: the median. */
  readonly bytes: number;
}

const ofConnection = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'server']);

/** Asks for a sample of customers as the load does. */
export async function shapeOf(url: string, path: (id: string) => string, customers: number): Promise<AnswerShape> {
  const bodies: number[] = [];
  const all: number[] = [];
  let headers: Record<string, string> = {};
  for (let n = 0; n < 100; n += 1) {
    const known = idOf(Math.floor((n / 100) * customers));
    const raw = await rawAnswer(url, path(n % 10 === 0 ? `029a${known.slice(4)}` : known));
    const at = raw.indexOf('\r\n\r\n');
    const lines = raw.toString('latin1', 0, at).split('\r\n').slice(1);
    headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const),
    );
    bodies.push(raw.length - at - 4);
    all.push(raw.length);
  }
  const kept = Object.entries(headers).filter(([name]) => !ofConnection.has(name));
  return { headers: Object.fromEntries(kept), bodyBytes: middle(bodies), bytes: middle(all) };
}

/** Head and body of one answer as they came. */
export async function rawAnswer(url: string, path: string): Promise<Buffer> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = once(socket, 'close');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  );
  await closed;
  return Buffer.concat(chunks);
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

/** So many bytes of JSON that say who answers. */
export function jsonOf(bytes: number, about: string): string {
  const text = JSON.stringify({ about, padding: '' });
  return JSON.stringify({ about, padding: 'x'.repeat(Math.max(0, bytes - text.length)) });
}
