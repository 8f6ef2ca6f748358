import type { QueryParams } from './statement-form.js';

const listBytesMax = 100_000;

/** Values on their way into a statement: each becomes `{pN:Type}`, so that nothing of a user's ever stands in SQL. Equal values share a parameter. */
export class Parameters {
  private readonly byValue = new Map<string, string>();
  private readonly byName: Record<string, unknown> = {};

  /** The placeholder to write into the statement. `type` is the program's own text. */
  add(type: string, value: string | readonly string[]): string {
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

  /** An array of texts. A long one is several parameters: ClickHouse takes at most 128 KiB of each. */
  texts(values: readonly string[]): string {
    const pieces: string[] = [];
    let piece: string[] = [];
    let bytes = 0;
    for (const value of values) {
      // Every byte may be escaped.
      const size = 4 + 2 * Buffer.byteLength(value);
      if (bytes + size > listBytesMax) {
        pieces.push(this.add('Array(String)', piece));
        [piece, bytes] = [[], 0];
      }
      piece.push(value);
      bytes += size;
    }
    pieces.push(this.add('Array(String)', piece));
    return pieces.length === 1 ? (pieces[0] ?? '') : `arrayConcat(${pieces.join(', ')})`;
  }

  /** What stands behind IN. ClickHouse makes a set of an array that is written out or selected, and finds its ranges of the primary key; not of a computed one. */
  set(values: readonly string[], type: 'String' | 'Decimal(38, 4)' | 'Int64' | 'UInt64' = 'String'): string {
    const array = this.texts(values);
    if (type !== 'String') return `(SELECT CAST(arrayJoin(${array}), '${type}'))`;
    return array.startsWith('{') ? array : `(SELECT arrayJoin(${array}))`;
  }

  /** The hashes of customer ids or message keys, behind IN. */
  hashes(values: readonly string[]): string {
    return `(SELECT xxHash64(arrayJoin(${this.texts(values)})))`;
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
