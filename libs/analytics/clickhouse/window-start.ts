import { DateTime } from 'luxon';
import { instantMin, parseWindow } from '#libs/domain';

/**
 * When a window that ends with the build begins, in milliseconds since 1970: `6h` exactly that long ago; `30d` at the first moment of the local
 * day 29 days before the build's day. An event of exactly that time is within.
 */
export function windowStart(text: string, asOf: Date, timeZone: string): number {
  const window = parseWindow(text);
  if (window === undefined) throw new Error(`${text} is no window: criteria were not checked`);
  const start =
    window.unit === 'hours'
      ? asOf.getTime() - window.count * 3_600_000
      : DateTime.fromJSDate(asOf, { zone: timeZone })
          .startOf('day')
          .minus({ days: window.count - 1 })
          .startOf('day')
          .toMillis();
  return Math.max(start, instantMin);
}
