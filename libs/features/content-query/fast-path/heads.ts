import type { ClientId, CustomerId, RequestFacts, SessionId } from '#libs/domain';
import {
  behindShape,
  HeadValues,
  isForConnectionThatStays,
  isForNoParser,
  type Piece,
  type ReadBytes,
  readHeaders,
  sampleOf,
  shapeOf,
  unrecognised,
} from '#libs/plain-http';
import type { Caller } from '../answering.js';
import type { Devices } from '../devices.js';
import type { CallerOf } from '../edge-http.js';
import { keptIds } from '../identity.js';
import { Refused } from '../refused.js';
import { classes, inIds, plain } from './bytes.js';
import { type SharedPart, shareOfHead } from './packed-answers.js';

/** What a block of headers says of who asks, but for what differs from visitor to visitor: that is in `Heads.values`. */
export interface Head {
  readonly pieces: readonly Piece[];
  /** Without cookie and referer. */
  readonly caller: Caller;
  readonly origin: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly device: Pick<RequestFacts, 'device' | 'browser'>;
  /** The same number for heads whose answers differ in nothing: same address of the edge, same origin. */
  readonly site: number;
  /** What records of its answers have in common. */
  readonly share: SharedPart;
  /** Of a body, when there is one: a type that is read as JSON, as pages write it. */
  readonly body: 'none' | 'json' | 'other';
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

const headsMax = 4_096;
/** Of blocks that are remembered: what is kept of one takes three times its length. */
const knownBytesMax = 8 * 1024 * 1024;
/** Heads that are compared before one is read. */
const candidatesMax = 8;
/** Places where heads are found; one whose letters stand elsewhere from request to request has several. */
const placesMax = 4 * headsMax;
/** Cookies that are remembered, and how long one may be. */
const cookiesMax = 4_096;
const cookieBytesMax = 1_024;
const jsonTypes: ReadonlySet<string> = new Set(
  ['text/plain', 'application/json'].flatMap((type) => [type, `${type};charset=utf-8`, `${type}; charset=utf-8`]),
);

export interface HeadsOptions {
  readonly callerOf: CallerOf;
  readonly devices: Devices;
  /** `VITRINE_COUNTRY_HEADER`, in lower case. */
  readonly countryHeader: string | undefined;
}

/**
 * Reads heads, and remembers them: all visitors with one browser on one site's pages send the same, but for cookies, the page's address and lengths.
 * Reading one costs 4 µs, finding it again 0.2.
 */
export class Heads {
  private readonly known = new Map<string, Head>();
  private knownBytes = 0;
  /** Heads by a sample of their letters, the one found last first. */
  private readonly bySample = new Map<number, Head[]>();
  private readonly sites = new Map<string, number>();
  private nextSite = 0;
  private readonly cookies = new Map<string, KeptIds>();
  /** The head that `read` found. */
  found: Head | undefined;
  /** Of the request that was read last. */
  readonly values = new HeadValues();

  constructor(private readonly options: HeadsOptions) {}

  /**
   * The index behind the block that begins at `from`, with the head in `found`; or `incomplete`, `unrecognised`. `earlier`: the head of the same connection's
   * request before.
   */
  read(input: ReadBytes, from: number, earlier?: Head): number {
    if (earlier !== undefined) {
      const behind = behindShape(input, from, earlier.pieces, this.values);
      if (behind > 0) {
        this.found = earlier;
        return behind;
      }
    }
    const sample = sampleOf(input, from);
    const candidates = this.bySample.get(sample);
    if (candidates !== undefined) {
      for (let index = 0; index < candidates.length; index++) {
        const head = candidates[index]!;
        const behind = behindShape(input, from, head.pieces, this.values);
        if (behind < 0) continue;
        if (index > 0) {
          candidates[index] = candidates[index - 1]!;
          candidates[index - 1] = head;
        }
        this.found = head;
        return behind;
      }
    }
    return this.parse(input, from, sample);
  }

  /** What the cookies of the request that was read last keep of a client's customer. */
  kept(clientId: ClientId, { bytes }: ReadBytes): KeptIds {
    const { cookieBegin, cookieEnd } = this.values;
    if (cookieEnd === cookieBegin) return nobody;
    const cookie = bytes.toString('latin1', cookieBegin, cookieEnd);
    const key = `${clientId} ${cookie}`;
    const known = this.cookies.get(key);
    if (known !== undefined) return known;
    const kept = keptIn(clientId, cookie);
    if (cookie.length > cookieBytesMax) return kept;
    if (this.cookies.size >= cookiesMax) this.cookies.clear();
    this.cookies.set(key, kept);
    return kept;
  }

  /** All that the request that was read last says of who asks. */
  caller(head: Head, { bytes }: ReadBytes): Caller {
    const { cookieBegin, cookieEnd, refererBegin, refererEnd } = this.values;
    return {
      ...head.caller,
      cookie: cookieBegin === 0 ? undefined : bytes.toString('latin1', cookieBegin, cookieEnd),
      referer: refererBegin === 0 ? undefined : bytes.toString('latin1', refererBegin, refererEnd),
    };
  }

  private parse(input: ReadBytes, from: number, sample: number): number {
    const fields: Record<string, string> = {};
    const behind = readHeaders(input, from, this.takes, fields);
    if (behind < 0) return behind;
    const pieces = shapeOf(input.bytes, from, behind, this.options.countryHeader);
    if (behindShape(input, from, pieces, this.values) !== behind) return unrecognised;
    const head = this.headOf(pieces, fields);
    if (head === undefined) return unrecognised;
    this.findable(head, sample);
    this.found = head;
    return behind;
  }

  private readonly takes = (name: string): boolean =>
    isForNoParser(name) || name === 'content-length' || name === 'content-type' || name === this.options.countryHeader;

  private headOf(pieces: readonly Piece[], { cookie: _, referer: __, ...fields }: Record<string, string>): Head | undefined {
    const block = pieces.map(({ bytes }) => bytes.toString('latin1')).join('\0');
    const known = this.known.get(block);
    if (known !== undefined) return known;
    if (!isForConnectionThatStays(fields)) return undefined;
    const caller = this.callerOf(fields);
    if (caller === undefined) return undefined;
    const origin = fields['origin'];
    const device = this.options.devices.of(caller.userAgent);
    const head: Head = {
      pieces,
      caller,
      origin,
      acceptEncoding: fields['accept-encoding'],
      device,
      share: shareOfHead(device, caller),
      site: this.siteOf(`${caller.base}\n${origin ?? ''}`),
      body: bodyOf(fields),
    };
    if (this.known.size >= headsMax || this.knownBytes >= knownBytesMax) {
      this.known.clear();
      this.knownBytes = 0;
      this.bySample.clear();
    }
    this.known.set(block, head);
    this.knownBytes += block.length;
    return head;
  }

  private findable(head: Head, sample: number): void {
    const candidates = this.bySample.get(sample);
    if (candidates !== undefined) {
      candidates.unshift(head);
      candidates.length = Math.min(candidates.length, candidatesMax);
      return;
    }
    if (this.bySample.size >= placesMax) this.bySample.clear();
    this.bySample.set(sample, [head]);
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

function bodyOf(fields: Readonly<Record<string, string>>): Head['body'] {
  const type = fields['content-type'];
  if (type === undefined && fields['content-length'] === undefined) return 'none';
  return type !== undefined && jsonTypes.has(type.toLowerCase()) ? 'json' : 'other';
}

const nobody: KeptIds = { customer: null, session: null, simple: true };

function keptIn(clientId: ClientId, cookie: string): KeptIds {
  const { customerId, sessionId } = keptIds(clientId, cookie);
  const bytesOf = (id: CustomerId | SessionId | undefined) => (id === undefined ? null : keptId(Buffer.from(id, 'utf8')));
  const [customer, session] = [bytesOf(customerId), bytesOf(sessionId)];
  return { customer, session, simple: isSimple(customer) && isSimple(session) };
}

const keptId = (bytes: Buffer): KeptId => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) });

function isSimple(id: KeptId | null): boolean {
  return id === null || id.bytes.every((byte) => (classes[byte]! & (inIds | plain)) !== 0);
}
