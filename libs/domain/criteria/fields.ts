import { parseOpaqueId } from '../ids.js';
import type { Op } from './criteria.js';

/**
 * What kind of values a field has, and so which ops and values it takes. `text` is a string; `context` a string that is compared as a
 * number where both sides are numbers; `date` a day such as `2026-11-23`.
 */
export type FieldType = 'number' | 'money' | 'time' | 'text' | 'boolean' | 'date' | 'context';

const equality = ['eq', 'neq', 'in', 'notIn'] as const;
const order = ['gt', 'gte', 'lt', 'lte'] as const;

/** The ops of each type of field. */
export const opsOf: Readonly<Record<FieldType, ReadonlySet<Op>>> = {
  number: new Set<Op>([...equality, ...order, 'exists']),
  money: new Set<Op>([...equality, ...order, 'exists']),
  time: new Set<Op>(['before', 'after', 'newerThan', 'olderThan', 'exists']),
  text: new Set<Op>([...equality, 'contains', 'startsWith', 'exists']),
  boolean: new Set<Op>(['eq', 'exists']),
  date: new Set<Op>([...equality, ...order, 'before', 'after', 'exists']),
  context: new Set<Op>([...equality, ...order, 'contains', 'startsWith', 'exists']),
};

/** What is known of a customer, beside `attributes.<name>`, each a text. */
export const customerFields = {
  'orders.count': 'number',
  'orders.total': 'money',
  'orders.first': 'time',
  'orders.last': 'time',
  'visits.count': 'number',
  'visits.first': 'time',
  'visits.last': 'time',
  'views.count': 'number',
  'cart.adds': 'number',
  'cart.removes': 'number',
  'cart.abandons': 'number',
  'arrival.source': 'text',
  'arrival.campaign': 'text',
  'coupons.used': 'number',
  'email.known': 'boolean',
  'content.served': 'number',
  'content.clicked': 'number',
} as const satisfies Readonly<Record<string, FieldType>>;

/** What is known of a request, beside `context.<name>`. */
export const requestFields = {
  'request.hour': 'number',
  'request.weekday': 'number',
  'request.date': 'date',
  'request.country': 'text',
  'request.device': 'text',
  'request.browser': 'text',
  'request.url': 'text',
  'request.referrer': 'text',
  'request.placement': 'text',
} as const satisfies Readonly<Record<string, FieldType>>;

/** Undefined: there is no such field. The names after `attributes.` and `context.` are 1 to 64 bytes without control characters. */
export function fieldType(field: string, kind: 'customer' | 'request'): FieldType | undefined {
  const fields: Readonly<Record<string, FieldType>> = kind === 'customer' ? customerFields : requestFields;
  if (Object.hasOwn(fields, field)) return fields[field];
  const prefix = kind === 'customer' ? 'attributes.' : 'context.';
  if (!field.startsWith(prefix) || parseOpaqueId(field.slice(prefix.length)) === undefined) return undefined;
  return kind === 'customer' ? 'text' : 'context';
}
