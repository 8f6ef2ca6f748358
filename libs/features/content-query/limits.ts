/** What one request may bring. Past a limit the answer is 400, 413 or 414 with a code, counted by that code. */

/** The request's address, in bytes: path and query. */
export const urlBytesMax = 8192;
/** The body of `POST /q`. */
export const bodyBytesMax = 65_536;
/** Slots of one `POST /q`. */
export const slotsMax = 64;
/** `x.<name>` parameters, or entries of `context`. */
export const contextEntriesMax = 32;
/** Characters of one context value. */
export const contextValueLengthMax = 512;
/** A page's or referrer's address is cut to so many characters, not refused: a page with a long address still gets its content. */
export const pageUrlLengthMax = 2048;
/** Characters of a `User-Agent` that are looked at. */
export const userAgentLengthMax = 512;
/** Distinct user agents whose device is remembered. */
export const userAgentsMax = 4096;
