/**
 * One step from the tables of one version to the next. Its statements run in order, each once; each must also do no harm when it runs
 * a second time (`IF NOT EXISTS`, `OR REPLACE`), because a kill may come between a statement and its record.
 * An applied migration is never edited: a later one corrects it.
 */
export interface Migration {
  /** From 1, without gaps. */
  readonly version: number;
  /** Kebab-case, for people. */
  readonly name: string;
  /** ClickHouse DDL; tables are named without their database, which is the connection's. */
  readonly statements: readonly string[];
}
