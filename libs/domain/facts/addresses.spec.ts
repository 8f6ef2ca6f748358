import { describe, expect, it } from '@jest/globals';
import { isEmailAddress, withoutAddresses } from './addresses.js';

describe('e-mail addresses', () => {
  it.each(['a@b.example', 'Ann.O-Neil+shop@mail.shop.co.uk', 'jürgen@bücher.example', `${'x'.repeat(64)}@b.example`])(
    'are known: %s',
    (text) => expect(isEmailAddress(text)).toBe(true),
  );

  it.each([
    '',
    '@ann',
    'a@b',
    'ann@',
    'write to a@b.example',
    'a@b.example, c@d.example',
    'https://a@b.example/',
    'a@@b.example',
    `${'x'.repeat(65)}@b.example`,
  ])('are told from what is none: %s', (text) => expect(isEmailAddress(text)).toBe(false));

  it.each([
    ['https://shop.example/?email=a.b%2Bc%40d.example&x=1', 'https://shop.example/?email=***&x=1'],
    ['https://shop.example/in?to=a@b.example#c@d.example', 'https://shop.example/in?to=***#***'],
    ['/news?a@b.example', '/news?***'],
    ['https://user@shop.example/@ann?page=2', 'https://user@shop.example/@ann?page=2'],
    ['https://shop.example/map?at=@47.3,8.5', 'https://shop.example/map?at=@47.3,8.5'],
    ['https://shop.example/?utm_source=news&utm_campaign=spring', 'https://shop.example/?utm_source=news&utm_campaign=spring'],
  ])('are taken out of %s', (url, expected) => expect(withoutAddresses(url)).toBe(expected));

  it('are looked for in linear time', () => {
    const began = performance.now();
    withoutAddresses(`https://shop.example/?${'a'.repeat(4_000)}@${'b.'.repeat(2_000)}`);
    withoutAddresses(`https://shop.example/?${'a@b.'.repeat(4_000)}`);
    isEmailAddress(`a@${'b.'.repeat(158)}`);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
