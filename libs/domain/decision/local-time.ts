/** Milliseconds to add to UTC for the local time of a zone at an instant. */
export type ZoneOffset = (time: number) => number;

// Zones of today change their offset on the minute, nearly always on a quarter of an hour.
const blockMs = 15 * 60_000;

/**
 * The offsets of an IANA time zone. `Intl` costs tens of microseconds a call, so the offset of the current quarter of an hour is kept;
 * only a quarter in which the offset changes is asked for every time.
 * @throws RangeError for an unknown zone.
 */
export function zoneOffset(timeZone: string): ZoneOffset {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const exactly = (time: number): number => {
    const whole = Math.floor(time / 1000) * 1000;
    const at: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(whole)) at[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = at;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };

  let block = Number.NaN;
  let offset = 0;
  return (time) => {
    const asked = Math.floor(time / blockMs);
    if (asked === block) return offset;
    const first = exactly(asked * blockMs);
    if (first !== exactly((asked + 1) * blockMs - 1)) return exactly(time);
    block = asked;
    offset = first;
    return offset;
  };
}

const dayMs = 86_400_000;

/** Whole days since 1970-01-01 in local time. */
export function localDay(time: number, offset: ZoneOffset): number {
  return Math.floor((time + offset(time)) / dayMs);
}

/** 0–23. */
export function localHour(time: number, offset: ZoneOffset): number {
  const local = time + offset(time);
  return Math.floor((local - Math.floor(local / dayMs) * dayMs) / 3_600_000);
}

/** 1–7, Monday is 1: the first of January 1970 was a Thursday. */
export function localWeekday(time: number, offset: ZoneOffset): number {
  const shifted = localDay(time, offset) + 3;
  return shifted - Math.floor(shifted / 7) * 7 + 1;
}

/** `2026-11-23` → days since 1970-01-01; undefined for anything else, also for days that no calendar has. */
export function parseDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const time = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(text) ? undefined : time / dayMs;
}

/** Days since 1970-01-01 → `2026-11-23`. */
export function formatDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
