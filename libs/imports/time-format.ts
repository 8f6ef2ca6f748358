import { inRange, localMillis, millisOf, parseRfc3339 } from '#libs/domain';
import { LocalTimes } from './time-zone.js';

/** Milliseconds since 1970, or undefined when the text is no such time. */
export type ReadTime = (text: string) => number | undefined;

const isoLocal = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?$/;
const isoOffset = /^(.*\d)(?:([Zz])|([+-])(\d\d):?(\d\d)?)$/;
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

/**
 * `epoch_ms`, `epoch_s`, `iso`, or a pattern. Patterns have Unicode's letters (UTS 35), those of numbers with leading zeros when doubled:
 * yyyy yy MM M dd d HH H hh h mm m ss s, S… (fraction), MMM and MMMM (English), a (AM/PM), Z XX XXX (an offset: +0200, +02:00, Z); text within
 * '…' and other characters stand for themselves. Times without an offset are read in the time zone, or in UTC when the pattern ends in the literal 'UTC'.
 */
export function compileTimeFormat(format: string, timeZone: string): ReadTime | { readonly error: string } {
  if (format === 'epoch_ms') return (text) => epoch(text, 1);
  if (format === 'epoch_s') return (text) => epoch(text, 1000);
  const zone = new LocalTimes(timeZone);
  if (format === 'iso') return (text) => readIso(text, zone);
  const pattern = parsePattern(format);
  if ('error' in pattern) return pattern;
  const utc = /'UTC'$/.test(format);
  const { steps } = pattern;
  return (text) => {
    const fields = new Fields();
    let at = 0;
    for (const step of steps) {
      at = step(text, at, fields);
      if (at < 0) return undefined;
    }
    if (at !== text.length) return undefined;
    const local = fields.local();
    if (local === undefined) return undefined;
    return inRange(fields.offset !== undefined ? local - fields.offset : utc ? local : zone.toUtc(local));
  };
}

function epoch(text: string, unitMs: number): number | undefined {
  if (!/^-?\d{1,14}(\.\d{1,9})?$/.test(text)) return undefined;
  // The nearest microsecond first: 1433221332.117 × 1000 is a little less than the milliseconds it names.
  return inRange(Math.floor(Math.round(Number(text) * unitMs * 1000) / 1000));
}

/** RFC 3339; also ISO 8601 with a short or no offset (then in the zone), without seconds, or a date alone (its midnight). */
function readIso(text: string, zone: LocalTimes): number | undefined {
  const exact = parseRfc3339(text);
  if (exact !== undefined) return exact;
  if (text.length > 64) return undefined;
  const withOffset = text.length > 10 ? isoOffset.exec(text) : null;
  const parts = isoLocal.exec(withOffset?.[1] ?? text);
  if (parts === null || (withOffset !== null && parts[4] === undefined)) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = parts;
  const local = localMillis(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), millisOf(fraction));
  if (local === undefined) return undefined;
  if (withOffset === null) return inRange(zone.toUtc(local));
  const offset = offsetMs(withOffset[3], withOffset[4] ?? '0', withOffset[5] ?? '0');
  return offset === undefined ? undefined : inRange(local - offset);
}

function offsetMs(sign: string | undefined, hours: string, minutes: string): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -size : size;
}

class Fields {
  year = 1970;
  month = 1;
  day = 1;
  hour = 0;
  minute = 0;
  second = 0;
  millis = 0;
  afternoon: boolean | undefined = undefined;
  offset: number | undefined = undefined;

  local(): number | undefined {
    let hour = this.hour;
    if (this.afternoon !== undefined) {
      if (hour < 1 || hour > 12) return undefined;
      hour = (hour % 12) + (this.afternoon ? 12 : 0);
    }
    return localMillis(this.year, this.month, this.day, hour, this.minute, this.second, this.millis);
  }
}

/** Reads at a place of the text; answers the place after it, or -1. */
type Step = (text: string, at: number, fields: Fields) => number;
type NumberField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

const numberLetters: Readonly<Record<string, NumberField>> = { M: 'month', d: 'day', H: 'hour', h: 'hour', m: 'minute', s: 'second' };

function parsePattern(format: string): { readonly steps: readonly Step[] } | { readonly error: string } {
  const steps: Step[] = [];
  const seen = new Set<string>();
  for (let at = 0; at < format.length; ) {
    const letter = format.charAt(at);
    if (letter === "'") {
      const quoted = readQuoted(format, at);
      if (quoted === undefined) return { error: 'has a quote that does not end' };
      steps.push(literal(quoted.text));
      at = quoted.end;
      continue;
    }
    if (!/[A-Za-z]/.test(letter)) {
      steps.push(literal(letter));
      at++;
      continue;
    }
    let end = at + 1;
    while (format.charAt(end) === letter) end++;
    const step = letterStep(letter, end - at);
    if (step === undefined) return { error: `has "${format.slice(at, end)}", which is no known field (write text as '…')` };
    steps.push(step);
    seen.add(letter);
    at = end;
  }
  if (!seen.has('y') || !seen.has('M') || !seen.has('d'))
    return { error: 'must be epoch_ms, epoch_s, iso, or a pattern with year, month and day' };
  if (seen.has('h') !== seen.has('a')) return { error: 'needs h and a together' };
  return { steps };
}

/** `''` is one quote, within quotes too. */
function readQuoted(format: string, start: number): { text: string; end: number } | undefined {
  if (format.startsWith("''", start)) return { text: "'", end: start + 2 };
  let text = '';
  for (let at = start + 1; at < format.length; at++) {
    if (format.charAt(at) !== "'") text += format.charAt(at);
    else if (format.charAt(at + 1) === "'") {
      text += "'";
      at++;
    } else return { text, end: at + 1 };
  }
  return undefined;
}

function letterStep(letter: string, count: number): Step | undefined {
  if (letter === 'y') return count === 4 ? digits('year', 4, 4) : count === 2 ? twoDigitYear : undefined;
  if (letter === 'S') return fraction(count);
  if (letter === 'M' && count > 2) return count === 3 ? monthName(months) : count === 4 ? monthName(monthNames) : undefined;
  if (letter === 'a' && count === 1) return halfOfDay;
  if ((letter === 'Z' && count <= 3) || (letter === 'X' && count <= 3) || (letter === 'x' && count <= 3)) return offset;
  const field = numberLetters[letter];
  return field === undefined || count > 2 ? undefined : digits(field, count, 2);
}

function literal(text: string): Step {
  return (given, at) => (given.startsWith(text, at) ? at + text.length : -1);
}

function digits(field: NumberField, min: number, max: number): Step {
  return (text, start, fields) => {
    let at = start;
    let value = 0;
    while (at - start < max) {
      const digit = text.charCodeAt(at) - 48;
      // NaN past the end fails both comparisons, so it is written to be caught.
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at++;
    }
    if (at - start < min) return -1;
    fields[field] = value;
    return at;
  };
}

const twoDigits = digits('year', 2, 2);
const twoDigitYear: Step = (text, start, fields) => {
  const at = twoDigits(text, start, fields);
  // As POSIX strptime: 69–99 are of the 20th century.
  fields.year += fields.year < 69 ? 2000 : 1900;
  return at;
};

function fraction(count: number): Step {
  return (text, at, fields) => {
    const given = text.slice(at, at + count);
    if (given.length !== count || !/^\d+$/.test(given)) return -1;
    fields.millis = millisOf(given);
    return at + count;
  };
}

function monthName(names: readonly string[]): Step {
  return (text, at, fields) => {
    const lower = text.slice(at, at + 9).toLowerCase();
    const index = names.findIndex((name) => lower.startsWith(name));
    if (index < 0) return -1;
    fields.month = index + 1;
    return at + (names[index]?.length ?? 0);
  };
}

const halfOfDay: Step = (text, at, fields) => {
  const half = text.slice(at, at + 2).toUpperCase();
  if (half !== 'AM' && half !== 'PM') return -1;
  fields.afternoon = half === 'PM';
  return at + 2;
};

const offsetForm = /^(?:[Zz]|([+-])(\d\d):?(\d\d)?)/;
const offset: Step = (text, at, fields) => {
  const parts = offsetForm.exec(text.slice(at, at + 6));
  if (parts === null) return -1;
  const ms = offsetMs(parts[1], parts[2] ?? '0', parts[3] ?? '0');
  if (ms === undefined) return -1;
  fields.offset = ms;
  return at + parts[0].length;
};
