import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import openWabt from 'wabt';
import { customerHash, hashId, hashIdBytes, idHash } from '../hash.js';
import { xxhash64Module } from './xxhash64-module.js';

const hashed = () => (BigInt(idHash[1]! >>> 0) << 32n) | BigInt(idHash[0]! >>> 0);

describe('our xxHash64', () => {
  it('is what its text compiles to', async () => {
    const wabt = await openWabt();
    const text = readFileSync(new URL('xxhash64.wat', import.meta.url), 'utf8');
    const { buffer } = wabt.parseWat('xxhash64.wat', text).toBinary({});
    expect(Buffer.from(buffer).toString('base64')).toBe(xxhash64Module);
  });

  it('gives what ClickHouse gives', () => {
    // SELECT xxHash64(''), xxHash64('a')
    for (const [text, expected] of [
      ['', 17241709254077376921n],
      ['a', 15154266338359012955n],
    ] as const) {
      hashId(text);
      expect(hashed()).toBe(expected);
    }
  });

  it('gives the same as the library, for texts of every length and script', () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.string({ maxLength: 100, unit: 'binary' }),
      fc.string({ minLength: 60, maxLength: 70, unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(texts, fc.nat(5), (text, before) => {
        hashId(text);
        expect(hashed()).toBe(customerHash(text));
        const bytes = Buffer.from(text);
        hashIdBytes(Buffer.concat([Buffer.alloc(before, 'x'), bytes, Buffer.alloc(3)]), before, before + bytes.length);
        expect(hashed()).toBe(customerHash(text));
      }),
      { numRuns: 2000 },
    );
    for (const long of ['x'.repeat(21_842), 'x'.repeat(21_843), 'ż'.repeat(30_000), '☃'.repeat(21_842)]) {
      hashId(long);
      expect(hashed()).toBe(customerHash(long));
    }
  });
});
