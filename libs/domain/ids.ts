declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type ClientId = Branded<string, 'ClientId'>;
export type CampaignId = Branded<string, 'CampaignId'>;
export type SegmentId = Branded<string, 'SegmentId'>;
export type ContentId = Branded<string, 'ContentId'>;
export type RuleId = Branded<string, 'RuleId'>;
export type GroupId = Branded<string, 'GroupId'>;
export type PlacementId = Branded<string, 'PlacementId'>;
export type CustomerId = Branded<string, 'CustomerId'>;
export type SessionId = Branded<string, 'SessionId'>;
export type MessageId = Branded<string, 'MessageId'>;
export type OrderId = Branded<string, 'OrderId'>;

/** The longest customer, session, message or order id, in bytes of UTF-8. */
export const opaqueIdBytesMax = 64;

const clientIdForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const definitionIdForm = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
// Unicode's category Cc, and lone surrogates, which are no UTF-8.
const notInOpaqueIds = /[\p{Cc}\p{Cs}]/u;

/** A client's id, or undefined when the text has another form: `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`. */
export function parseClientId(text: unknown): ClientId | undefined {
  return typeof text === 'string' && clientIdForm.test(text) ? (text as ClientId) : undefined;
}

/** A campaign, segment, content, rule, group or placement id: a client id's form that also takes `.`. */
export function parseDefinitionId<Id extends CampaignId | SegmentId | ContentId | RuleId | GroupId | PlacementId>(
  text: unknown,
): Id | undefined {
  return typeof text === 'string' && definitionIdForm.test(text) ? (text as Id) : undefined;
}

/** A customer, session, message or order id: 1 to 64 bytes of UTF-8 without control characters. */
export function parseOpaqueId<Id extends CustomerId | SessionId | MessageId | OrderId>(text: unknown): Id | undefined {
  if (typeof text !== 'string' || text.length === 0 || text.length > opaqueIdBytesMax) return undefined;
  if (notInOpaqueIds.test(text)) return undefined;
  return utf8Length(text) <= opaqueIdBytesMax ? (text as Id) : undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
