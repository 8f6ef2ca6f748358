/**
 * Exact decimals on BigInt, in ten-thousandths: what money, prices and quantities are everywhere between a request and ClickHouse's
 * Decimal(18, 4). No amount ever passes through a float.
 */

/** Digits after the point that are kept. */
export const decimalDigits = 4;
/** Digits before the point that are accepted (Decimal(18, 4) holds no more). */
const integerDigitsMax = 14;

const one = 10_000n;
const limit = 10n ** BigInt(integerDigitsMax + decimalDigits);
const form = new RegExp(`^(-?)(\\d{1,${integerDigitsMax}})(?:\\.(\\d+))?$`);

/**
 * A plain decimal, `-?digits[.digits]` with at most 14 digits before the point, as ten-thousandths; more than four digits after the point are
 * rounded half away from zero. Undefined for anything else, and for what rounds up to 15 digits.
 */
export function parseDecimal(text: string): bigint | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [, sign, integer = '', fraction = ''] = parts;
  let units = BigInt(integer + fraction.slice(0, decimalDigits).padEnd(decimalDigits, '0'));
  // Half away from zero depends on the first dropped digit only.
  if (fraction.length > decimalDigits && fraction.charCodeAt(decimalDigits) >= 0x35) units += 1n;
  if (units >= limit) return undefined;
  return sign === '-' ? -units : units;
}

/**
 * A JSON number or a string as ten-thousandths, or undefined. A JSON number is taken as the shortest decimal that names it, so `2.00005` is
 * 2.0001; it holds about 15 digits, more need a string.
 */
export function decimalOf(value: unknown): bigint | undefined {
  if (typeof value === 'string') return parseDecimal(value);
  return typeof value === 'number' ? parseDecimal(plainNumber(value)) : undefined;
}

/** Whether ten-thousandths fit Decimal(18, 4). */
export function isDecimal(units: bigint): boolean {
  return units < limit && units > -limit;
}

/** The shortest form, `12.5` or `-3`. */
export function decimalText(units: bigint): string {
  const text = moneyText(units);
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x30) end--;
  return text.slice(0, text.charCodeAt(end - 1) === 0x2e ? end - 1 : end);
}

/** With four digits after the point, `12.5000`: as money is shown and stored. */
export function moneyText(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(decimalDigits + 1, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -decimalDigits)}.${digits.slice(-decimalDigits)}`;
}

/** Ten-thousandths of a number of hundred-millionths (a product of two decimals, or a sum of such), rounded half away from zero. */
export function roundProduct(product: bigint): bigint {
  const size = product < 0n ? -product : product;
  const rounded = (size + one / 2n) / one;
  return product < 0n ? -rounded : rounded;
}

/** `1e-7` → `0.0000001`: a number without an exponent. */
export function plainNumber(value: number): string {
  const text = String(value);
  const e = text.indexOf('e');
  if (e < 0) return text;
  const exponent = Number(text.slice(e + 1));
  const negative = text.startsWith('-');
  const [integer = '', fraction = ''] = text.slice(negative ? 1 : 0, e).split('.');
  const digits = integer + fraction;
  const point = integer.length + exponent;
  const plain =
    point <= 0
      ? `0.${'0'.repeat(-point)}${digits}`
      : point >= digits.length
        ? digits + '0'.repeat(point - digits.length)
        : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return negative ? `-${plain}` : plain;
}
