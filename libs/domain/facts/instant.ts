/** Earliest and latest time of an event that the tables can hold (ClickHouse's DateTime64(3)): 1900-01-01 to the end of 2299. */
export const instantMin = Date.UTC(1900, 0, 1);
export const instantMax = Date.UTC(2300, 0, 1) - 1;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** An RFC 3339 time as milliseconds since 1970, digits beyond milliseconds cut off; undefined for anything else, and outside 1900–2299. */
export function parseRfc3339(text: string): number | undefined {
  if (text.length > 64) return undefined;
  const parts = rfc3339.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = parts;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const local = localMillis(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), millisOf(fraction));
  if (local === undefined) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  return inRange(sign === '-' ? local + offset : local - offset);
}

/** A calendar date and time as if in UTC, in milliseconds; undefined when there is no such date or time (leap seconds too). */
export function localMillis(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  millis: number,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day > 28 && day > daysIn(year, month)) return undefined;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  // Date.UTC takes the years 0 to 99 as 1900 to 1999.
  return year < 100 ? undefined : time;
}

/** `12` → 120, `1239` → 123: the first three digits after the point. */
export function millisOf(fraction: string): number {
  return fraction === '' ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
}

export function inRange(time: number): number | undefined {
  return time >= instantMin && time <= instantMax ? time : undefined;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
