import { type ClientId, type CustomerId, parseOpaqueId, type SessionId } from '#libs/domain';
import type { Visit } from './content-query.js';

/** Who asks, and what their browser is to keep: docs/adr/0011-identity.md. */
export interface Identity {
  readonly customerId: CustomerId;
  readonly sessionId: SessionId | null;
  /** False when the customer's id was made for this answer. */
  readonly brought: boolean;
  /** `Set-Cookie` values; mostly none. */
  readonly cookies: readonly string[];
}

/** The longest that browsers keep a cookie. */
export const customerCookieSeconds = 400 * 86_400;
export const sessionCookieSeconds = 12 * 3600;

const none: readonly string[] = [];

/**
 * The customer is the one whom the page names, else the cookie's, else a new one. A page that names its customers names their sessions too:
 * a session is made only for a customer whom a cookie keeps.
 */
export function identify(
  clientId: ClientId,
  visit: Visit,
  cookieHeader: string | undefined,
  secure: boolean,
  newId: () => string,
): Identity {
  const sessionOfCookie = () => cookie(cookieHeader, `vt_s_${clientId}`) as SessionId | undefined;
  if (visit.customerId !== null) {
    return { customerId: visit.customerId, sessionId: visit.sessionId ?? sessionOfCookie() ?? null, brought: true, cookies: none };
  }
  const kept = cookie(cookieHeader, `vt_c_${clientId}`) as CustomerId | undefined;
  // Another customer's session is not this one's.
  const sessionId = visit.sessionId ?? (kept === undefined ? undefined : sessionOfCookie());
  if (kept !== undefined && sessionId !== undefined) return { customerId: kept, sessionId, brought: true, cookies: none };

  const cookies: string[] = [];
  const customerId = kept ?? (newId() as CustomerId);
  if (kept === undefined) cookies.push(setCookie(`vt_c_${clientId}`, customerId, customerCookieSeconds, secure));
  const session = sessionId ?? (newId() as SessionId);
  if (sessionId === undefined) cookies.push(setCookie(`vt_s_${clientId}`, session, sessionCookieSeconds, secure));
  return { customerId, sessionId: session, brought: kept !== undefined, cookies };
}

/** What the cookies say, whoever the page names; undefined: no such cookie, or a malformed one. */
export function keptIds(
  clientId: ClientId,
  cookieHeader: string,
): { customerId: CustomerId | undefined; sessionId: SessionId | undefined } {
  return {
    customerId: cookie(cookieHeader, `vt_c_${clientId}`) as CustomerId | undefined,
    sessionId: cookie(cookieHeader, `vt_s_${clientId}`) as SessionId | undefined,
  };
}

/** The id in the first well-formed cookie of that name: a page of the parent domain may have left a broken one, which would come first for ever. */
function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    const value = part.slice(equals + 1).trim();
    const id = parseOpaqueId(unescaped(value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value));
    if (id !== undefined) return id;
  }
  return undefined;
}

function unescaped(value: string): string | undefined {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/**
 * The edge is another site than most pages that ask it, so the cookie must go with cross-site requests: `SameSite=None`, which browsers take
 * over https only. Over http (a developer's machine) `Lax` is all there is. No script needs to read it: the answer names the customer.
 */
function setCookie(name: string, value: string, seconds: number, secure: boolean): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; ${secure ? 'SameSite=None; Secure' : 'SameSite=Lax'}`;
}
