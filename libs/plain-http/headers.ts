import { incomplete, unrecognised } from './conversation.js';
import type { ReadBytes } from './read-bytes.js';

const blockBytesMax = 8_192;
const headersMax = 64;

/** Lower case of what a header's name may hold; 0 for the rest. */
const tokenBytes = new Uint8Array(256);
const letters = 'abcdefghijklmnopqrstuvwxyz';
for (const character of `${letters}0123456789!#$%&'*+-.^_\`|~`) tokenBytes[character.charCodeAt(0)] = character.charCodeAt(0);
for (const character of letters) tokenBytes[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0);

/**
 * Headers that change nothing, or what the caller is read from. Others may mean something to Node's parser – a body, an upgrade, a wait for
 * `100 Continue` – and so do these when they come twice. A prefix says that a header is for proxies, pages or clients, never for a parser.
 */
const knownHeaders: ReadonlySet<string> = new Set(
  `accept accept-charset accept-encoding accept-language authorization baggage cache-control client-ip connection cookie device-memory dnt
  downlink dpr ect forwarded from host if-modified-since if-none-match origin pragma priority purpose referer rtt save-data traceparent
  tracestate true-client-ip upgrade-insecure-requests user-agent via viewport-width width`.split(/\s+/),
);
const knownPrefixes = /^(?:x|sec|cf)-/;

/** Whether a header of this name, in lower case, means nothing to a parser. */
export function isForNoParser(name: string): boolean {
  return knownHeaders.has(name) || knownPrefixes.test(name);
}

/** Whether a connection with these headers stays, as far as a request can say; and whether they name a host, as they must. */
export function isForConnectionThatStays(fields: Readonly<Record<string, string>>): boolean {
  return fields['host'] !== undefined && (fields['connection'] === undefined || fields['connection'].toLowerCase() === 'keep-alive');
}

/**
 * Reads the block that begins at `from` into `fields`, by names in lower case. The index behind it; or `incomplete`, `unrecognised`: one that `takes` does
 * not know, or that comes twice, or of which Node's parser would have to judge.
 */
export function readHeaders(
  { bytes, end }: ReadBytes,
  from: number,
  takes: (name: string) => boolean,
  fields: Record<string, string>,
): number {
  let count = 0;
  let at = from;
  while (bytes[at] !== 0x0d) {
    const name = at;
    while (tokenBytes[bytes[at]!] !== 0) at++;
    if (bytes[at] !== 0x3a || at === name) return at >= end ? incomplete : unrecognised;
    const key = bytes.toString('latin1', name, at).toLowerCase();
    at++;
    while (bytes[at] === 0x20) at++;
    const value = at;
    while (bytes[at]! >= 0x20 && bytes[at]! <= 0x7e) at++;
    if (at >= end) return incomplete;
    if (bytes[at] !== 0x0d) return unrecognised;
    if (bytes[at + 1] !== 0x0a) return at + 1 >= end ? incomplete : unrecognised;
    if (++count > headersMax || !takes(key) || Object.hasOwn(fields, key)) return unrecognised;
    fields[key] = bytes.toString('latin1', value, at).trimEnd();
    at += 2;
  }
  if (bytes[at + 1] !== 0x0a) return at + 1 >= end ? incomplete : unrecognised;
  at += 2;
  return at - from > blockBytesMax ? unrecognised : at;
}
