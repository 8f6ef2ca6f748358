import type { ClientId, CustomerId, RequestFacts, SessionId } from '#libs/domain';
import type { Caller } from '../answering.js';
import type { Devices } from '../devices.js';
import type { CallerOf } from '../edge-http.js';
import { keptIds } from '../identity.js';
import { Refused } from '../refused.js';
import { classes, inIds, plain, type ReadBytes, tokenBytes } from './bytes.js';
import { type SharedPart, shareOfHead } from './packed-answers.js';

/** More bytes are needed. */
export const incomplete = -1;
/** Not what this path knows: for Node's own parser. */
export const unrecognised = -2;

/** A block of headers, from the line after the request line to the empty line: read once, and compared from then on. */
export interface Head {
  readonly length: number;
  /** The block in words of four bytes, its last one filled up with zeros. */
  readonly words: Int32Array;
  readonly caller: Caller;
  readonly origin: string | undefined;
  readonly device: Pick<RequestFacts, 'device' | 'browser'>;
  /** The same number for heads whose answers differ in nothing: same address of the edge, same origin. */
  readonly site: number;
  /** What records of its answers have in common. */
  readonly share: SharedPart;
  /** What the cookies keep of a client's customer. */
  kept(clientId: ClientId): KeptIds;
}

export interface KeptId {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export interface KeptIds {
  readonly customer: KeptId | null;
  readonly session: KeptId | null;
  /** False when one of them needs an escape in JSON, or is malformed: for the common path. */
  readonly simple: boolean;
}

const headBytesMax = 8_192;
const headersMax = 64;
const headsMax = 4_096;
/** Of blocks that are remembered: what is kept of one takes three times its length. */
const knownBytesMax = 8 * 1024 * 1024;
/** Heads of one length that are compared before one is read. */
const candidatesMax = 8;

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

export interface HeadsOptions {
  readonly callerOf: CallerOf;
  readonly devices: Devices;
  /** `VITRINE_COUNTRY_HEADER`, in lower case. */
  readonly countryHeader: string | undefined;
}

/** Reads heads, and remembers them: pages of one browser, and connections of one load balancer, repeat theirs byte for byte. */
export class Heads {
  private readonly known = new Map<string, Head>();
  private knownBytes = 0;
  /** Heads by their length, the one found last first. */
  private readonly byLength = new Map<number, Head[]>();
  private readonly sites = new Map<string, number>();
  private nextSite = 0;
  /** The head that `read` found. */
  found: Head | undefined;

  constructor(private readonly options: HeadsOptions) {}

  /** The index behind the block that begins at `from`, with the head in `found`; or `incomplete`, `unrecognised`. */
  read(input: ReadBytes, from: number): number {
    // A load balancer's connection brings one browser's head after the other's. Most are the last of what was read, so that their length is known:
    // comparing a few costs 0.1 µs, reading one 2 µs.
    const length = input.end - from;
    const candidates = this.byLength.get(length);
    if (candidates !== undefined) {
      for (let index = 0; index < candidates.length; index++) {
        const head = candidates[index]!;
        if (!isHead(input, from, head)) continue;
        if (index > 0) {
          candidates[index] = candidates[index - 1]!;
          candidates[index - 1] = head;
        }
        this.found = head;
        return from + length;
      }
    }
    return this.parse(input, from);
  }

  private parse({ bytes, end }: ReadBytes, from: number): number {
    const fields: Record<string, string> = {};
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
      if (++count > headersMax || !this.takes(key) || Object.hasOwn(fields, key)) return unrecognised;
      fields[key] = bytes.toString('latin1', value, at).trimEnd();
      at += 2;
    }
    if (bytes[at + 1] !== 0x0a) return at + 1 >= end ? incomplete : unrecognised;
    at += 2;
    if (at - from > headBytesMax) return unrecognised;
    this.found = this.headOf(bytes.toString('latin1', from, at), fields);
    return this.found === undefined ? unrecognised : at;
  }

  private takes(name: string): boolean {
    return knownHeaders.has(name) || knownPrefixes.test(name) || name === this.options.countryHeader;
  }

  private headOf(block: string, fields: Record<string, string>): Head | undefined {
    const known = this.known.get(block);
    if (known !== undefined) {
      if (this.byLength.get(known.length)?.includes(known) !== true) this.findable(known);
      return known;
    }
    if (fields['connection'] !== undefined && fields['connection'].toLowerCase() !== 'keep-alive') return undefined;
    if (fields['host'] === undefined) return undefined;
    const caller = this.callerOf(fields);
    if (caller === undefined) return undefined;
    const origin = fields['origin'];
    const words = new Int32Array(Math.ceil(block.length / 4));
    Buffer.from(words.buffer).write(block, 'latin1');
    const kept = new Map<string, KeptIds>();
    const device = this.options.devices.of(caller.userAgent);
    const head: Head = {
      length: block.length,
      words,
      caller,
      origin,
      device,
      share: shareOfHead(device, caller),
      site: this.siteOf(`${caller.base}\n${origin ?? ''}`),
      kept: (clientId) => {
        const one = kept.get(clientId) ?? keptIn(clientId, caller.cookie);
        kept.set(clientId, one);
        return one;
      },
    };
    if (this.known.size >= headsMax || this.knownBytes >= knownBytesMax) {
      this.known.clear();
      this.knownBytes = 0;
      this.byLength.clear();
    }
    this.known.set(block, head);
    this.knownBytes += block.length;
    this.findable(head);
    return head;
  }

  private findable(head: Head): void {
    const candidates = this.byLength.get(head.length);
    if (candidates === undefined) this.byLength.set(head.length, [head]);
    else {
      candidates.unshift(head);
      candidates.length = Math.min(candidates.length, candidatesMax);
    }
  }

  private callerOf(fields: Record<string, string>): Caller | undefined {
    try {
      return this.options.callerOf(fields, 'GET', false);
    } catch (error) {
      // A Host that names none: refused by the way that every other request goes.
      if (error instanceof Refused) return undefined;
      throw error;
    }
  }

  private siteOf(key: string): number {
    const known = this.sites.get(key);
    if (known !== undefined) return known;
    // Numbers are not used again, so what was made for an earlier site is found by nobody.
    if (this.sites.size >= headsMax) this.sites.clear();
    const site = this.nextSite++;
    this.sites.set(key, site);
    return site;
  }
}

/** Whether the block at `from` is this head's. */
export function isHead({ view, end }: ReadBytes, from: number, { length, words }: Head): boolean {
  if (end - from < length) return false;
  const whole = length >>> 2;
  for (let index = 0, at = from; index < whole; index++, at += 4) if (view.getInt32(at, true) !== words[index]) return false;
  for (let index = whole * 4; index < length; index++) {
    if (view.getUint8(from + index) !== ((words[whole]! >>> ((index & 3) * 8)) & 0xff)) return false;
  }
  return true;
}

const nobody: KeptIds = { customer: null, session: null, simple: true };

function keptIn(clientId: ClientId, cookie: string | undefined): KeptIds {
  if (cookie === undefined) return nobody;
  const { customerId, sessionId } = keptIds(clientId, cookie);
  const bytesOf = (id: CustomerId | SessionId | undefined) => (id === undefined ? null : keptId(Buffer.from(id, 'utf8')));
  const [customer, session] = [bytesOf(customerId), bytesOf(sessionId)];
  return { customer, session, simple: isSimple(customer) && isSimple(session) };
}

const keptId = (bytes: Buffer): KeptId => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) });

function isSimple(id: KeptId | null): boolean {
  return id === null || id.bytes.every((byte) => (classes[byte]! & (inIds | plain)) !== 0);
}
