import { type Cells, type ReadCell, rowLengthMax, type TableFault, type TableReader, type TableRow } from './table.js';

export interface CsvOptions {
  readonly delimiter: string;
  readonly quote: string | null;
  readonly header: boolean;
  readonly columns: readonly string[] | null;
}

/** After so many cells whose quote never ends, no cell of the file may span lines any more: each costs a search for its end. */
export const unclosedQuotesMax = 1000;

/**
 * Reads CSV of any delimiter as spreadsheets and Python's csv module do: a quote counts at a cell's beginning only, a doubled one within is one,
 * text after the closing one belongs to the cell. Lines end in LF, CRLF or (throughout) CR; empty lines are no rows. An own reader, because
 * a bad line must cost that line only: a quote that does not end within `rowLengthMax` rejects its line, and reading goes on with the next.
 */
export class CsvReader implements TableReader {
  private buffer = '';
  private at = 0;
  private line = 1;
  private names: readonly string[] | null;
  private width: number | undefined;
  private lineEnd: '\n' | '\r' | undefined;
  private skipping = false;
  private unclosed = 0;
  private delimiterAt = -1;
  private delimiterSoughtFrom = 0;

  constructor(private readonly options: CsvOptions) {
    this.names = options.columns;
    this.width = options.columns?.length;
  }

  feed(piece: string, last: boolean): readonly (TableRow | TableFault)[] {
    this.buffer = this.at < this.buffer.length ? this.buffer.slice(this.at) + piece : piece;
    this.at = 0;
    this.delimiterAt = -1;
    if (this.lineEnd === undefined) {
      // A CR at the very end may be half of a CRLF.
      if (!last && !/[\n]|\r[^\n]/.test(this.buffer) && this.buffer.length < rowLengthMax) return [];
      this.lineEnd = !this.buffer.includes('\n') && this.buffer.includes('\r') ? '\r' : '\n';
    }
    const rows: (TableRow | TableFault)[] = [];
    for (;;) {
      const row = this.next(last, this.lineEnd);
      if (row === 'more') return rows;
      if (row !== 'nothing') rows.push(row);
    }
  }

  column(name: string): ReadCell | { readonly error: string } {
    const index = this.names === null ? Number(name) - 1 : this.names.indexOf(name);
    const known = this.names ?? Array.from({ length: this.width ?? 0 }, (_, each) => String(each + 1));
    if (this.names === null ? !known.includes(name) : index < 0) {
      return { error: `there is no column ${JSON.stringify(name)}; the columns are ${describeNames(known)}` };
    }
    if (this.names !== null && this.names.indexOf(name, index + 1) >= 0)
      return { error: `more than one column is called ${JSON.stringify(name)}` };
    return (cells: Cells) => {
      const cell = (cells as readonly string[])[index];
      return cell === '' ? undefined : cell;
    };
  }

  private next(last: boolean, lineEnd: string): TableRow | TableFault | 'nothing' | 'more' {
    const start = this.at;
    const found = this.buffer.indexOf(lineEnd, start);
    if (this.skipping) {
      if (found < 0) this.at = this.buffer.length;
      if (found < 0) return 'more';
      this.skipping = false;
      this.advance(found + 1);
      return 'nothing';
    }
    if (found < 0 && !last) {
      if (this.buffer.length - start <= rowLengthMax) return 'more';
      this.skipping = true;
      return this.tooLong();
    }
    if (start >= this.buffer.length) return 'more';
    const end = found < 0 ? this.buffer.length : found;
    if (end - start > rowLengthMax) {
      const fault = this.tooLong();
      this.advance(end + 1);
      return fault;
    }
    const text = this.buffer.slice(start, this.buffer.charCodeAt(end - 1) === 13 && end > start ? end - 1 : end);
    if (text === '') {
      this.advance(end + 1);
      return 'nothing';
    }
    const { quote, delimiter } = this.options;
    if (quote === null || !text.includes(quote)) {
      const line = this.line;
      this.advance(end + 1);
      return this.row(line, text, text.split(delimiter));
    }
    return this.quotedRow(start, end, last, quote, lineEnd);
  }

  private quotedRow(
    start: number,
    firstEnd: number,
    last: boolean,
    quote: string,
    lineEnd: string,
  ): TableRow | TableFault | 'nothing' | 'more' {
    const parsed = this.parseCells(start, firstEnd, last, quote, lineEnd);
    const line = this.line;
    if (parsed !== undefined) {
      this.line += parsed.lines;
      this.at = Math.min(parsed.end + 1, this.buffer.length);
      return this.row(line, this.buffer.slice(start, trimCr(this.buffer, start, parsed.end)), parsed.cells);
    }
    if (!last && this.unclosed < unclosedQuotesMax && this.buffer.length - start <= rowLengthMax) return 'more';
    this.unclosed++;
    this.advance(firstEnd + 1);
    return { line, reason: 'columns', message: 'a quoted cell does not end' };
  }

  /** The cells from `start` to the row's end, over several lines where quotes say so; undefined when a quoted cell does not end in reach. */
  private parseCells(
    start: number,
    firstEnd: number,
    last: boolean,
    quote: string,
    lineEnd: string,
  ): { cells: string[]; end: number; lines: number } | undefined {
    const { buffer } = this;
    const { delimiter } = this.options;
    const reach = Math.min(buffer.length, this.unclosed < unclosedQuotesMax ? start + rowLengthMax : firstEnd);
    const cells: string[] = [];
    let end = firstEnd;
    let lines = 1;
    for (let at = start; ; ) {
      let cell = '';
      if (buffer.charAt(at) === quote) {
        let from = at + 1;
        for (;;) {
          const close = buffer.indexOf(quote, from);
          if (close < 0 || close >= reach) return undefined;
          cell += buffer.slice(from, close);
          from = close + 1;
          if (buffer.charAt(from) !== quote) break;
          cell += quote;
          from++;
        }
        while (end < from) {
          const next = buffer.indexOf(lineEnd, end + 1);
          end = next < 0 ? buffer.length : next;
          lines++;
        }
        if (end === buffer.length && !last) return undefined;
        at = from;
      }
      const stop = this.delimiterFrom(at);
      if (stop < end) {
        cells.push(cell + buffer.slice(at, stop));
        at = stop + delimiter.length;
        continue;
      }
      cells.push(cell + buffer.slice(at, trimCr(buffer, at, end)));
      return { cells, end, lines };
    }
  }

  /** Remembered, so that a file with few delimiters is not searched to its end for every row. */
  private delimiterFrom(at: number): number {
    if (this.delimiterAt < at || this.delimiterSoughtFrom > at) {
      this.delimiterSoughtFrom = at;
      const found = this.buffer.indexOf(this.options.delimiter, at);
      this.delimiterAt = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.delimiterAt;
  }

  private row(line: number, text: string, cells: string[]): TableRow | TableFault | 'nothing' {
    if (this.options.header && this.names === null) {
      this.names = cells;
      this.width = cells.length;
      return 'nothing';
    }
    this.width ??= cells.length;
    if (cells.length === this.width) return { line, text, cells };
    return { line, reason: 'columns', message: `${cells.length} columns, where there are ${this.width}` };
  }

  private tooLong(): TableFault {
    return { line: this.line, reason: 'size', message: `a row of more than ${rowLengthMax} characters` };
  }

  private advance(to: number): void {
    this.at = Math.min(to, this.buffer.length);
    this.line++;
  }
}

function trimCr(text: string, start: number, end: number): number {
  return end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
}

function describeNames(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 60)));
  return names.length > shown.length ? `${shown.join(', ')}, … (${names.length})` : shown.join(', ') || 'none';
}
