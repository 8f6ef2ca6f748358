import type { QueryParams } from './client.js';

/** Values on their way into a statement: each becomes `{pN:Type}`, so that nothing of a user's ever stands in SQL. Equal values share a parameter. */
export class Parameters {
  private readonly byValue = new Map<string, string>();
  private readonly byName: Record<string, unknown> = {};

  /** The placeholder to write into the statement. `type` is the program's own text. */
  add(type: string, value: string | number | boolean | readonly (string | number)[]): string {
    const key = `${type} ${JSON.stringify(value)}`;
    const known = this.byValue.get(key);
    if (known !== undefined) return known;
    const name = `p${this.byValue.size}`;
    this.byName[name] = value;
    const placeholder = `{${name}:${type}}`;
    this.byValue.set(key, placeholder);
    return placeholder;
  }

  text(value: string): string {
    return this.add('String', value);
  }

  texts(values: readonly string[]): string {
    return this.add('Array(String)', values);
  }

  /** Milliseconds since 1970, within 1900–2299. */
  time(at: number): string {
    return this.add("DateTime64(3, 'UTC')", clickHouseTime(at));
  }

  get all(): QueryParams {
    return this.byName;
  }
}

/** `2026-03-08 15:00:00.000` */
export function clickHouseTime(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}
