/** Who the visitor is: two cookies on the page's own domain, with the same names, forms and ends as the edge's (docs/adr/0011-identity.md). */
import type { Settings } from './settings.js';

export interface Who {
  /** Undefined while only the edge can say it. */
  readonly customerId: string | undefined;
  /** Undefined where no cookie keeps it: one made up per page would count every page as a visit. */
  readonly sessionId: string | undefined;
}

export interface Identity {
  /** As of now: a session may have ended, another tab may have begun one. Makes what is missing. */
  who(): Who;
  /** The page, or the edge, says who it is. False: it is no id. */
  is(customerId: unknown, said: 'page' | 'edge'): boolean;
  forget(): void;
}

/** The longest that browsers keep a cookie. */
const customerSeconds = 400 * 86_400;
const sessionSeconds = 12 * 3600;

/** As the edge makes them: UUID version 7. */
export function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte + 256).toString(16).slice(1)).join('');
  const variant = '89ab'[Number.parseInt(random.charAt(3), 16) % 4];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(8)}`;
}

/** 1 to 64 bytes of UTF-8 without control characters. */
function isId(value: unknown): value is string {
  if (typeof value !== 'string' || /^$|[\p{Cc}\p{Cs}]/u.test(value)) return false;
  return new TextEncoder().encode(value).length <= 64;
}

export function identity({ clientId, say }: Settings): Identity {
  const customerCookie = `vt_c_${clientId}`;
  const sessionCookie = `vt_s_${clientId}`;
  /** For this page only: the browser keeps no cookie of ours, or the edge's own `HttpOnly` one stands in its place. */
  let unkept: { customerId: string | undefined } | undefined;

  const begin = (customerId: string): void => {
    write(customerCookie, customerId, customerSeconds);
    if (read(customerCookie) === customerId) write(sessionCookie, newId(), sessionSeconds);
  };

  return {
    who() {
      if (unkept) return { customerId: unkept.customerId, sessionId: undefined };
      if (!read(customerCookie)) {
        const customerId = newId();
        begin(customerId);
        if (read(customerCookie) !== customerId) {
          say('no cookie can be kept here: the edge is asked who this is, for this page');
          unkept = { customerId: undefined };
          return this.who();
        }
        say('a new customer', customerId);
      }
      const customerId = read(customerCookie);
      if (!read(sessionCookie) && customerId) begin(customerId);
      return { customerId, sessionId: read(sessionCookie) };
    },
    is(customerId, said) {
      if (!isId(customerId)) return false;
      if (said === 'edge') {
        if (unkept) unkept.customerId ??= customerId;
        return true;
      }
      if (read(customerCookie) !== customerId) begin(customerId);
      unkept = read(customerCookie) === customerId ? undefined : { customerId };
      return true;
    },
    forget() {
      for (const name of [customerCookie, sessionCookie]) write(name, '', 0);
      unkept = undefined;
    },
  };
}

/** Undefined when there is none that can be read, or it holds no id. */
function read(name: string): string | undefined {
  try {
    for (const part of document.cookie.split('; ')) {
      const [key, ...value] = part.split('=');
      if (key !== name) continue;
      const id = decodeURIComponent(value.join('='));
      return isId(id) ? id : undefined;
    }
  } catch {
    // A frame without an origin of its own may not ask, and what is no UTF-8 is no id of ours: as if there were none.
  }
  return undefined;
}

function write(name: string, value: string, seconds: number): void {
  const site = location.protocol === 'https:' ? 'SameSite=None; Secure' : 'SameSite=Lax';
  try {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is too young for the browsers that the tag is for.
    document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${seconds}; ${site}`;
  } catch {
    // As for reading: whoever writes looks whether it stayed.
  }
}
