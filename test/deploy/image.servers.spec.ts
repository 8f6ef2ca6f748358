import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clean, collect, until } from '../system.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vitrine-image-'));
const [building, image] = ['build', 'image'].map((name) => join(folder, name)) as [string, string];

/** Instructions after each FROM: `[word, rest]`. */
function stages(): [string, string][][] {
  const lines = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line));
  const found: [string, string][][] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^(\w+) (.*)$/.exec(line) ?? [];
    if (word === 'FROM') found.push([]);
    else found.at(-1)?.push([word, rest]);
  }
  return found;
}

/** What COPY does: a folder's content into a folder, a file to a name or into a folder. */
function copy(from: string, to: string, paths: readonly string[]): void {
  const target = paths.at(-1) as string;
  for (const path of paths.slice(0, -1)) {
    const source = join(from, path);
    const into = target.endsWith('/') && statSync(source).isFile() ? join(to, target, path) : join(to, target);
    cpSync(source, into, { recursive: true, verbatimSymlinks: true });
  }
}

const env = clean({ NODE_ENV: 'production', VITRINE_DATA: join(folder, 'data') });

describe('the image', () => {
  const [build = [], last = []] = stages();
  let child: ChildProcess | undefined;

  beforeAll(() => {
    mkdirSync(building);
    mkdirSync(image);
    for (const [word, rest] of build) {
      if (word === 'COPY') copy(root, building, rest.split(' '));
      // The builder's own environment has no NODE_ENV: npm ci takes development dependencies.
      if (word === 'RUN') execFileSync('sh', ['-c', rest], { cwd: building, stdio: 'pipe', env: clean({}) });
    }
    for (const [word, rest] of last) {
      if (word !== 'COPY') continue;
      if (rest.startsWith('--from=build ')) copy(building, image, rest.replace('--from=build ', '').replaceAll('/vitrine/', '').split(' '));
      else copy(root, image, rest.split(' '));
    }
    rmSync(building, { recursive: true, force: true });
  }, 300_000);

  afterAll(async () => {
    if (child?.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs as nobody in particular, and holds what production needs', () => {
    expect(last.at(-3)).toEqual(['USER', 'vitrine']);
    expect(last.at(-2)).toEqual(['ENTRYPOINT', '["node"]']);
    for (const tool of ['jest', 'typescript7', '@biomejs/biome', '@swc/core', 'knip'])
      expect(existsSync(join(image, 'node_modules', tool))).toBe(false);
    const compiled = readdirSync(join(image, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(compiled.filter((path) => /\.spec\.js$|(^|\/)testing(\/|$)/.test(path))).toEqual([]);
  });

  it('has every app, which says what it misses', () => {
    for (const app of readdirSync(join(root, 'apps')).filter((name) => existsSync(join(root, 'apps', name, 'main.ts')))) {
      if (app === 'cli' || app === 'standalone') continue;
      const { status, stderr } = spawnSync(process.execPath, [`dist/apps/${app}/main.js`], { cwd: image, env });
      expect([app, status, stderr.toString().trim()]).toEqual([
        app,
        1,
        'vitrine: VITRINE_SECRET is not set: the processes of one deployment share it, 16 characters or more',
      ]);
    }
    expect(spawnSync(process.execPath, ['dist/apps/cli/main.js', '--help'], { cwd: image, env }).status).toBe(0);
  });

  it('starts everything, with the embedded ClickHouse, and stops in order', async () => {
    const ports = { VITRINE_EDGE_PORT: '0', VITRINE_ADMIN_PORT: '0', VITRINE_ANALYTICS_PORT: '0', VITRINE_ANALYTICS_NATIVE_PORT: '0' };
    child = spawn(process.execPath, ['bin/vitrine.mjs', 'start'], {
      cwd: image,
      env: { ...env, ...ports },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = child;
    const output = collect(started);
    await until('it is running', 60_000, () => {
      if (started.exitCode !== null) throw new Error(output().stderr);
      return output().stdout.includes('Vitrine is running.');
    });
    started.kill('SIGTERM');
    await once(started, 'close');
    expect([started.exitCode, output().stderr]).toEqual([0, '']);
  });
});
