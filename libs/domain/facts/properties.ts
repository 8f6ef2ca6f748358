import type { JsonLike } from '../json.js';
import { decimalOf, decimalText, isDecimal } from './decimal.js';
import type { BehaviourProperties, BehaviourType, ProductLine } from './facts.js';
import { orderAmount, refundAmount } from './order-amount.js';

/** Bytes of one event's properties as JSON text, counted in UTF-16 units: an event with its ids must fit one append of the log. */
export const propertiesSizeMax = 512 * 1024;
/** Objects and lists within each other; `properties` itself is the first. */
export const propertiesDepthMax = 8;
/** Names and list items of all depths together. */
export const propertiesEntriesMax = 100_000;
export const propertyNameLengthMax = 256;
/** RFC 5321's longest path, with some room. */
export const emailLengthMax = 320;

export type PropertiesRefusal = { readonly code: PropertiesCode; readonly message: string };
export type PropertiesCode =
  | 'PROPERTIES_INVALID'
  | 'PROPERTIES_TOO_LARGE'
  | 'PROPERTY_INVALID'
  | 'NUMBER_INVALID'
  | 'CURRENCY'
  | 'EMAIL_INVALID';

const amountNames = ['price', 'quantity', 'total'] as const;
const idNames = ['product_id', 'order_id'] as const;
const textNames = ['coupon', 'url', 'referrer', 'query'] as const;

/**
 * A checked copy of an event's properties: known names have the types of `BehaviourProperties`, amounts canonical; null is absent there; other
 * names are kept as given. Checked in this order: form and size, types and amounts, currency. The form of `order_id` is the caller's to check (it is an id).
 * The properties of `Customer Updated` are a customer's attributes, free in name and type, but for `email`.
 */
export function parseProperties(
  type: BehaviourType,
  given: unknown,
  currency: string,
): { readonly properties: BehaviourProperties } | PropertiesRefusal {
  const copied = copyJson(given);
  if ('code' in copied) return copied;
  const properties = copied.object;
  if (type !== 'Customer Updated') {
    const refused =
      checkKnown(properties, '') ?? checkProducts(properties) ?? checkAmount(type, properties) ?? checkCurrency(properties, currency);
    if (refused !== undefined) return refused;
  }
  return { properties: properties as BehaviourProperties };
}

type Draft = { [name: string]: JsonLike };

function checkKnown(holder: Draft, path: string): PropertiesRefusal | undefined {
  for (const name of amountNames) {
    const value = holder[name];
    if (value === undefined) continue;
    if (value === null) {
      delete holder[name];
      continue;
    }
    const units = decimalOf(value);
    if (units === undefined) return refusal('NUMBER_INVALID', `${path}${name} is no plain decimal with at most 14 digits before the point`);
    holder[name] = decimalText(units);
  }
  for (const name of idNames) {
    // Shops give numbers as ids; they mean their digits.
    if (typeof holder[name] === 'number' && Number.isSafeInteger(holder[name])) holder[name] = String(holder[name]);
    const refused = checkText(holder, name, path);
    if (refused !== undefined) return refused;
  }
  for (const name of textNames) {
    const refused = checkText(holder, name, path);
    if (refused !== undefined) return refused;
  }
  return checkText(holder, 'currency', path);
}

function checkText(holder: Draft, name: string, path: string): PropertiesRefusal | undefined {
  const value = holder[name];
  if (value === undefined || typeof value === 'string') return undefined;
  if (value !== null) return refusal('PROPERTY_INVALID', `${path}${name} must be a string`);
  delete holder[name];
  return undefined;
}

function checkProducts(properties: Draft): PropertiesRefusal | undefined {
  const products = properties.products;
  if (products === undefined) return undefined;
  if (products === null) {
    delete properties.products;
    return undefined;
  }
  if (!Array.isArray(products)) return refusal('PROPERTY_INVALID', 'products must be a list');
  for (const [index, line] of products.entries()) {
    if (typeof line !== 'object' || line === null || Array.isArray(line)) {
      return refusal('PROPERTY_INVALID', `products.${index} must be an object`);
    }
    const refused = checkKnown(line as Draft, `products.${index}.`);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Each amount fits its column; so must what they come to. */
function checkAmount(type: BehaviourType, properties: Draft): PropertiesRefusal | undefined {
  const amount =
    type === 'Order Completed'
      ? orderAmount(properties as BehaviourProperties)
      : type === 'Order Refunded'
        ? refundAmount(properties as BehaviourProperties)
        : 0n;
  return isDecimal(amount) ? undefined : refusal('NUMBER_INVALID', 'the products come to more than 14 digits before the point');
}

function checkCurrency(properties: Draft, currency: string): PropertiesRefusal | undefined {
  const outer = ownCurrency(properties);
  if (outer !== undefined) properties.currency = outer;
  const lines = (properties.products ?? []) as readonly (Draft & ProductLine)[];
  let amounts = properties.price !== undefined || properties.total !== undefined;
  for (const line of lines) {
    const own = ownCurrency(line);
    if (own !== undefined) line.currency = own;
    if (line.price === undefined && line.total === undefined) continue;
    if (own !== undefined && own !== currency) return wrongCurrency(own, currency);
    if (own === undefined) amounts = true;
  }
  return amounts && outer !== undefined && outer !== currency ? wrongCurrency(outer, currency) : undefined;
}

function ownCurrency(holder: Draft): string | undefined {
  return typeof holder.currency === 'string' ? holder.currency.toUpperCase() : undefined;
}

function wrongCurrency(given: string, currency: string): PropertiesRefusal {
  return refusal('CURRENCY', `an amount in ${given.slice(0, 16)}, where the client's currency is ${currency}`);
}

/** A deep copy within the limits, of own plain data only: nothing in it can change a prototype, and every string is well-formed. */
function copyJson(given: unknown): { readonly object: Draft } | PropertiesRefusal {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return refusal('PROPERTIES_INVALID', 'properties must be an object');
  const budget = { size: propertiesSizeMax, entries: propertiesEntriesMax };
  try {
    return { object: copyObject(given as Readonly<Record<string, unknown>>, 1, budget) };
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

interface Budget {
  size: number;
  entries: number;
}

/** Leaves the recursion of one copy; never leaves this file. */
class Refused extends Error {
  constructor(readonly refusal: PropertiesRefusal) {
    super(refusal.message);
  }
}

function copyObject(given: Readonly<Record<string, unknown>>, depth: number, budget: Budget): Draft {
  if (depth > propertiesDepthMax) throw tooLarge(`more than ${propertiesDepthMax} levels`);
  const copy: Draft = {};
  budget.size -= 2;
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined) continue;
    if (name === '__proto__' || name === 'email_sealed' || name.length === 0 || name.length > propertyNameLengthMax) {
      throw new Refused(refusal('PROPERTY_INVALID', `a property cannot be called ${JSON.stringify(name.slice(0, 40))}`));
    }
    spend(budget, name.length + 4);
    if (name.length === 5 && name.toLowerCase() === 'email') {
      // Whatever its case and place, an address must be found again to be sealed.
      if (value !== null) copy.email = checkedEmail(value, budget);
      continue;
    }
    copy[wellFormed(name)] = copyValue(value, depth, budget);
  }
  return copy;
}

function copyValue(value: unknown, depth: number, budget: Budget): JsonLike {
  switch (typeof value) {
    case 'string':
      spend(budget, value.length + 3);
      return wellFormed(value);
    case 'number':
      if (!Number.isFinite(value)) throw new Refused(refusal('NUMBER_INVALID', 'a number is not finite'));
      spend(budget, 8);
      return value;
    case 'boolean':
      spend(budget, 6);
      return value;
    case 'object':
      break;
    default:
      throw new Refused(refusal('PROPERTIES_INVALID', `a ${typeof value} is no JSON`));
  }
  spend(budget, 4);
  if (value === null) return null;
  if (!Array.isArray(value)) return copyObject(value as Readonly<Record<string, unknown>>, depth + 1, budget);
  if (depth + 1 > propertiesDepthMax) throw tooLarge(`more than ${propertiesDepthMax} levels`);
  return value.map((item) => copyValue(item, depth + 1, budget));
}

function checkedEmail(value: unknown, budget: Budget): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > emailLengthMax) {
    throw new Refused(refusal('EMAIL_INVALID', `email must be a string of 1 to ${emailLengthMax} characters`));
  }
  spend(budget, value.length + 3);
  return wellFormed(value);
}

function spend(budget: Budget, size: number): void {
  budget.size -= size;
  budget.entries -= 1;
  if (budget.size < 0) throw tooLarge(`more than ${propertiesSizeMax} characters`);
  if (budget.entries < 0) throw tooLarge(`more than ${propertiesEntriesMax} values`);
}

function tooLarge(what: string): Refused {
  return new Refused(refusal('PROPERTIES_TOO_LARGE', `properties have ${what}`));
}

function refusal(code: PropertiesCode, message: string): PropertiesRefusal {
  return { code, message };
}

const surrogate = /[\ud800-\udfff]/;

/** Lone surrogates are no UTF-8; each becomes U+FFFD, as every encoder would make it. */
function wellFormed(text: string): string {
  return surrogate.test(text) ? text.replace(/\p{Cs}/gu, '\ufffd') : text;
}
