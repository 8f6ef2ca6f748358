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
/** Lower case of what a header's name may hold; 0 for the rest. */
export const tokenBytes = new Uint8Array(256);

const mark = (characters: string, kind: number) => {
  for (const character of characters) classes[character.charCodeAt(0)] = kind;
};
const letters = 'abcdefghijklmnopqrstuvwxyz';
mark(`${letters}${letters.toUpperCase()}0123456789_.-`, inIds);
mark("~!$'()*,/:;?=", plain);
mark('%+', coded);
mark('@', at);
mark('& ', ends);
for (const character of `${letters}0123456789!#$%&'*+-.^_\`|~`) tokenBytes[character.charCodeAt(0)] = character.charCodeAt(0);
for (const character of letters) tokenBytes[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0);

/** The bytes of one or more reads with a zero behind them, where every scan stops. */
export interface ReadBytes {
  readonly bytes: Buffer;
  /** Over the same memory: four bytes are compared at once. */
  readonly view: DataView;
  end: number;
}

/** Room for `length` bytes and the zero. */
export function readBytes(length: number): ReadBytes {
  const bytes = Buffer.allocUnsafeSlow(length + 1);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), end: 0 };
}

/** The four characters as `DataView.getInt32(…, true)` reads them. */
export function word(characters: string): number {
  return Buffer.from(characters, 'latin1').readInt32LE();
}
