/** Any text as one part of a key: bytes of UTF-8 other than letters, digits, `-` and `_` as `=` and two hex digits. */
export function keyPart(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
