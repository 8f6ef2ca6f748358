/**
 * Prints what an administrator of a ClickHouse server runs to make the user of the apps, with the rights that it needs and no more:
 * `node tools/clickhouse-grants.mjs <user> [database]` (`npm run build` first). With `--cluster` they are for each shard's server; with `--reader`
 * it is a user for people, who may read and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const compiled = new URL('../dist/libs/analytics/schema/index.js', import.meta.url);
const usage = 'usage: node tools/clickhouse-grants.mjs <user> [database] [--cluster | --reader]';
const { positionals, values } = read();
const [user, database = 'vitrine', ...rest] = positionals;
if (user === undefined || rest.length > 0) end(usage, 2);
if (!existsSync(compiled)) end('dist/ is not there: run `npm run build` first', 1);
const { accountStatements, readerStatements } = await import(compiled.href);
const password = randomBytes(18).toString('base64url');
for (const statement of statements()) console.log(`${statement};`);
if (!values.reader) {
  const hosts = values.cluster ? '<host of shard 1>:8443,<host of shard 2>:8443' : '<host>:8443';
  console.log(`-- then: VITRINE_ANALYTICS=https://${user}:${password}@${hosts}/${database}`);
  if (values.cluster) console.log('--       VITRINE_ANALYTICS_CLUSTER=<its name in remote_servers>');
}

function statements() {
  try {
    if (values.reader) return readerStatements(user, password, database);
    return accountStatements(user, password, database, values.cluster ? 'cluster' : 'server');
  } catch (error) {
    return end(error.message, 2);
  }
}

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: { cluster: { type: 'boolean' }, reader: { type: 'boolean' } } });
  } catch (error) {
    return end(`${error.message}\n${usage}`, 2);
  }
}

function end(message, code) {
  console.error(message);
  process.exit(code);
}
