import type { JsonLike } from '#libs/domain';
import { type Cells, type ReadCell, rowLengthMax, type TableFault, type TableReader, type TableRow } from './table.js';

/** Strings (to be left alone), or numbers with more digits than a float keeps. */
const stringsAndNumbers = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const manyDigits = /\d{16}|\d\.\d{14}/;

/** Reads one JSON object per line; empty lines are no rows. A column is a member's name, or names joined by `.` for members of members. */
export class JsonLinesReader implements TableReader {
  private buffer = '';
  private line = 0;
  private skipping = false;

  feed(piece: string, last: boolean): readonly (TableRow | TableFault)[] {
    this.buffer += piece;
    const rows: (TableRow | TableFault)[] = [];
    let at = 0;
    for (;;) {
      const found = this.buffer.indexOf('\n', at);
      if (found < 0 && !last) break;
      const end = found < 0 ? this.buffer.length : found;
      if (found < 0 && at >= end) break;
      if (!this.skipping) this.take(this.buffer.slice(at, end), rows);
      this.skipping = false;
      at = end + 1;
    }
    this.buffer = this.buffer.slice(at);
    if (this.buffer.length > rowLengthMax) {
      if (!this.skipping) this.take(this.buffer, rows);
      this.skipping = true;
      this.buffer = '';
    }
    return rows;
  }

  column(name: string): ReadCell {
    const path = name.split('.');
    return (cells) => {
      const direct = member(cells, name);
      const value = direct !== undefined || path.length === 1 ? direct : path.reduce<JsonLike | undefined>(member, cells);
      return value === null || value === '' ? undefined : value;
    };
  }

  private take(given: string, rows: (TableRow | TableFault)[]): void {
    const line = ++this.line;
    if (given.length > rowLengthMax) {
      rows.push({ line, reason: 'size', message: `a row of more than ${rowLengthMax} characters` });
      return;
    }
    const text = given.trim();
    if (text === '') return;
    const cells = parseObject(text);
    rows.push(cells === undefined ? { line, reason: 'columns', message: 'not a JSON object' } : { line, text, cells });
  }
}

function member(holder: JsonLike | Cells | undefined, name: string): JsonLike | undefined {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return (holder as { readonly [name: string]: JsonLike })[name];
}

function parseObject(text: string): Cells | undefined {
  try {
    const value: unknown = JSON.parse(manyDigits.test(text) ? text.replace(stringsAndNumbers, keepDigits) : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Cells) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Ids of 19 digits are common; as numbers they would lose their last ones, so they are read as text. */
function keepDigits(token: string): string {
  return !token.startsWith('"') && manyDigits.test(token) && !/[eE]/.test(token) ? `"${token}"` : token;
}
