import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { type CsvOptions, CsvReader, unclosedQuotesMax } from './csv.js';
import { isFault, rowLengthMax } from './table.js';

const options: CsvOptions = { delimiter: ',', quote: '"', header: false, columns: null };

function rows(text: string, given: Partial<CsvOptions> = {}, pieces = [text]) {
  const reader = new CsvReader({ ...options, ...given });
  return [...pieces.flatMap((piece) => reader.feed(piece, false)), ...reader.feed('', true)];
}
function cells(text: string, given: Partial<CsvOptions> = {}, pieces = [text]) {
  return rows(text, given, pieces).map((row) => (isFault(row) ? `${row.line} ${row.reason}` : row.cells));
}

function cut(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.slice(n * size, (n + 1) * size));
}

describe('CSV', () => {
  it('lines of every end, the last without one, empty ones left out', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      expect(cells(['a,b', 'c,d', '', 'e,f'].join(end))).toEqual([
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f'],
      ]);
    }
    expect(rows('a\r\n\r\nb').map((row) => row.line)).toEqual([1, 3]);
  });

  it('quotes at the beginning of a cell, doubled within, over lines', () => {
    expect(cells('"a,b","say ""hi""",5" nail\n"x\ny",,"z"w\n')).toEqual([
      ['a,b', 'say "hi"', '5" nail'],
      ['x\ny', '', 'zw'],
    ]);
    expect(rows('"x\ny",1\nz,2\n').map((row) => [row.line, isFault(row) ? null : row.text])).toEqual([
      [1, '"x\ny",1'],
      [3, 'z,2'],
    ]);
  });

  it('any delimiter, any quote, none', () => {
    expect(cells("a||'b||c'\n", { delimiter: '||', quote: "'" })).toEqual([['a', 'b||c']]);
    expect(cells('"a";b"\n', { delimiter: ';', quote: null })).toEqual([['"a"', 'b"']]);
    expect(cells('a\tb\n', { delimiter: '\t' })).toEqual([['a', 'b']]);
  });

  it('a wrong number of columns is that row’s fault', () => {
    expect(cells('a,b\nc\nd,e,f\ng,h\n')).toEqual([['a', 'b'], '2 columns', '3 columns', ['g', 'h']]);
  });

  it('a quote that does not end costs its line only', () => {
    expect(cells('a,b\n"c,d\ne,f\n')).toEqual([['a', 'b'], '2 columns', ['e', 'f']]);
    const far = `a,b\n"c,d\n${'e,f\n'.repeat(rowLengthMax / 4 + 10)}`;
    expect(rows(far, {}, cut(far, 100_000)).filter(isFault)).toEqual([
      { line: 2, reason: 'columns', message: 'a quoted cell does not end' },
    ]);
  });

  it('a file full of such quotes is read in linear time', () => {
    const line = 'a"b,"c\n';
    const text = `x,y\n${line.repeat(3 * unclosedQuotesMax)}${'x,y\n'.repeat(100_000)}`;
    const started = Date.now();
    const found = rows(text, {}, cut(text, 100_000));
    expect(found.filter((row) => !isFault(row))).toHaveLength(100_001);
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('a row that is too long is skipped, whether its end is in sight or not', () => {
    const text = `a,b\n${'x'.repeat(rowLengthMax + 1)}\nc,d\n${'y'.repeat(3 * rowLengthMax)}\ne,f\n`;
    for (const size of [1_000_000_000, 60_000]) {
      expect(cells(text, {}, cut(text, size))).toEqual([['a', 'b'], '2 size', ['c', 'd'], '4 size', ['e', 'f']]);
    }
  });

  it('NUL bytes are text', () => expect(cells('a\0,b\n')).toEqual([['a\0', 'b']]));

  it('columns by name, by number, refused when absent or named twice', () => {
    const read = (name: string, given: Partial<CsvOptions>) => {
      const reader = new CsvReader({ ...options, ...given });
      const last = reader.feed('id,name,name\n1,x,\n', true).at(-1);
      const column = reader.column(name);
      if (typeof column !== 'function') return column.error;
      return last === undefined || isFault(last) ? 'none' : column(last.cells);
    };
    expect(read('id', { header: true })).toBe('1');
    expect(read('name', { header: true })).toContain('more than one column');
    expect(read('nam', { header: true })).toBe('there is no column "nam"; the columns are "id", "name", "name"');
    expect(read('2', {})).toBe('x');
    expect(read('3', {})).toBeUndefined();
    for (const wrong of ['0', '4', '-1', '1.0', 'length', '']) expect(read(wrong, {})).toContain('there is no column');
    expect(read('b', { columns: ['a', 'b', 'c'] })).toBe('x');
  });

  it('agrees with csv-parse, however the text is cut', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ', '😀'), maxLength: 6 });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 9 }), (wanted, end, size) => {
        const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const text = `h,h${end}${wanted.map((row) => row.map(quoted).join(',')).join(end)}${end}`;
        expect(cells(text, {}, cut(text, size))).toEqual(parse(text, { record_delimiter: end }));
      }),
      { numRuns: 300 },
    );
  });
});
