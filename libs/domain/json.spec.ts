import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { equalJson, jsonBytes } from './json.js';

describe('equal JSON', () => {
  it('is the same whatever the order of keys, and nothing else', () => {
    expect(equalJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 })).toBe(true);
    for (const [a, b] of [
      [{ a: 1 }, { a: 1, b: 2 }],
      [{ a: 1, b: 2 }, { a: 1 }],
      [
        [1, 2],
        [2, 1],
      ],
      [[], {}],
      [null, {}],
      [{ a: null }, { b: null }],
      ['1', 1],
      [{ ['__proto__']: 1 }, {}],
      [{ toString: null }, {}],
    ]) {
      expect(equalJson(a, b)).toBe(false);
    }
  });

  it('is what JSON brings back', () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) =>
        equalJson(value, JSON.parse(JSON.stringify(value, (_, v) => (Object.is(v, -0) ? 0 : v)))),
      ),
    ));
});

it('counts bytes of UTF-8', () => expect(jsonBytes({ a: 'é"' })).toBe('{"a":"'.length + 2 + 2 + '"}'.length));
