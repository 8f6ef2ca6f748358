/** Writes `schema.graphql` from the compiled admin (`npm run build` first); with `--check` compares instead, and exits 1 when they differ. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import 'reflect-metadata';

const file = new URL('../schema.graphql', import.meta.url);
const compiled = new URL('../dist/libs/features/admin/schema.js', import.meta.url);

if (!existsSync(compiled)) {
  console.error('dist/ has no admin: run `npm run build` first');
  process.exit(1);
}
const { adminSchemaText } = await import(compiled.href);
const text = await adminSchemaText();
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error('schema.graphql is not what the admin serves: run `node tools/schema.mjs` and commit it');
  process.exit(1);
}
