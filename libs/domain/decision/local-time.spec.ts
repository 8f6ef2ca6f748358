import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { formatDay, localDay, localHour, localWeekday, parseDay, zoneOffset } from './local-time.js';

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns'];

describe('local time', () => {
  it('is what luxon says, in any zone, in any order of asking', () => {
    const offsets = new Map(zones.map((zone) => [zone, zoneOffset(zone)] as const));
    const times = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2040, 0, 1) });
    fc.assert(
      fc.property(fc.constantFrom(...zones), times, (zone, time) => {
        const offset = offsets.get(zone)!;
        const expected = DateTime.fromMillis(time, { zone });
        expect(localHour(time, offset)).toBe(expected.hour);
        expect(localWeekday(time, offset)).toBe(expected.weekday);
        expect(formatDay(localDay(time, offset))).toBe(expected.toISODate());
      }),
      { numRuns: 300 },
    );
  });

  it('changes on the instant of a change of the clocks', () => {
    const berlin = zoneOffset('Europe/Berlin');
    const change = Date.UTC(2026, 9, 25, 1);
    expect([change - 1, change, change - 1].map((time) => localHour(time, berlin))).toEqual([2, 2, 2]);
    expect([change - 1, change].map((time) => berlin(time) / 3_600_000)).toEqual([2, 1]);
    // Until 2006 Newfoundland changed one minute after midnight, within a quarter of an hour.
    const newfoundland = zoneOffset('America/St_Johns');
    const odd = Date.UTC(2005, 3, 3, 3, 31);
    expect([odd - 1, odd].map((time) => newfoundland(time) / 60_000)).toEqual([-210, -150]);
  });

  it('reads days of the calendar only', () => {
    expect(parseDay('1970-01-02')).toBe(1);
    expect(parseDay('2026-02-28')).toBe(parseDay('2026-03-01')! - 1);
    for (const text of ['2026-02-30', '2026-13-01', '2026-1-1', '2026-11-23T00:00:00Z', '']) expect(parseDay(text)).toBeUndefined();
  });

  it('refuses an unknown zone', () => expect(() => zoneOffset('Mars/Olympus')).toThrow(RangeError));
});
