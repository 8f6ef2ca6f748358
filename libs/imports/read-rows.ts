import { CsvReader } from './csv.js';
import { JsonLinesReader } from './json-lines.js';
import type { ImportMapping } from './mapping.js';
import { type CompiledRule, compileRules, type ReadRow, readRow } from './read-row.js';
import { readText } from './source.js';
import { isFault, type RejectReason, type TableReader, type TableRow } from './table.js';

/** What became of one row. */
export type FileRow =
  | { readonly kind: 'read'; readonly line: number; readonly row: TableRow; readonly read: ReadRow }
  | { readonly kind: 'skipped'; readonly line: number }
  | { readonly kind: 'rejected'; readonly line: number; readonly reason: RejectReason; readonly message: string };

/**
 * A file's rows, judged by the mapping, in batches as the file is read.
 * @throws MissingColumns, SourceUnreadable
 */
export async function* readRows(
  path: string,
  mapping: ImportMapping,
  currency: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly FileRow[]> {
  const table: TableReader = mapping.format === 'csv' ? new CsvReader(mapping) : new JsonLinesReader();
  let rules: readonly CompiledRule[] | undefined;
  const judge = (piece: string, last: boolean): readonly FileRow[] =>
    table.feed(piece, last).map((row): FileRow => {
      const { line } = row;
      if (isFault(row)) return { kind: 'rejected', line, reason: row.reason, message: row.message };
      rules ??= compileRules(mapping, table);
      const outcome = readRow(rules, row, currency);
      if (outcome === 'skipped') return { kind: 'skipped', line };
      return 'reason' in outcome ? { kind: 'rejected', line, ...outcome } : { kind: 'read', line, row, read: outcome };
    });
  for await (const piece of readText(path, mapping.encoding, signal)) yield judge(piece, false);
  yield judge('', true);
}
