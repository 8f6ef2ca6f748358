import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { compileTimeFormat } from './time-format.js';

function read(format: string, text: string, timeZone = 'UTC'): string | undefined {
  const compiled = compileTimeFormat(format, timeZone);
  if (typeof compiled !== 'function') throw new Error(compiled.error);
  const time = compiled(text);
  return time === undefined ? undefined : new Date(time).toISOString();
}

describe('times of an import', () => {
  it.each([
    ['epoch_ms', '1433221332117', '2015-06-02T05:02:12.117Z'],
    ['epoch_ms', '-1', '1969-12-31T23:59:59.999Z'],
    ['epoch_s', '1433221332', '2015-06-02T05:02:12.000Z'],
    ['epoch_s', '1433221332.117', '2015-06-02T05:02:12.117Z'],
    ['epoch_s', '-0.5', '1969-12-31T23:59:59.500Z'],
    ['iso', '2026-03-02T05:00:00.000Z', '2026-03-02T05:00:00.000Z'],
    ['iso', '2026-03-02T05:00+0100', '2026-03-02T04:00:00.000Z'],
    ['iso', '2026-03-02 05:00:01,5-02', '2026-03-02T07:00:01.500Z'],
    ['iso', '2026-03-02', '2026-03-02T00:00:00.000Z'],
    ["yyyy-MM-dd HH:mm:ss 'UTC'", '2019-10-01 00:00:00 UTC', '2019-10-01T00:00:00.000Z'],
    ['d.M.yyyy H:m', '1.2.2026 3:04', '2026-02-01T03:04:00.000Z'],
    ['dd/MMM/yyyy:HH:mm:ss Z', '17/May/2015:10:05:03 +0200', '2015-05-17T08:05:03.000Z'],
    ['MMMM d, yyyy h:mm a', 'June 2, 2015 12:05 am', '2015-06-02T00:05:00.000Z'],
    ['MM/dd/yy hh:mm a', '06/02/15 12:05 PM', '2015-06-02T12:05:00.000Z'],
    ["yyyyMMdd'T'HHmmss.SSSXXX", '20150602T050212.117-01:30', '2015-06-02T06:32:12.117Z'],
    ["yyyy-MM-dd HH 'o''clock'", "2015-06-02 05 o'clock", '2015-06-02T05:00:00.000Z'],
  ])('%s: %s', (format, text, time) => expect(read(format, text)).toBe(time));

  it.each([
    ['epoch_ms', ''],
    ['epoch_ms', '1e3'],
    ['epoch_ms', '99999999999999'],
    ['epoch_s', '0x10'],
    ['iso', 'tomorrow'],
    ['iso', '2026-13-05T10:00:00Z'],
    ['iso', '2026-02-29'],
    ['iso', '2026-03-02Z'],
    ['iso', '2026-03-02T05:00:00+25:00'],
    ['yyyy-MM-dd', '2026-3-2'],
    ['yyyy-MM-dd', '2026-03-02 '],
    ['yyyy-MM-dd', '1899-12-31'],
    ['yyyy-MM-dd HH:mm', '2026-03-02 24:00'],
    ['yyyy-MM-dd h:mm a', '2026-03-02 13:00 PM'],
    ["yyyy-MM-dd HH:mm:ss 'UTC'", '2019-10-01 00:00:00 CET'],
  ])('%s refuses %j', (format, text) => expect(read(format, text)).toBeUndefined());

  it.each([
    '',
    'HH:mm',
    'yyyy-MM',
    "yyyy-MM-dd 'open",
    'yyyy-MM-dd qq',
    'yyyy-MM-dd T HH',
    'yyyyy-MM-dd',
    'yyyy-MM-dd h:mm',
    'yyyy-MM-dd HHH',
  ])('no format: %j', (format) => expect(compileTimeFormat(format, 'UTC')).toHaveProperty('error'));

  it('reads a skipped time with the offset before the change, and the earlier of two', () => {
    const format = 'yyyy-MM-dd HH:mm';
    expect(read(format, '2026-03-08 02:30', 'America/New_York')).toBe('2026-03-08T07:30:00.000Z');
    expect(read(format, '2026-03-08 01:59', 'America/New_York')).toBe('2026-03-08T06:59:00.000Z');
    expect(read(format, '2026-03-08 03:00', 'America/New_York')).toBe('2026-03-08T07:00:00.000Z');
    expect(read(format, '2026-11-01 01:30', 'America/New_York')).toBe('2026-11-01T05:30:00.000Z');
    expect(read(format, '2026-11-01 02:00', 'America/New_York')).toBe('2026-11-01T07:00:00.000Z');
    expect(read(format, '2011-03-27 01:30', 'Europe/London')).toBe('2011-03-27T01:30:00.000Z');
    // Half an hour, at two o'clock.
    expect(read(format, '2026-10-04 02:15', 'Australia/Lord_Howe')).toBe('2026-10-03T15:45:00.000Z');
    // A whole day that was skipped.
    expect(read(format, '2011-12-30 12:00', 'Pacific/Apia')).toBe('2011-12-30T22:00:00.000Z');
  });

  it('the literal UTC wins over the zone, other literals do not', () => {
    expect(read("yyyy-MM-dd HH:mm 'UTC'", '2026-07-01 12:00 UTC', 'America/New_York')).toBe('2026-07-01T12:00:00.000Z');
    expect(read("yyyy-MM-dd HH:mm'Z'", '2026-07-01 12:00Z', 'America/New_York')).toBe('2026-07-01T16:00:00.000Z');
  });

  it('reads what a clock in the zone shows', () => {
    const zones = ['Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 2_500_000_000 }), (zone, second) => {
        const shown = DateTime.fromSeconds(second, { zone }).toFormat('yyyy-MM-dd HH:mm:ss');
        const again = read('yyyy-MM-dd HH:mm:ss', shown, zone) as string;
        // The same text; where a clock shows it twice, the earlier time.
        expect(DateTime.fromISO(again, { zone }).toFormat('yyyy-MM-dd HH:mm:ss')).toBe(shown);
        expect(Date.parse(again)).toBeLessThanOrEqual(second * 1000);
      }),
    );
  });
});
