import { expect, it } from '@jest/globals';
import { blake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { digest, keyedHash, keyOf, message, messageBytesMax } from './blake3.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

it('is BLAKE3 with a key, for every length of one chunk', () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
  for (let length = 0; length <= messageBytesMax; length++) {
    const text = Uint8Array.from({ length }, (_, index) => index + length);
    message.fill(0xff);
    message.set(text);
    keyedHash(keyOf(key), length);
    expect(Buffer.from(digest).toString('hex')).toBe(Buffer.from(blake3(text, { key })).toString('hex'));
  }
});

it('is BLAKE3 with any key', () => {
  fc.assert(
    fc.property(bytes(32), fc.uint8Array({ maxLength: messageBytesMax }), (key, text) => {
      message.set(text);
      keyedHash(keyOf(key), text.length);
      expect([...digest]).toEqual([...blake3(text, { key })]);
    }),
    { numRuns: 200, seed: 31 },
  );
});

it('takes no other keys, and no longer messages', () => {
  expect(() => keyOf(new Uint8Array(31))).toThrow('a key has 32 bytes, not 31');
  expect(() => keyedHash(keyOf(new Uint8Array(32)), messageBytesMax + 1)).toThrow('at most 1024 bytes');
});
