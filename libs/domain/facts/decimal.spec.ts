import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decimalOf, decimalText, moneyText, parseDecimal, plainNumber, roundProduct } from './decimal.js';

describe('decimals', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['0.00004', '0'],
    ['-0.00004', '0'],
    ['0.00005', '0.0001'],
    ['-0.00005', '-0.0001'],
    ['2.00005', '2.0001'],
    ['-2.00005', '-2.0001'],
    ['2.000049999', '2'],
    ['007.10', '7.1'],
    ['10.00', '10'],
    ['12345678901.2345', '12345678901.2345'],
    ['99999999999999.9999', '99999999999999.9999'],
    ['99999999999999.99994', '99999999999999.9999'],
  ])('reads %s as %s', (text, canonical) => {
    const units = parseDecimal(text);
    expect(units === undefined ? undefined : decimalText(units)).toBe(canonical);
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '.5',
    '5.',
    '1e3',
    'NaN',
    'Infinity',
    '0x10',
    '1,5',
    '--1',
    '123456789012345',
    '99999999999999.99995',
    '١',
    '1\n',
  ])('refuses %j', (text) => expect(parseDecimal(text)).toBeUndefined());

  it('takes JSON numbers as the shortest decimal that names them', () => {
    expect(decimalOf(2.00005)).toBe(20001n);
    expect(decimalOf(0.1)).toBe(1000n);
    expect(decimalOf(1e-7)).toBe(0n);
    expect(decimalOf(-0)).toBe(0n);
    expect(decimalOf(1e21)).toBeUndefined();
    expect(decimalOf(Number.NaN)).toBeUndefined();
    expect(decimalOf(true)).toBeUndefined();
    expect([plainNumber(1.25e-7), plainNumber(-1.5e21), plainNumber(5e-324).length]).toEqual([
      '0.000000125',
      '-1500000000000000000000',
      326,
    ]);
  });

  it('writes money with four digits', () => {
    expect([0n, 1n, -1n, 12_5000n, -10_000n].map(moneyText)).toEqual(['0.0000', '0.0001', '-0.0001', '12.5000', '-1.0000']);
  });

  it('rounds products half away from zero', () => {
    expect([4999n, 5000n, -4999n, -5000n, 15000n].map(roundProduct)).toEqual([0n, 1n, 0n, -1n, 2n]);
  });

  it('reads again what it writes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }), (units) => {
        expect(parseDecimal(decimalText(units))).toBe(units);
        expect(parseDecimal(moneyText(units))).toBe(units);
      }),
    );
  });

  it('plain numbers name the same number', () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => Number(plainNumber(value)) === value));
  });
});
