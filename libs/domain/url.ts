/** The longest address, destination or origin, in characters: what browsers and proxies pass on safely. */
export const urlLengthMax = 2048;

// The WHATWG parser drops tabs and line breaks and trims blanks: an address that means something else than it shows is refused.
const blankOrControl = /[\s\p{Cc}]/u;

/** True for an absolute http(s) URL that needs no repair. */
export function isHttpUrl(text: string): boolean {
  return parseHttpUrl(text) !== undefined;
}

/** `https://Shop.example:443/` → `https://shop.example`: the form in which browsers send `Origin`. Undefined for what is more or less than an origin. */
export function parseOrigin(text: string): string | undefined {
  const url = parseHttpUrl(text);
  if (url === undefined || url.username !== '' || url.password !== '') return undefined;
  return url.pathname === '/' && !/[?#]/.test(text) ? url.origin : undefined;
}

function parseHttpUrl(text: string): URL | undefined {
  if (text.length > urlLengthMax || blankOrControl.test(text) || !/^https?:\/\/[^/\\]/i.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text) : undefined;
}
