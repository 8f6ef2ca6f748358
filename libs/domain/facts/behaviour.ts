import { type CustomerId, type MessageId, type OrderId, parseOpaqueId, type SessionId } from '../ids.js';
import { type BehaviourFact, type BehaviourType, behaviourTypes, serverOnlyTypes } from './facts.js';
import { parseRfc3339 } from './instant.js';
import { type PropertiesCode, parseProperties } from './properties.js';

export interface BehaviourContext {
  /** The client's ISO 4217 code. */
  readonly currency: string;
  /** The time of an item that names none. */
  readonly receivedAt: Date;
  /** Whether the sender showed an API key of this client: only then are `Order Refunded` and `Customer Updated` taken. */
  readonly maySendServerTypes: boolean;
}

export type BehaviourCode =
  | 'ITEM_INVALID'
  | 'TYPE_UNKNOWN'
  | 'KEY_REQUIRED'
  | 'CUSTOMER_ID_INVALID'
  | 'MESSAGE_ID_INVALID'
  | 'SESSION_ID_INVALID'
  | 'ORDER_ID_INVALID'
  | 'TIMESTAMP_INVALID'
  | PropertiesCode;

export type ParsedBehaviour = { readonly fact: BehaviourFact } | { readonly code: BehaviourCode; readonly message: string };

const types: ReadonlyMap<string, BehaviourType> = new Map(behaviourTypes.map((type) => [type, type]));

export function parseBehaviourType(text: unknown): BehaviourType | undefined {
  return typeof text === 'string' ? types.get(text) : undefined;
}

/**
 * One item of `POST /e`'s batch, checked and copied: unknown names beside the contract's are ignored, those within `properties` kept.
 * `properties` may be absent. The fact's e-mail address is still in clear: seal it before it goes anywhere.
 */
export function parseBehaviour(item: unknown, context: BehaviourContext): ParsedBehaviour {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return { code: 'ITEM_INVALID', message: 'an item must be an object' };
  const given = item as Readonly<Record<string, unknown>>;
  const type = parseBehaviourType(given.type);
  if (type === undefined) return { code: 'TYPE_UNKNOWN', message: `type must be one of ${behaviourTypes.join(', ')}` };
  if (serverOnlyTypes.has(type) && !context.maySendServerTypes) {
    return { code: 'KEY_REQUIRED', message: `${type} needs an API key of this client` };
  }
  const customerId = parseOpaqueId<CustomerId>(given.customerId);
  if (customerId === undefined) return badId('CUSTOMER_ID_INVALID', 'customerId');
  const messageId = parseOpaqueId<MessageId>(given.messageId);
  if (messageId === undefined) return badId('MESSAGE_ID_INVALID', 'messageId');
  const sessionId = isAbsent(given.sessionId) ? null : parseOpaqueId<SessionId>(given.sessionId);
  if (sessionId === undefined) return badId('SESSION_ID_INVALID', 'sessionId');
  const time = isAbsent(given.timestamp) ? context.receivedAt.getTime() : parseTimestamp(given.timestamp);
  if (time === undefined) return { code: 'TIMESTAMP_INVALID', message: 'timestamp must be an RFC 3339 time from 1900 to 2299' };
  const parsed = parseProperties(type, given.properties ?? {}, context.currency);
  if ('code' in parsed) return parsed;
  const orderId = parsed.properties.order_id;
  if (type !== 'Customer Updated' && orderId !== undefined && parseOpaqueId<OrderId>(orderId) === undefined) {
    return badId('ORDER_ID_INVALID', 'order_id');
  }
  return { fact: { type, messageId, customerId, sessionId, time: new Date(time).toISOString(), properties: parsed.properties } };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function parseTimestamp(value: unknown): number | undefined {
  return typeof value === 'string' ? parseRfc3339(value) : undefined;
}

function badId(code: BehaviourCode, name: string): { code: BehaviourCode; message: string } {
  return { code, message: `${name} must be 1 to 64 bytes of UTF-8 without control characters` };
}
