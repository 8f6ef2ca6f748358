export interface ViewColumn {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  readonly expression: string;
  /** The expression has the type already. */
  readonly isThatType?: true;
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
  return { name, type, comment, expression: `f.\`${name}\``, isThatType: true };
}

/** A text that is empty in the table when it is absent. */
export function orNull(name: string, type: string, comment: string): ViewColumn {
  return { name, type, comment, expression: `nullIf(f.\`${name}\`, '')` };
}

/**
 * A setting of the client of `f`, from a small map of all clients, so that the query needs no join and a condition on client_id reaches the facts.
 * `otherwise` (SQL): for a client that is not registered; the type's empty value when absent.
 */
export function settingOfClient(setting: string, otherwise?: string): string {
  const map = `(SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.${setting})) FROM clients AS c)`;
  return otherwise === undefined ? `${map}[f.client_id]` : `if(mapContains(${map}, f.client_id), ${map}[f.client_id], ${otherwise})`;
}

export function createView({ name, comment, columns, from }: ViewDefinition): string {
  const heads = columns.map((column) => `  \`${column.name}\` ${column.type} COMMENT ${quoted(column.comment)}`);
  // ClickHouse documents the types of a view's columns, but hands out what the query yields.
  const values = columns.map(
    (column) => `  ${column.isThatType ? column.expression : `CAST(${column.expression} AS ${column.type})`} AS \`${column.name}\``,
  );
  return `CREATE OR REPLACE VIEW ${name}\n(\n${heads.join(',\n')}\n)\nAS SELECT\n${values.join(',\n')}\n${from}\nCOMMENT ${quoted(comment)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
