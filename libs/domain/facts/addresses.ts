/** E-mail addresses where nobody said that there is one. */

const whole = /^[^\s@<>"',;:()]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+$/u;
const lengthMax = 320;

/** Whether the whole text is an e-mail address. */
export function isEmailAddress(text: string): boolean {
  return text.length <= lengthMax && text.includes('@') && whole.test(text);
}

const inQuery = /[^\s&=?#;/@]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/gi;

/**
 * A page's address without e-mail addresses in its query and fragment, where newsletters and forms leave them: each is `***` then. What stands
 * before the query is the page itself, and stays.
 */
export function withoutAddresses(url: string): string {
  if (!url.includes('@') && !url.includes('%40')) return url;
  const from = url.search(/[?#]/);
  return from < 0 ? url : url.slice(0, from) + url.slice(from).replace(inQuery, '***');
}
