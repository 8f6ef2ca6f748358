/** Who the visitor is: two cookies on the page's own domain, with the same names, forms and ends as the edge's (docs/adr/0011-identity.md). */
import { attempt } from './attempt.js';
import type { Settings } from './settings.js';

export interface Who {
  /** Undefined while only the edge can say it. */
  readonly customerId?: string | undefined;
  /** Undefined where no cookie keeps it: one made up per page would count every page as a visit. */
  readonly sessionId?: string | undefined;
}

export interface Identity {
  /** As of now: a session may have ended, another tab may have begun one. Makes what is missing. */
  who(): Who;
  /** The page says who it is. False: that is no id. */
  named(customerId: unknown): boolean;
  /** The edge says who it is: taken when nobody else does. */
  told(customerId: string): void;
  /** Cookies would stay, and there is none: what another page did that took consent back. */
  isGone(): boolean;
  forget(): void;
}

/** The longest that browsers keep a cookie. */
const customerSeconds = 400 * 86_400;
const sessionSeconds = 12 * 3600;

/** A UUID version 7, as the edge makes them. */
export function newId(): string {
  const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
  const random = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => hex(byte, 2)).join('');
  return `${hex(Date.now(), 12)}7${random.slice(0, 3)}8${random.slice(3)}`.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function identity({ clientId, say }: Settings): Identity {
  const customerCookie = `vt_c_${clientId}`;
  const sessionCookie = `vt_s_${clientId}`;
  /** For this page only: the browser keeps no cookie of ours, or the edge's own `HttpOnly` one stands in its place. */
  let unkept: Who | undefined;

  const customer = () => read(customerCookie);
  const begin = (customerId: string): void => {
    say('new session', customerId);
    const sessionId = newId();
    // In a frame on another site some browsers keep a cookie for that site alone: better than for none.
    for (const kind of ['', '; Partitioned']) {
      write(customerCookie, customerId, customerSeconds, kind);
      write(sessionCookie, sessionId, sessionSeconds, kind);
      if (customer() === customerId) return;
    }
    say('no cookie stays');
    unkept = {};
  };

  return {
    who() {
      if (!unkept && !(customer() && read(sessionCookie))) begin(customer() ?? newId());
      return unkept ?? { customerId: customer(), sessionId: read(sessionCookie) };
    },
    named(given) {
      const customerId = typeof given === 'number' ? String(given) : given;
      if (!isId(customerId)) return false;
      unkept = undefined;
      // Another customer's session is not this one's.
      if (customer() !== customerId) begin(customerId);
      if (unkept) unkept = { customerId };
      return true;
    },
    told(customerId) {
      if (unkept && !unkept.customerId) unkept = { customerId };
    },
    isGone: () => !unkept && !customer(),
    forget() {
      for (const kind of ['', '; Partitioned']) {
        write(customerCookie, '', 0, kind);
        write(sessionCookie, '', 0, kind);
      }
      unkept = undefined;
    },
  };
}

/** 1 to 64 bytes of UTF-8 without control characters. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && !/^$|[\p{Cc}\p{Cs}]/u.test(value) && new Blob([value]).size <= 64;
}

/** Undefined when there is none that can be read, or none holds an id: another of the same name, set for the parent domain, may stand before ours. */
function read(name: string): string | undefined {
  return attempt(() =>
    `; ${document.cookie}`
      .split(`; ${name}=`)
      .map((rest) => attempt(() => decodeURIComponent(rest.split(';')[0] as string)))
      .find(isId),
  );
}

/** Whoever writes looks whether it stayed. */
function write(name: string, value: string, seconds: number, kind: string): void {
  const site = location.protocol === 'https:' ? 'None; Secure' : 'Lax';
  attempt(() => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is too young for the browsers that the tag is for.
    document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${seconds}; SameSite=${site}${kind}`;
  });
}
