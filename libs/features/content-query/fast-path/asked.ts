import type { RequestFacts } from '#libs/domain';
import { decoded, pageUrl } from '../content-query.js';
import type { Head } from './heads.js';
import type { RequestReader } from './request-reader.js';

type Context = Readonly<Record<string, string>>;

/**
 * What conditions may ask of the plain request that is being answered. One object for all requests; what costs something – decoding addresses, a
 * context – is done when a condition asks for it, which most do not.
 */
export class Asked implements RequestFacts {
  time = 0;
  placementId: string | null = null;
  private head!: Head;
  private bytes!: Buffer;
  private readonly contexts = new Contexts();

  constructor(private readonly reader: RequestReader) {}

  /** For the request that the reader read last, in these bytes. */
  set(time: number, placementId: string | null, head: Head, bytes: Buffer): void {
    this.time = time;
    this.placementId = placementId;
    this.head = head;
    this.bytes = bytes;
  }

  get device(): RequestFacts['device'] {
    return this.head.device.device;
  }

  get browser(): string | null {
    return this.head.device.browser;
  }

  get country(): string | null {
    return this.head.caller.country;
  }

  get url(): string | null {
    const { urlBegin, urlEnd } = this.reader;
    return urlEnd > 0 ? this.address(urlBegin, urlEnd) : null;
  }

  get referrer(): string | null {
    const { referrerBegin, referrerEnd } = this.reader;
    return referrerEnd > 0 ? this.address(referrerBegin, referrerEnd) : null;
  }

  get context(): Context {
    return this.contexts.of(this.bytes, this.reader.entryCount, this.reader.entryBounds);
  }

  private address(begin: number, end: number): string {
    return pageUrl(decoded(this.bytes.toString('latin1', begin, end)));
  }
}

const noContext: Context = Object.freeze(Object.create(null) as Context);
const slots = 256;
const equals = 0x3d;

/**
 * Contexts from their bytes. One of a single entry – how many things are in the cart, what kind of page it is – comes again and again: it is found by its
 * bytes, for 30 ns in place of 300.
 */
class Contexts {
  private readonly known = new Array<{ readonly bytes: Buffer; readonly context: Context } | undefined>(slots).fill(undefined);

  /** `bounds`: where each entry `<name>=<value>` begins and ends. */
  of(bytes: Buffer, count: number, bounds: Int32Array): Context {
    if (count === 0) return noContext;
    if (count > 1) return contextOf(bytes, count, bounds);
    const [begin, end] = [bounds[0]!, bounds[1]!];
    let hash = 0;
    for (let at = begin; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const slot = (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (slots - 1);
    const known = this.known[slot];
    if (known !== undefined && isAt(bytes, begin, end, known.bytes)) return known.context;
    const context = Object.freeze(contextOf(bytes, count, bounds));
    this.known[slot] = { bytes: Buffer.from(bytes.subarray(begin, end)), context };
    return context;
  }
}

function contextOf(bytes: Buffer, count: number, bounds: Int32Array): Context {
  const context = Object.create(null) as Record<string, string>;
  for (let entry = 0; entry < count; entry++) {
    const [begin, end] = [bounds[entry * 2]!, bounds[entry * 2 + 1]!];
    let mark = begin;
    while (mark < end && bytes[mark] !== equals) mark++;
    const name = bytes.toString('latin1', begin, mark);
    // The first of a repeated name counts.
    if (!(name in context)) context[name] = bytes.toString('latin1', Math.min(mark + 1, end), end);
  }
  return context;
}

/** Whether these bytes stand there. */
export function isAt(bytes: Uint8Array, begin: number, end: number, expected: Uint8Array): boolean {
  if (end - begin !== expected.length) return false;
  for (let index = 0; index < expected.length; index++) if (bytes[begin + index] !== expected[index]) return false;
  return true;
}
