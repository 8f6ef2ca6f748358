/** The words that an event is made of, told apart by their bytes. */
import { type BehaviourType, behaviourTypes, serverOnlyTypes } from '#libs/domain';
import { bytes, stands } from './common-bytes.js';

/** Of an event. */
export const member = { other: 0, type: 1, messageId: 2, customerId: 3, sessionId: 4, timestamp: 5, properties: 6 } as const;

/** Of a property. */
export const property = {
  other: 0,
  price: 1,
  quantity: 2,
  total: 3,
  currency: 4,
  product_id: 5,
  order_id: 6,
  coupon: 7,
  url: 8,
  referrer: 9,
  query: 10,
  products: 11,
} as const;

/** Types that can be common: the others need a key, or bring an address. */
export const commonTypes: readonly BehaviourType[] = behaviourTypes.filter(
  (type) => !serverOnlyTypes.has(type) && type !== 'Email Provided',
);

interface Word {
  /** With the quote that ends it. */
  readonly text: Uint8Array;
  readonly code: number;
}

/** By the first byte: mostly one, at most three. */
type Words = readonly (readonly Word[])[];

function words(codes: Readonly<Record<string, number>>): Words {
  const all = Object.entries(codes).map(([text, code]) => ({ text: new Uint8Array(Buffer.from(`${text}"`, 'latin1')), code }));
  return Array.from({ length: 256 }, (_, first) => all.filter(({ text }) => text[0] === first));
}

function lengths(codes: Readonly<Record<string, number>>): Uint8Array {
  const all = new Uint8Array(Object.keys(codes).length + 1);
  for (const [text, code] of Object.entries(codes)) all[code] = text.length;
  return all;
}

const { other: noMember, ...members } = member;
const { other: noProperty, ...properties } = property;
const types = Object.fromEntries(commonTypes.map((type, index) => [type, index + 1]));
const memberWords = words(members);
const propertyWords = words(properties);
const typeWords = words(types);
const memberLengths = lengths(members);
const propertyLengths = lengths(properties);
const typeLengths = lengths(types);

/** One of `member`, whose text begins at `at`. */
export function memberAt(at: number): number {
  return codeAt(memberWords, at);
}
export function memberLength(code: number): number {
  return memberLengths[code]!;
}

/** One of `property`. */
export function propertyAt(at: number): number {
  return codeAt(propertyWords, at);
}
export function propertyLength(code: number): number {
  return propertyLengths[code]!;
}

/** One more than the index in `commonTypes`; 0: none of them. */
export function typeAt(at: number): number {
  return codeAt(typeWords, at);
}
export function typeLength(code: number): number {
  return typeLengths[code]!;
}

function codeAt(known: Words, at: number): number {
  const candidates = known[bytes[at]!]!;
  for (let n = 0; n < candidates.length; n += 1) {
    const { text, code } = candidates[n]!;
    if (stands(text, at)) return code;
  }
  return noMember;
}

const refusedWords = words({ ['__proto__']: 1, email_sealed: 2 });

/** Whether a property of this name is sealed or refused, never taken as it is: `email` in whatever case, and names of ours. */
export function isRefusedName(at: number, length: number): boolean {
  if (length === 5 && (bytes[at]! | 0x20) === 0x65 && (bytes[at + 1]! | 0x20) === 0x6d) {
    return (bytes[at + 2]! | 0x20) === 0x61 && (bytes[at + 3]! | 0x20) === 0x69 && (bytes[at + 4]! | 0x20) === 0x6c;
  }
  return codeAt(refusedWords, at) !== noProperty;
}
