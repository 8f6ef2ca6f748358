import type { ClientId, CustomerId, RequestFacts, SessionId } from '#libs/domain';
import {
  type HeaderBlock,
  headerBlock,
  isBlock,
  isForConnectionThatStays,
  isForNoParser,
  type ReadBytes,
  readHeaders,
  unrecognised,
} from '#libs/plain-http';
import type { Caller } from '../answering.js';
import type { Devices } from '../devices.js';
import type { CallerOf } from '../edge-http.js';
import { keptIds } from '../identity.js';
import { Refused } from '../refused.js';
import { classes, inIds, plain } from './bytes.js';
import { type SharedPart, shareOfHead } from './packed-answers.js';

/** What a block of headers says of who asks. */
export interface Head extends HeaderBlock {
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

const headsMax = 4_096;
/** Of blocks that are remembered: what is kept of one takes three times its length. */
const knownBytesMax = 8 * 1024 * 1024;
/** Heads of one length that are compared before one is read. */
const candidatesMax = 8;

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
        if (!isBlock(input, from, head)) continue;
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

  private parse(input: ReadBytes, from: number): number {
    const fields: Record<string, string> = {};
    const behind = readHeaders(input, from, this.takes, fields);
    if (behind < 0) return behind;
    this.found = this.headOf(input.bytes.toString('latin1', from, behind), fields);
    return this.found === undefined ? unrecognised : behind;
  }

  private readonly takes = (name: string): boolean => isForNoParser(name) || name === this.options.countryHeader;

  private headOf(block: string, fields: Record<string, string>): Head | undefined {
    const known = this.known.get(block);
    if (known !== undefined) {
      if (this.byLength.get(known.length)?.includes(known) !== true) this.findable(known);
      return known;
    }
    if (!isForConnectionThatStays(fields)) return undefined;
    const caller = this.callerOf(fields);
    if (caller === undefined) return undefined;
    const origin = fields['origin'];
    const kept = new Map<string, KeptIds>();
    const device = this.options.devices.of(caller.userAgent);
    const head: Head = {
      ...headerBlock(block),
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
