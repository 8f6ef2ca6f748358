/**
 * Prints what an administrator of a ClickHouse server runs to make the user of the apps, with the rights that it needs and no more:
 * `node tools/clickhouse-grants.mjs <user> [database] [--cluster]` (`npm run build` first). With `--cluster` they are for each shard's server.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const compiled = new URL('../dist/libs/analytics/schema/index.js', import.meta.url);
const usage = 'usage: node tools/clickhouse-grants.mjs <user> [database] [--cluster]';
const { positionals, isCluster } = read();
const [user, database = 'vitrine', ...rest] = positionals;
if (user === undefined || rest.length > 0) end(usage, 2);
if (!existsSync(compiled)) end('dist/ is not there: run `npm run build` first', 1);
const { accountStatements } = await import(compiled.href);
const password = randomBytes(18).toString('base64url');
try {
  for (const statement of accountStatements(user, password, database, isCluster ? 'cluster' : 'server')) console.log(`${statement};`);
} catch (error) {
  end(error.message, 2);
}
const hosts = isCluster ? '<host of shard 1>:8443,<host of shard 2>:8443' : '<host>:8443';
console.log(`-- then: VITRINE_ANALYTICS=https://${user}:${password}@${hosts}/${database}`);

function read() {
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { cluster: { type: 'boolean' } } });
    return { positionals, isCluster: values.cluster === true };
  } catch (error) {
    return end(`${error.message}\n${usage}`, 2);
  }
}

function end(message, code) {
  console.error(message);
  process.exit(code);
}
