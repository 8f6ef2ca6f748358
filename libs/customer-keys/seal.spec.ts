import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { openText, SealBroken, sealText } from './seal.js';

describe('sealed text', () => {
  const key = randomBytes(32);
  const context = 'golf/c1/email';

  it.each(['ann@example.com', '', 'zażółć ☃ 𝄞', 'x'.repeat(10_000)])('opens what was sealed (%#)', (text) => {
    const sealed = sealText(key, text, context);
    expect(sealed).toMatch(/^v1\.[A-Za-z0-9_-]+$/);
    expect(openText(key, sealed, context)).toBe(text);
  });

  it('shows nothing of the text, nor that two are the same', () => {
    const [one, two] = [sealText(key, 'ann@example.com', context), sealText(key, 'ann@example.com', context)];
    expect(one).not.toBe(two);
    expect(Buffer.from(one.slice(3), 'base64url').includes('ann')).toBe(false);
  });

  it('opens with the same key and context only', () => {
    const sealed = sealText(key, 'ann@example.com', context);
    expect(() => openText(randomBytes(32), sealed, context)).toThrow(SealBroken);
    expect(() => openText(key, sealed, 'golf/c2/email')).toThrow(SealBroken);
  });

  it('refuses every flipped bit, every cut, and other forms', () => {
    const sealed = sealText(key, 'ann@example.com', context);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ 1;
      expect(() => openText(key, `v1.${flipped.toString('base64url')}`, context)).toThrow(SealBroken);
      expect(() => openText(key, `v1.${bytes.subarray(0, at).toString('base64url')}`, context)).toThrow(SealBroken);
    }
    for (const other of ['', 'v1.', sealed.slice(3), sealed.replace('v1', 'v2'), `${sealed}.x`, 'ann@example.com'])
      expect(() => openText(key, other, context)).toThrow(SealBroken);
  });
});
