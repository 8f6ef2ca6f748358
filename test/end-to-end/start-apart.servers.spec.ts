import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { type NatsServerUnderTest, startNatsServer } from '#libs/nats/testing';
import { clean, collect, System, until } from '../system.js';

/** What goes wrong at the start of a process apart is said in one clear line, with exit code 1. */
describe('a process apart that cannot start', () => {
  const users = fileURLToPath(new URL('../../deploy/nats/users.mjs', import.meta.url));
  let system: System;
  let nats: NatsServerUnderTest;
  let taken: Server;
  let folder: string;
  let analytics: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-apart-'));
    const made = spawnSync(process.execPath, [users, 'node-1:pass=node', 'builder:pass=builder,leader'], { encoding: 'utf8' });
    nats = await startNatsServer({ config: made.stdout });
    taken = createServer().listen(0, '127.0.0.1');
    // For its ClickHouse, with the apps' user.
    system = await System.start();
    const { about } = JSON.parse(readFileSync(join(system.data, 'standalone.lock'), 'utf8')) as { about: { analytics: string } };
    analytics = `${about.analytics.replace(/\/$/, '')}/vitrine`;
  });
  afterAll(async () => {
    await system?.dispose();
    taken?.close();
    await nats?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const launch = (app: string, settings: Record<string, string>) => {
    const script = fileURLToPath(new URL(`../../dist/apps/${app}/main.js`, import.meta.url));
    const free = { VITRINE_EDGE_PORT: '0', VITRINE_ADMIN_PORT: '0', VITRINE_OPS_PORT: '0' };
    const base = { VITRINE_DATA: folder, VITRINE_SECRET: 'a secret of many characters', VITRINE_NODE: 'node-1', ...free };
    const child = spawn(process.execPath, [script], {
      env: clean({ ...base, VITRINE_ANALYTICS: analytics, ...settings }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { child, output: collect(child) };
  };
  const refusal = async (app: string, settings: Record<string, string>) => {
    const { child, output } = launch(app, settings);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, lines: output().stderr.trim().split('\n') };
  };
  const oneLine = (pattern: RegExp) => ({ code: 1, lines: [expect.stringMatching(pattern)] });
  const all = ['admin', 'projector', 'snapshot-builder', 'collector', 'content-query'];

  it.each(all)('%s names the secret that is missing, and an unknown setting', async (app) => {
    expect(await refusal(app, { VITRINE_SECRET: '' })).toEqual(oneLine(/^vitrine: VITRINE_SECRET is not set/));
    expect(await refusal(app, { VITRINE_EDGE_PROT: '1' })).toEqual(oneLine(/^vitrine: VITRINE_EDGE_PROT: unknown setting/));
  });

  it.each([
    ['collector', 'VITRINE_EDGE_PORT'],
    ['content-query', 'VITRINE_OPS_PORT'],
  ])('%s names the port of %s when it is taken', async (app, setting) => {
    const { port } = taken.address() as { port: number };
    expect(await refusal(app, { [setting]: String(port) })).toEqual(
      oneLine(new RegExp(`^vitrine: ${setting}: port ${port} is (taken|in use)`)),
    );
  });

  it.each(['projector', 'snapshot-builder', 'admin'])('%s says that ClickHouse refuses its user, or is away', async (app) => {
    const wrong = new URL(analytics);
    wrong.password = 'wrong';
    const refused = await refusal(app, { VITRINE_ANALYTICS: String(wrong) });
    expect(refused).toEqual(oneLine(/^vitrine: .*ClickHouse/));
    expect(refused.lines[0]).not.toContain('wrong');
    expect(await refusal(app, { VITRINE_ANALYTICS: 'http://apps:pass@127.0.0.1:9/vitrine' })).toEqual(oneLine(/^vitrine: .*ClickHouse/));
  });

  it.each(['content-query', 'collector'])('%s says that NATS refuses its user', async (app) => {
    const { code, lines } = await refusal(app, { VITRINE_SNAPSHOTS: nats.url.replace('nats://', 'nats://node-1:wrong@') });
    expect({ code, lines }).toEqual(oneLine(/^vitrine: NATS at .* refuses: /));
    expect(lines[0]).not.toContain('wrong@');
  });

  it('a node says when its NATS user bears another name, and goes on', async () => {
    const builder = launch('content-query', {
      VITRINE_NODE: 'node-2',
      VITRINE_SNAPSHOTS: nats.url.replace('nats://', 'nats://node-1:pass@'),
    });
    await until('the line', 20_000, () => builder.output().stderr.includes('acknowledge snapshots as node node-2'));
    await until('it runs', 20_000, () => builder.output().stdout.includes('"running"'));
    builder.child.kill('SIGTERM');
    const [code] = (await once(builder.child, 'close')) as [number | null];
    expect(code).toBe(0);
    expect(builder.output().stderr.match(/VITRINE_NODE have to have the same name/g)).toHaveLength(1);
  });

  it('an admin names an event that a newer version wrote, and where it stands', async () => {
    const log = join(folder, 'newer');
    const opened = await openFileLog({ folder: log });
    const metadata = { schema: 2, clientId: 'golf', actor: 'system' };
    await opened.append('segment-golf.a', [{ id: randomUUID(), type: 'SegmentDefined', data: {}, metadata }], 'noStream');
    await opened.close();
    const { code, lines } = await refusal('admin', { VITRINE_EVENT_LOG: `file:${log}`, VITRINE_ADMIN_KEY: 'key-of-the-admin-1234567890' });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/the event at position 1 in segment-golf\.a cannot be read: SegmentDefined of schema 2/)]);
  });
});
