/** What JSON can say. */
export type JsonLike = string | number | boolean | null | readonly JsonLike[] | { readonly [key: string]: JsonLike };

const utf8 = new TextEncoder();

/** How many bytes a value has as JSON in UTF-8: what it takes of an event. */
export function jsonBytes(value: object | string): number {
  return utf8.encode(JSON.stringify(value)).length;
}
