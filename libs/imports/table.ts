import type { JsonLike } from '#libs/domain';

/**
 * Why a row is not imported. The first six are the contract's; `size`: a row, or the event that rows become together, past its limit;
 * `properties`: names or types that an event cannot have (JSON lines only).
 */
export const rejectReasons = ['columns', 'customer', 'id', 'time', 'number', 'currency', 'size', 'properties'] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** One row's cells in the order of the columns, or a JSON line's members. */
export type Cells = readonly string[] | { readonly [name: string]: JsonLike };

export interface TableRow {
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** As it stands in the file, without the line's end. */
  readonly text: string;
  readonly cells: Cells;
}

export interface TableFault {
  readonly line: number;
  readonly reason: RejectReason;
  /** Never has a cell's content in it. */
  readonly message: string;
}

/** What a cell says; undefined: the column is empty or absent. */
export type ReadCell = (cells: Cells) => JsonLike | undefined;

/** Reads a text given in pieces, cut anywhere. */
export interface TableReader {
  /** The rows that end in what has been fed so far; `last` says that nothing follows. */
  feed(piece: string, last: boolean): readonly (TableRow | TableFault)[];
  /** How to read a column, or what is wrong with its name. Asked once the first row was read. */
  column(name: string): ReadCell | { readonly error: string };
}

/** The longest row, in characters; a longer one is rejected and skipped. */
export const rowLengthMax = 512 * 1024;

export function isFault(row: TableRow | TableFault): row is TableFault {
  return 'reason' in row;
}
