/** Compiles apps, libs and tests into dist/ with the native TypeScript compiler (incremental, so a second run costs little), and bundles the tag. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { minifySync } from '@swc/core';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
bundleTag();
const { status } = spawnSync(process.execPath, ['node_modules/typescript7/bin/tsc', '-p', 'tsconfig.json'], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);

/** One classic script without a global of its own, for the browsers of the last five years: docs/adr/0030-the-tag.md. */
function bundleTag() {
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: ['libs/tag/browser/tag.ts'],
    tsconfig: 'libs/tag/tsconfig.json',
    bundle: true,
    minifySyntax: true,
    format: 'iife',
    target: 'es2020',
    charset: 'utf8',
    logLevel: 'warning',
    write: false,
  });
  // 4 % smaller than by esbuild's own minifier.
  const { code } = minifySync(outputFiles[0].text, {
    // What gzips best; no function of the tag has a `this` or is called with `new`.
    compress: { ecma: 2020, toplevel: true, passes: 2, sequences: false, unsafe_arrows: true, unsafe_methods: true },
    mangle: { toplevel: true },
    ecma: 2020,
  });
  mkdirSync(`${root}dist/libs/tag`, { recursive: true });
  writeFileSync(`${root}dist/libs/tag/tag.js`, code);
}
