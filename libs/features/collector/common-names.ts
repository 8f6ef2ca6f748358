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
  /** Sealed, or not allowed: never taken as it is. */
  refused: 12,
} as const;

/** Types that can be common: the others need a key, or bring an address. */
export const commonTypes: readonly BehaviourType[] = behaviourTypes.filter(
  (type) => !serverOnlyTypes.has(type) && type !== 'Email Provided',
);

interface Word {
  readonly text: Uint8Array;
  readonly code: number;
}
/** By length. */
type Words = readonly (readonly Word[])[];

const lengthMax = 64;

function words(codes: Readonly<Record<string, number>>): Words {
  const all = Object.entries(codes).map(([text, code]) => ({ text: new Uint8Array(Buffer.from(text, 'latin1')), code }));
  return Array.from({ length: lengthMax + 1 }, (_, length) => all.filter(({ text }) => text.length === length));
}

const { other: _, ...members } = member;
const { other: __, refused, ...properties } = property;
const memberWords = words(members);
const propertyWords = words({ ...properties, ['__proto__']: refused, email_sealed: refused });
const typeWords = words(Object.fromEntries(commonTypes.map((type, index) => [type, index + 1])));

/** One of `member`. */
export function memberAt(at: number, length: number): number {
  return codeAt(memberWords, at, length);
}

/** One of `property`. */
export function propertyAt(at: number, length: number): number {
  // `email` in whatever case.
  if (length === 5 && (bytes[at]! | 0x20) === 0x65 && isEmail(at)) return property.refused;
  return codeAt(propertyWords, at, length);
}

/** The index in `commonTypes`; -1 when it is none of them. */
export function typeAt(at: number, length: number): number {
  return codeAt(typeWords, at, length) - 1;
}

function codeAt(known: Words, at: number, length: number): number {
  const candidates = known[length]!;
  for (let n = 0; n < candidates.length; n += 1) {
    const { text, code } = candidates[n]!;
    if (stands(text, at)) return code;
  }
  return 0;
}

function isEmail(at: number): boolean {
  return (
    (bytes[at + 1]! | 0x20) === 0x6d &&
    (bytes[at + 2]! | 0x20) === 0x61 &&
    (bytes[at + 3]! | 0x20) === 0x69 &&
    (bytes[at + 4]! | 0x20) === 0x6c
  );
}
