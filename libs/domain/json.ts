/** What JSON can say. */
export type JsonLike = string | number | boolean | null | readonly JsonLike[] | { readonly [key: string]: JsonLike };

const utf8 = new TextEncoder();

/** How many bytes a value has as JSON in UTF-8: what it takes of an event. */
export function jsonBytes(value: object | string): number {
  return utf8.encode(JSON.stringify(value)).length;
}

/** Whether two JSON values say the same: the order of keys says nothing. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  return keys.length === others.length && keys.every((key) => Object.hasOwn(b, key) && equalJson(left[key], right[key]));
}
