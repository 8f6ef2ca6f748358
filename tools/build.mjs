/** Compiles apps, libs and tests into dist/ with the native TypeScript compiler (incremental, so a second run costs little), and bundles the tag. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
// One classic script without a global of its own, for the browsers of the last five years: docs/adr/0030-the-tag.md.
await build({
  absWorkingDir: root,
  entryPoints: ['libs/tag/browser/tag.ts'],
  outfile: 'dist/libs/tag/tag.js',
  tsconfig: 'libs/tag/tsconfig.json',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2020',
  charset: 'utf8',
  logLevel: 'warning',
});

const { status } = spawnSync(process.execPath, ['node_modules/typescript7/bin/tsc', '-p', 'tsconfig.json'], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
