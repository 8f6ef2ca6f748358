/**
 * What the user of the apps needs on a server, and no more: to read and write its database, to bring its tables to a newer version, and to fill
 * another database beside it when everything is read again from the log. Statements without `TO user`; for a cluster, on each of its servers.
 */
export function grantsFor(database: string, layout: 'server' | 'cluster' = 'server'): string[] {
  // Tables and views: the right to one of them is the right to the other.
  const use = 'SELECT, INSERT, CREATE TABLE, DROP TABLE';
  return [
    `GRANT ${use} ON ${database}.*`,
    // The databases that a rebuild makes, fills and drops; their tables change places with the live ones.
    `GRANT ${use}, CREATE DATABASE, DROP DATABASE ON ${database}_rebuild_*.*`,
    // Asked for only where the server is told to (`table_engines_require_grant`).
    'GRANT TABLE ENGINE ON Atomic',
    'GRANT TABLE ENGINE ON ReplacingMergeTree',
    ...(layout === 'cluster' ? ['GRANT TABLE ENGINE ON Distributed', 'GRANT SELECT ON system.clusters'] : []),
  ];
}

/** For people and their tools: reads the documented views and what lies beneath them. */
export function readerGrantsFor(database: string): string[] {
  return [`GRANT SELECT, SHOW ON ${database}.*`];
}

const plainName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * What an administrator of the server runs once, statement by statement: the database, the user of the apps, its rights.
 * @throws when a name is not of letters, digits and `_`.
 */
export function accountStatements(user: string, password: string, database: string, layout?: 'server' | 'cluster'): string[] {
  requirePlain(user, database);
  return [
    `CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`,
    `CREATE USER IF NOT EXISTS ${user} IDENTIFIED WITH sha256_password BY '${quotable(password)}'`,
    ...grantsFor(database, layout).map((grant) => `${grant} TO ${user}`),
  ];
}

/** The same for people who read: on a cluster, what a query joins is gathered from all shards first, which is right for every join. */
export function readerStatements(user: string, password: string, database: string): string[] {
  requirePlain(user, database);
  return [
    `CREATE USER IF NOT EXISTS ${user} IDENTIFIED WITH sha256_password BY '${quotable(password)}' SETTINGS readonly = 2, distributed_product_mode = 'global'`,
    ...readerGrantsFor(database).map((grant) => `${grant} TO ${user}`),
  ];
}

function requirePlain(...names: readonly string[]): void {
  for (const name of names) if (!plainName.test(name)) throw new Error(`${JSON.stringify(name)} is no name of letters, digits and _`);
}

function quotable(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
