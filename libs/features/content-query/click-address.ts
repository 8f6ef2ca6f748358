import { createHmac, timingSafeEqual } from 'node:crypto';
import { isHttpUrl } from '#libs/domain';
import { idBytes, idText } from './ids.js';
import { digest, keyedHash, keyOf, message } from './signing/blake3.js';

/** What a click address says of the answer that it was made for. */
export interface ClickedAnswer extends ClickedContent {
  readonly decisionId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
}

/** The part that many answers have in common. */
export interface ClickedContent {
  readonly clientId: string;
  readonly campaignId: string;
  readonly contentId: string | null;
  readonly placementId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly segmentId: string | null;
  readonly destination: string;
}

/** Signs and reads the tokens of `/k/{token}`: every process with the same secret reads those of every other. */
export interface ClickAddresses {
  tokenFor(answer: ClickedAnswer): string;
  /** What tokens of answers with this content are made with. */
  stamp(content: ClickedContent): TokenStamp;
  /** Undefined for a token that was not signed with this secret, was changed, or leads elsewhere than to http(s). */
  read(token: string): ClickedAnswer | undefined;
}

/** Of tokens that differ in decision, customer and session only. */
export interface TokenStamp {
  /** What stands between the check and the token's own part. */
  readonly digits: Buffer;
  /** Derived from the secret and the content. */
  readonly key: Int32Array;
}

const version = '2';
// No id or address can hold a control character.
const separator = '\x1f';
const partsEnd = 0x1e;
// 144 bits: whole base64url digits.
const macBytes = 18;
export const macDigits = 24;
const tokenForm = /^[A-Za-z0-9_-]{25,8192}$/;
const decisionBytes = 16;

/** @param secret `VITRINE_SECRET`; the keys are derived from it, because the same secret wraps other things. */
export function clickAddresses(secret: string): ClickAddresses {
  const key = createHmac('sha256', secret).update('vitrine click address 2').digest();
  const earlier = earlierTokens(secret);
  const stampOf = (common: Uint8Array): TokenStamp => ({
    digits: Buffer.from(Buffer.from(common).toString('base64url'), 'latin1'),
    key: keyOf(createHmac('sha256', key).update(common).digest()),
  });
  const stamp = (content: ClickedContent) => stampOf(commonPart(content));
  return {
    stamp,
    tokenFor(answer) {
      const made = stamp(answer);
      const length = ownPart(answer);
      const token = Buffer.alloc(macDigits + made.digits.length + digitsFor(length));
      made.digits.copy(token, macDigits);
      sign(made, length, new DataView(token.buffer, token.byteOffset, token.length), 0);
      return token.toString('latin1');
    },
    read(token) {
      if (!tokenForm.test(token)) return undefined;
      const digits = token.slice(macDigits);
      const text = Buffer.from(digits, 'base64url');
      if (text[0] !== version.charCodeAt(0)) return earlier(token, text);
      const commonEnd = text.indexOf(partsEnd, leading(text)) + 1;
      // The last digit has bits that say nothing; only one way of writing them is ours.
      if (commonEnd === 0 || commonEnd + decisionBytes > text.length || text.toString('base64url') !== digits) return undefined;
      const own = text.subarray(commonEnd);
      if (own.length > ownBytesMax) return undefined;
      message.set(own);
      keyedHash(stampOf(text.subarray(0, commonEnd)).key, own.length);
      if (!timingSafeEqual(Buffer.from(token.slice(0, macDigits), 'base64url'), digest.subarray(0, macBytes))) return undefined;
      return clickedOf(text.toString('utf8', leading(text), commonEnd - 1), own);
    },
  };
}

/** Digits that so many bytes take. */
export const digitsFor = (bytes: number): number => Math.ceil((bytes * 4) / 3);

const ownBytesMax = 1024;

/** Version and content as bytes; their number is a multiple of three, so that the digits of what follows begin with it. */
function commonPart(content: ClickedContent): Buffer {
  const { clientId, campaignId, contentId, placementId, ruleId, group, segmentId, destination } = content;
  const fields = [clientId, campaignId, contentId, placementId, ruleId, group, segmentId, destination].join(separator);
  const end = String.fromCharCode(partsEnd);
  const length = Buffer.byteLength(version + fields + end);
  return Buffer.from(version + end.repeat((3 - (length % 3)) % 3) + fields + end, 'utf8');
}

/** Where the fields begin: behind the version and what fills up to a multiple of three. */
function leading(text: Buffer): number {
  let at = 1;
  while (text[at] === partsEnd) at++;
  return at;
}

/** Puts a token's own part – decision, customer, session – where it is hashed; its length. */
function ownPart({ decisionId, customerId, sessionId }: ClickedAnswer): number {
  const id = idBytes(decisionId);
  if (id === undefined) throw new RangeError(`${decisionId} is no decision's id`);
  message.set(id);
  const who = Buffer.from(sessionId === null ? customerId : customerId + separator + sessionId, 'utf8');
  message.set(who, decisionBytes);
  return decisionBytes + who.length;
}

/** Writes the token's check and its own part, which stands in `message`, around the stamp's digits, which stand in `into` already. */
export function sign({ digits, key }: TokenStamp, length: number, into: DataView, at: number): void {
  writeDigits(message, length, into, at + macDigits + digits.length);
  keyedHash(key, length);
  writeDigits(digest, macBytes, into, at);
}

const base64url = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1');
/** The two digits of twelve bits, as `DataView.setUint16(…, true)` writes them: 60 ns a token in place of 110. */
const pairs = Uint16Array.from({ length: 4096 }, (_, bits) => base64url[bits >>> 6]! | (base64url[bits & 63]! << 8));

function writeDigits(bytes: Uint8Array, length: number, into: DataView, at: number): void {
  let to = at;
  let from = 0;
  for (; from + 3 <= length; from += 3) {
    const three = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
    into.setUint16(to, pairs[three >>> 12]!, true);
    into.setUint16(to + 2, pairs[three & 4095]!, true);
    to += 4;
  }
  if (from === length) return;
  const rest = (bytes[from]! << 16) | (from + 1 < length ? bytes[from + 1]! << 8 : 0);
  into.setUint16(to, pairs[rest >>> 12]!, true);
  if (from + 1 < length) into.setUint8(to + 2, base64url[(rest >>> 6) & 63]!);
}

function clickedOf(fields: string, own: Buffer): ClickedAnswer | undefined {
  const [clientId, campaignId, contentId, placementId, ruleId, group, segmentId, destination] = fields.split(separator);
  const [customerId, sessionId] = own.toString('utf8', decisionBytes).split(separator);
  if (destination === undefined || !isHttpUrl(destination)) return undefined;
  return {
    decisionId: idText(own),
    clientId: clientId ?? '',
    campaignId: campaignId ?? '',
    customerId: customerId ?? '',
    contentId: contentId || null,
    placementId: placementId || null,
    ruleId: ruleId || null,
    group: group || null,
    segmentId: segmentId || null,
    sessionId: sessionId || null,
    destination,
  };
}

/** Tokens of version 1 – HMAC-SHA256 over the digits of all fields – stand in pages and messages of before: they are read, not made. */
function earlierTokens(secret: string): (token: string, text: Buffer) => ClickedAnswer | undefined {
  const key = createHmac('sha256', secret).update('vitrine click address').digest();
  return (token, text) => {
    const mac = createHmac('sha256', key).update(token.slice(macDigits)).digest().subarray(0, macBytes);
    if (!timingSafeEqual(Buffer.from(token.slice(0, macDigits), 'base64url'), mac)) return undefined;
    const [signed, decisionId, clientId, campaignId, customerId, contentId, placementId, ruleId, group, segmentId, sessionId, destination] =
      text.toString('utf8').split(separator);
    if (signed !== '1' || destination === undefined || !isHttpUrl(destination)) return undefined;
    return {
      decisionId: decisionId ?? '',
      clientId: clientId ?? '',
      campaignId: campaignId ?? '',
      customerId: customerId ?? '',
      contentId: contentId || null,
      placementId: placementId || null,
      ruleId: ruleId || null,
      group: group || null,
      segmentId: segmentId || null,
      sessionId: sessionId || null,
      destination,
    };
  };
}
