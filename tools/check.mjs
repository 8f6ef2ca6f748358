/** `npm run check`: types, format and lint, import direction, unused code, generated files. Each is run whatever the others say. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (path) => [process.execPath, `node_modules/${path}`];

const checks = [
  ['types', ...bin('typescript7/bin/tsc'), '-p', 'tsconfig.json', '--noEmit'],
  ['types of the tag', ...bin('typescript7/bin/tsc'), '-p', 'libs/tag/tsconfig.json'],
  ['format and lint', ...bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
  [
    'import direction',
    ...bin('dependency-cruiser/bin/dependency-cruise.mjs'),
    'apps',
    'libs',
    'test',
    '--config',
    '.dependency-cruiser.mjs',
  ],
  ['unused code', ...bin('knip/bin/knip.js')],
  ['build', process.execPath, 'tools/build.mjs'],
  ['GraphQL schema', process.execPath, 'tools/schema.mjs', '--check'],
  [
    'ClickHouse schema',
    process.execPath,
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    'libs/analytics/schema',
  ],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) {
    failed += 1;
    console.log(`${stdout}${stderr}`.trimEnd());
  }
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
