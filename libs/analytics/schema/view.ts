export interface ViewColumn {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  readonly expression: string;
}

export interface ViewDefinition {
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly ViewColumn[];
  /** What follows the columns: `FROM …`. Tables are given an alias, so that a column is never taken for the name of an expression. */
  readonly from: string;
}

/** A column as it stands in the table or subquery with the alias `f`. */
export function same(name: string, type: string, comment: string): ViewColumn {
  return { name, type, comment, expression: `f.\`${name}\`` };
}

/** A text that is empty in the table when it is absent. */
export function orNull(name: string, type: string, comment: string): ViewColumn {
  return { name, type, comment, expression: `nullIf(f.\`${name}\`, '')` };
}

export function createView({ name, comment, columns, from }: ViewDefinition): string {
  const heads = columns.map((column) => `  \`${column.name}\` ${column.type} COMMENT ${quoted(column.comment)}`);
  const values = columns.map((column) => `  ${column.expression} AS \`${column.name}\``);
  return `CREATE OR REPLACE VIEW ${name}\n(\n${heads.join(',\n')}\n)\nAS SELECT\n${values.join(',\n')}\n${from}\nCOMMENT ${quoted(comment)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
