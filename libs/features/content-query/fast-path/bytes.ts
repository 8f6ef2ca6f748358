/** Bytes of a request, sorted into classes once, so that a scan asks one table. */

/** `A-Z a-z 0-9 _ . -`: what definition ids are made of. */
export const inIds = 1;
/** Stands for itself in a query's value, and in JSON. */
export const plain = 2;
/** `%` and `+`: a value with them is decoded before it is used. */
export const coded = 4;
/** `@`: may be an e-mail address, which is recorded nowhere. */
export const at = 8;
/** `&` and the blank behind the target. */
export const ends = 16;
/** Everything else, and the zero that stands behind what was read. */
export const other = 32;

export const classes = new Uint8Array(256).fill(other);

const mark = (characters: string, kind: number) => {
  for (const character of characters) classes[character.charCodeAt(0)] = kind;
};
const letters = 'abcdefghijklmnopqrstuvwxyz';
mark(`${letters}${letters.toUpperCase()}0123456789_.-`, inIds);
mark("~!$'()*,/:;?=", plain);
mark('%+', coded);
mark('@', at);
mark('& ', ends);
