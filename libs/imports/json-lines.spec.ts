import { describe, expect, it } from '@jest/globals';
import { JsonLinesReader } from './json-lines.js';
import { isFault, rowLengthMax } from './table.js';

function rows(text: string, size = text.length || 1) {
  const reader = new JsonLinesReader();
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.slice(n * size, (n + 1) * size));
  return [...pieces.flatMap((piece) => reader.feed(piece, false)), ...reader.feed('', true)];
}
const outcomes = (text: string, size?: number) => rows(text, size).map((row) => (isFault(row) ? `${row.line} ${row.reason}` : row.cells));

describe('JSON lines', () => {
  it('one object a line, however the text is cut; a bad line costs itself', () => {
    const text = '{"a":1}\r\n\n[1]\n{"a":\n null\n"x"\n{"b":{"c":[true]}}';
    const wanted = [{ a: 1 }, '3 columns', '4 columns', '5 columns', '6 columns', { b: { c: [true] } }];
    for (const size of [1, 2, 3, 5, 100]) expect(outcomes(text, size)).toEqual(wanted);
  });

  it('a line that is too long is skipped', () => {
    const long = `{"a":"${'x'.repeat(2 * rowLengthMax)}"}`;
    for (const size of [20_000, 10_000_000]) expect(outcomes(`{"a":1}\n${long}\n{"a":2}\n`, size)).toEqual([{ a: 1 }, '2 size', { a: 2 }]);
  });

  it('members, members of members, and numbers with all their digits', () => {
    const reader = new JsonLinesReader();
    const [row] = reader.feed(
      '{"id":12345678901234567890,"user":{"id":"12345678901234567890 5"},"x.y":1,"n":1e3,"e":"","z":null,"__proto__":{"p":1}}\n',
      true,
    );
    if (row === undefined || isFault(row)) throw new Error('no row');
    const read = (name: string) => reader.column(name)(row.cells);
    expect([read('id'), read('user.id'), read('x.y'), read('n')]).toEqual(['12345678901234567890', '12345678901234567890 5', 1, 1000]);
    for (const absent of ['e', 'z', 'user.name', 'id.length', 'toString', 'p']) expect([absent, read(absent)]).toEqual([absent, undefined]);
  });
});
