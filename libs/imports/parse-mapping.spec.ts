import { describe, expect, it } from '@jest/globals';
import { columnsOf } from './mapping.js';
import { parseMapping } from './parse-mapping.js';

const rule = { type: 'Product Viewed', customerId: 'who', time: { column: 'at', format: 'iso' }, properties: { product_id: 'what' } };
const mapping = { format: 'csv', rows: [rule] };

function errors(json: unknown): readonly string[] {
  const parsed = parseMapping(json);
  return 'errors' in parsed ? parsed.errors.map(({ path, message }) => `${path}: ${message}`) : [];
}
const paths = (json: unknown) => errors(json).map((error) => error.slice(0, error.indexOf(':')));

describe('a mapping', () => {
  it('has defaults', () => {
    expect(parseMapping(mapping)).toMatchObject({
      mapping: { format: 'csv', delimiter: ',', quote: '"', header: true, columns: null, encoding: 'utf-8', timeZone: 'UTC', shift: null },
    });
  });

  it('names its columns', () => {
    const parsed = parseMapping({
      format: 'ndjson',
      rows: [
        {
          ...rule,
          when: {
            all: [
              { column: 'kind', in: ['a', 1] },
              { column: 'x', matches: '^a' },
            ],
          },
          sessionId: { column: 'visit', default: 's' },
          collectBy: 'order',
          messageId: ['id', { const: 'x' }],
          properties: { products: [{ product_id: 'sku', price: { column: 'cost', match: '([0-9.]+)', map: { 1: '2' } } }] },
        },
      ],
    });
    if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
    expect(parsed.mapping.format).toBe('jsonl');
    expect(columnsOf(parsed.mapping)).toEqual(['kind', 'x', 'who', 'visit', 'at', 'order', 'id', 'sku', 'cost']);
  });

  it('formats that cannot be read yet are refused with those that can', () => {
    for (const format of ['parquet', 'combined', '', undefined, '__proto__']) {
      expect(errors({ ...mapping, format })).toEqual(['format: must be one of csv, jsonl (each also gzipped); others cannot be read yet']);
    }
  });

  it('tells all that is wrong, and where', () => {
    expect(
      paths({
        format: 'xml',
        delimiter: '',
        quote: 'ab',
        header: 'yes',
        timeZone: 'Mars/Base',
        encoding: 'klingon',
        shift: 'startsToday',
        row: [],
        rows: [
          { ...rule, type: 'Sold', when: { column: 'a', equals: 'x', in: ['y'] } },
          {
            ...rule,
            customerId: 5,
            time: { column: 'at', format: 'HH:mm' },
            collectBy: {},
            messageId: [],
            properties: { a: { b: 1 }, email_sealed: 'x' },
          },
          { ...rule, when: { column: 'a', matches: '(?=lookahead)' }, time: 'at', properties: { products: [{ price: [] }] } },
        ],
      }),
    ).toEqual([
      'row',
      'format',
      'header',
      'delimiter',
      'quote',
      'timeZone',
      'shift',
      'encoding',
      'rows.0.type',
      'rows.0.when',
      'rows.1.customerId',
      'rows.1.time.format',
      'rows.1.collectBy.column',
      'rows.1.messageId',
      'rows.1.properties.email_sealed',
      'rows.1.properties.a.b',
      'rows.1.properties.a.column',
      'rows.2.when.matches',
      'rows.2.time',
      'rows.2.properties.products.0.price',
    ]);
  });

  it.each([
    null,
    5,
    'csv',
    [],
    {},
    { format: 'csv' },
    { format: 'csv', rows: [] },
    { format: 'csv', rows: {} },
    { format: 'csv', rows: [null] },
  ])('%j is none', (json) => expect(errors(json)).not.toEqual([]));

  it('limits of patterns and nesting', () => {
    const nested = (levels: number): object => (levels === 0 ? { column: 'a', equals: 'x' } : { all: [nested(levels - 1)] });
    expect(paths({ ...mapping, rows: [{ ...rule, when: nested(7) }] })).toEqual([]);
    expect(paths({ ...mapping, rows: [{ ...rule, when: nested(8) }] })).toHaveLength(1);
    expect(paths({ ...mapping, rows: [{ ...rule, when: { column: 'a', matches: 'a'.repeat(1001) } }] })).toEqual(['rows.0.when.matches']);
    expect(paths({ ...mapping, rows: [{ ...rule, when: { column: 'a', matches: '((a{100}){100}){100}' } }] })).toEqual([
      'rows.0.when.matches',
    ]);
  });
});
