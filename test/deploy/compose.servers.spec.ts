import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { accountStatements } from '#libs/analytics/schema';
import { describeSettings, readSettings } from '#libs/settings';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vitrine-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly (string | { readonly published: number; readonly target: number })[];
  readonly networks: Readonly<Record<string, unknown>>;
  readonly healthcheck?: unknown;
  readonly volumes?: readonly string[];
}

/** The file as docker-compose has understood it, with what `.env.example` makes of its variables. */
function compose(): { services: Record<string, Service>; networks: Record<string, { internal?: boolean }> } {
  const env = join(folder, 'env');
  writeFileSync(env, execFileSync(process.execPath, ['tools/compose-env.mjs'], { cwd: root }));
  const yaml = execFileSync('docker-compose', ['--env-file', env, 'config'], { cwd: root, env: { PATH: process.env['PATH'] } });
  // docker-compose of Debian 12 is a Python program, and its parser is there with it.
  const json = execFileSync('/usr/bin/python3', ['-c', 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'], {
    input: yaml,
  });
  return JSON.parse(json.toString());
}

describe('docker-compose.yml', () => {
  const { services, networks } = compose();
  const ours = Object.entries(services).filter(([, { image, command }]) => image === 'vitrine' && command?.[0]?.startsWith('dist/'));

  it('is refused without its secrets, which the tool makes', () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '');
    const { status, stderr } = spawnSync('docker-compose', ['--env-file', empty, 'config', '-q'], {
      cwd: root,
      env: { PATH: process.env['PATH'] },
    });
    expect(status).not.toBe(0);
    expect(stderr.toString()).toContain('node tools/compose-env.mjs > .env');
    expect(read('.env.example')).toMatch(/^VITRINE_SECRET=$/m);
  });

  it('runs every app that is a process of its own', () => {
    const apart = readdirSync(join(root, 'apps')).filter(
      (app) => existsSync(join(root, 'apps', app, 'main.ts')) && !['cli', 'standalone'].includes(app),
    );
    expect([...new Set(ours.map(([, { command }]) => command?.[0]))].sort()).toEqual(apart.map((app) => `dist/apps/${app}/main.js`).sort());
    expect(ours.filter(([name]) => name.startsWith('query-'))).toHaveLength(2);
  });

  it('names settings that exist, with values that they take', () => {
    // Beside our own, what Node takes.
    const known = new Set([...describeSettings({}).map(({ name }) => name), 'UV_THREADPOOL_SIZE']);
    for (const [name, { environment = {} }] of ours) {
      expect([name, Object.keys(environment).filter((setting) => !known.has(setting))]).toEqual([name, []]);
      expect(readSettings(environment).VITRINE_NODE).toBe(name);
    }
    const bound = Object.keys(services['edge']?.environment ?? {});
    expect(bound.sort()).toEqual([...new Set(read('deploy/haproxy/haproxy.cfg').match(/(?<="\$)VITRINE_\w+/g))].sort());
  });

  it('publishes the edge, and the admin on this host alone', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => `${name} ${typeof port === 'string' ? port : `${port.published}:${port.target}/tcp`}`),
    );
    expect(published.sort()).toEqual(['admin 127.0.0.1:8081:8081/tcp', 'edge 8080:8080/tcp']);
    expect(networks['inside']?.internal).toBe(true);
    const reachOut = Object.entries(services).filter(([, service]) => Object.keys(service.networks).some((name) => name !== 'inside'));
    expect(reachOut.map(([name]) => name).sort()).toEqual(['admin', 'edge']);
  });

  it('watches over every service, and keeps what has to outlive a container', () => {
    for (const [name, { healthcheck, volumes }] of Object.entries(services)) {
      if (name !== 'nats-users') expect([name, healthcheck !== undefined]).toEqual([name, true]);
      if (services[name]?.image === 'vitrine') expect([name, volumes?.some((volume) => volume.includes(':/data'))]).toEqual([name, true]);
    }
  });

  it('gives ClickHouse’s user the rights that the apps need and no more', () => {
    const statements = accountStatements('vitrine', '$APPS_PASSWORD', 'vitrine').map((statement) => `${statement};`);
    const script = /<<SQL\n([\s\S]*)\nSQL\n/.exec(read('deploy/docker/clickhouse-init.sh'))?.[1]?.split('\n');
    expect(script).toEqual(statements);
  });

  it('gives each process a user of NATS of its own, which users.mjs makes', () => {
    const [script = ''] = services['nats-users']?.command ?? [];
    const made = [...script.matchAll(/"([\w-]+):\$\$(\w+)=/g)].map(([, user]) => user);
    expect(made.sort()).toEqual(ours.map(([name]) => name).sort());
    for (const [name, { environment }] of ours) expect(new URL(environment?.['VITRINE_SNAPSHOTS'] ?? '').username).toBe(name);
    const out = execFileSync('sh', ['-c', script.replaceAll('$$', '$').replace(/ > .*$/, '')], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...services['nats-users']?.environment, PATH: process.env['PATH'] },
    });
    mkdirSync(join(folder, 'users'));
    writeFileSync(join(folder, 'users', 'users.conf'), out);
    // `-t` reads the whole configuration and ends; sync_interval is of 2.10, later than Debian's.
    const config = read('deploy/docker/nats.conf').replace(/ +sync_interval.*\n/, '');
    writeFileSync(join(folder, 'nats.conf'), config);
    expect(spawnSync('nats-server', ['-t', '-c', join(folder, 'nats.conf')]).status).toBe(0);
  });
});
