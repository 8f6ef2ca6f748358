/** A window of time that ends with the build: whole days of the client's zone, the build's day the last, or exact hours. */
export interface Window {
  readonly count: number;
  readonly unit: 'days' | 'hours';
}

/** Ten years. */
export const windowDaysMax = 3660;
export const windowHoursMax = windowDaysMax * 24;

/** `30d`, `6h`; undefined for anything else. */
export function parseWindow(text: unknown): Window | undefined {
  const match = typeof text === 'string' ? /^([1-9]\d{0,5})([dh])$/.exec(text) : null;
  if (match === null) return undefined;
  const count = Number(match[1]);
  const unit = match[2] === 'd' ? 'days' : 'hours';
  return count <= (unit === 'days' ? windowDaysMax : windowHoursMax) ? { count, unit } : undefined;
}
