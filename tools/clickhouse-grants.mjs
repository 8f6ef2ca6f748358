/**
 * Prints what an administrator of a ClickHouse server runs to make the user of the apps, with the rights that it needs and no more:
 * `node tools/clickhouse-grants.mjs <user> [database]` (`npm run build` first).
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/libs/analytics/schema/index.js', import.meta.url);
const [user, database = 'vitrine', ...rest] = process.argv.slice(2);
if (user === undefined || rest.length > 0) {
  console.error('usage: node tools/clickhouse-grants.mjs <user> [database]');
  process.exit(2);
}
if (!existsSync(compiled)) {
  console.error('dist/ is not there: run `npm run build` first');
  process.exit(1);
}
const { accountStatements } = await import(compiled.href);
const password = randomBytes(18).toString('base64url');
try {
  for (const statement of accountStatements(user, password, database)) console.log(`${statement};`);
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
console.log(`-- then: VITRINE_ANALYTICS=https://${user}:${password}@<host>:8443/${database}`);
