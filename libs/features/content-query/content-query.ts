/** What a page asks, read from the address or the body: parsed and checked here once, trusted further in. */
import {
  type CampaignId,
  type ClientId,
  type CustomerId,
  isEmailAddress,
  type PlacementId,
  parseClientId,
  parseDefinitionId,
  parseOpaqueId,
  type SessionId,
  withoutAddresses,
} from '#libs/domain';
import { contextEntriesMax, contextValueLengthMax, pageUrlLengthMax, slotsMax, urlBytesMax } from './limits.js';
import { malformed, Refused } from './refused.js';

export const forms = ['json', 'redirect', 'body', 'click'] as const;
export type Form = (typeof forms)[number];

/** What one request says for all of its slots. Absent values are null. */
export interface Visit {
  readonly customerId: CustomerId | null;
  readonly sessionId: SessionId | null;
  readonly url: string | null;
  readonly referrer: string | null;
  /** Has no prototype: a name such as `constructor` is a name. */
  readonly context: Readonly<Record<string, string>>;
}

export interface ContentQuery extends Visit {
  readonly clientId: ClientId;
  readonly campaignId: CampaignId;
  readonly placementId: PlacementId | null;
  readonly form: Form;
}

/** A slot that asks for what cannot be is answered in its place; the others are answered all the same. */
export type Slot =
  | { readonly campaignId: CampaignId; readonly placementId: PlacementId | null }
  | { readonly given: unknown; readonly refused: Refused };

export interface BatchQuery extends Visit {
  readonly slots: readonly Slot[];
}

/** `/q/{clientId}/{campaignId}?…` or `/q/{clientId}`, as it stands in the request line. @throws Refused 400, 404, 414. */
export function parsePath(target: string): { clientId: ClientId; campaignId: CampaignId | null; search: string } {
  if (target.length > urlBytesMax) throw new Refused(414, 'URL_TOO_LONG', `the address is longer than ${urlBytesMax} bytes`);
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const parts = path.split('/');
  const [, , client, campaign] = parts;
  if (client === undefined || client === '' || parts.length > 4) {
    throw new Refused(404, 'NOT_FOUND', 'a content query is /q/{clientId}/{campaignId}');
  }
  const clientId = parseClientId(decoded(client));
  if (clientId === undefined) throw malformed('CLIENT_ID_MALFORMED', 'a client id is [A-Za-z0-9][A-Za-z0-9_-]{0,63}');
  const search = question < 0 ? '' : target.slice(question + 1);
  return { clientId, campaignId: campaign === undefined ? null : campaignIdOf(decoded(campaign)), search };
}

/** @throws Refused 400, 404, 414. */
export function parseContentQuery(target: string): ContentQuery {
  const { clientId, campaignId, search } = parsePath(target);
  if (campaignId === null) throw new Refused(404, 'NOT_FOUND', 'a content query is GET /q/{clientId}/{campaignId} or POST /q/{clientId}');
  let customerId: CustomerId | null = null;
  let sessionId: SessionId | null = null;
  let placementId: PlacementId | null = null;
  let url: string | null = null;
  let referrer: string | null = null;
  let form: Form = 'json';
  const context = emptyContext();
  let entries = 0;
  for (const [name, value] of parameters(search)) {
    // An empty parameter is one that a template had nothing for.
    if (value === '' && !name.startsWith('x.')) continue;
    switch (name) {
      case 'c':
        customerId = customerIdOf(value);
        break;
      case 's':
        sessionId = sessionIdOf(value);
        break;
      case 'p':
        placementId = placementIdOf(value);
        break;
      case 'u':
        url = pageUrl(value);
        break;
      case 'r':
        referrer = pageUrl(value);
        break;
      case 'f':
        form = formOf(value);
        break;
      default:
        if (name.startsWith('x.')) addContext(context, ++entries, name.slice(2), value);
    }
  }
  return { clientId, campaignId, customerId, sessionId, placementId, url, referrer, context, form };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body of `POST /q/{clientId}`. @throws Refused 400, 413; a slot's own faults stand in the slot. */
export function parseBatchQuery(body: Uint8Array): BatchQuery {
  let read: unknown;
  try {
    read = JSON.parse(utf8.decode(body));
  } catch (error) {
    throw malformed('BODY_MALFORMED', `the body is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(read)) throw malformed('BODY_MALFORMED', 'the body is a JSON object');
  const { customerId, sessionId, page, referrer, context, slots } = read;
  if (!Array.isArray(slots)) throw malformed('SLOTS_MALFORMED', 'slots is a list of {"campaignId", "placementId"}');
  if (slots.length > slotsMax) throw new Refused(413, 'TOO_MANY_SLOTS', `one request asks for at most ${slotsMax} slots`);
  return {
    customerId: absent(customerId) ? null : customerIdOf(customerId),
    sessionId: absent(sessionId) ? null : sessionIdOf(sessionId),
    url: textOrNull(page, 'page'),
    referrer: textOrNull(referrer, 'referrer'),
    context: contextOf(context),
    slots: slots.map(slotOf),
  };
}

function slotOf(slot: unknown): Slot {
  try {
    if (!isObject(slot)) throw malformed('SLOTS_MALFORMED', 'a slot is {"campaignId", "placementId"}');
    return {
      campaignId: campaignIdOf(slot['campaignId']),
      placementId: absent(slot['placementId']) ? null : placementIdOf(slot['placementId']),
    };
  } catch (error) {
    if (error instanceof Refused) return { given: slot, refused: error };
    throw error;
  }
}

function campaignIdOf(value: unknown): CampaignId {
  return (
    parseDefinitionId<CampaignId>(value) ?? fail(malformed('CAMPAIGN_ID_MALFORMED', 'a campaign id is [A-Za-z0-9][A-Za-z0-9_.-]{0,63}'))
  );
}

function placementIdOf(value: unknown): PlacementId {
  return (
    parseDefinitionId<PlacementId>(value) ?? fail(malformed('PLACEMENT_ID_MALFORMED', 'a placement id is [A-Za-z0-9][A-Za-z0-9_.-]{0,63}'))
  );
}

const opaque = 'is 1 to 64 bytes of UTF-8 without control characters';

function customerIdOf(value: unknown): CustomerId {
  return parseOpaqueId<CustomerId>(value) ?? fail(malformed('CUSTOMER_ID_MALFORMED', `a customer id ${opaque}`));
}

function sessionIdOf(value: unknown): SessionId {
  return parseOpaqueId<SessionId>(value) ?? fail(malformed('SESSION_ID_MALFORMED', `a session id ${opaque}`));
}

function formOf(value: string): Form {
  return forms.find((form) => form === value) ?? fail(malformed('FORM_UNKNOWN', `f is one of ${forms.join(', ')}`));
}

// Half of a surrogate pair, from a JSON escape or left over by the cut, is no UTF-8.
const loneSurrogates = /\p{Cs}/gu;

/** A page's address as the page gave it, cut to `pageUrlLengthMax`, without e-mail addresses: it is recorded with the answer. */
export function pageUrl(value: string): string {
  return withoutAddresses(value.slice(0, pageUrlLengthMax).replace(loneSurrogates, '\ufffd'));
}

function textOrNull(value: unknown, name: string): string | null {
  if (absent(value)) return null;
  if (typeof value !== 'string') throw malformed('BODY_MALFORMED', `${name} is a text`);
  return pageUrl(value);
}

const emptyContext = (): Record<string, string> => Object.create(null) as Record<string, string>;

function addContext(context: Record<string, string>, entries: number, name: string, value: string): void {
  if (entries > contextEntriesMax)
    throw new Refused(413, 'CONTEXT_TOO_LARGE', `a request brings at most ${contextEntriesMax} context values`);
  if (parseOpaqueId(name) === undefined) throw malformed('CONTEXT_MALFORMED', `the name of a context value ${opaque}`);
  if (value.length > contextValueLengthMax) {
    throw new Refused(413, 'CONTEXT_TOO_LARGE', `a context value has at most ${contextValueLengthMax} characters`);
  }
  // Recorded with the answer, where no address may stand in clear.
  context[name] = isEmailAddress(value) ? '***' : value.replace(loneSurrogates, '\ufffd');
}

function contextOf(value: unknown): Record<string, string> {
  const context = emptyContext();
  if (absent(value)) return context;
  if (!isObject(value)) throw malformed('CONTEXT_MALFORMED', 'context is an object');
  let entries = 0;
  for (const [name, entry] of Object.entries(value)) {
    if (entry === null) continue;
    if (typeof entry === 'object') throw malformed('CONTEXT_MALFORMED', 'context values are texts, numbers or booleans');
    addContext(context, ++entries, name, String(entry));
  }
  return context;
}

const absent = (value: unknown): value is undefined | null | '' => value === undefined || value === null || value === '';
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names and values of a query string; the first of a repeated name wins. */
function parameters(search: string): Map<string, string> {
  const found = new Map<string, string>();
  if (search === '') return found;
  for (const part of search.split('&')) {
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    if (!found.has(name)) found.set(name, equals < 0 ? '' : decoded(part.slice(equals + 1)));
  }
  return found;
}

/** A part of an address as it is meant. @throws Refused 400. */
export function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw malformed('URL_MALFORMED', 'the address holds a percent sign that begins no UTF-8');
  }
}

function fail(refused: Refused): never {
  throw refused;
}
