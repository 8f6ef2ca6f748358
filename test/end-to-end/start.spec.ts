import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { System, vitrine } from '../system.js';

/** What goes wrong at a start is said in one clear line each, with exit code 1. */
describe('a start that cannot be', () => {
  const folders: string[] = [];
  let server: Server | undefined;
  let system: System | undefined;
  afterEach(async () => {
    await system?.dispose();
    system = undefined;
    server?.close();
    server = undefined;
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'vitrine-start-'));
    folders.push(made);
    return made;
  };
  const free = { VITRINE_EDGE_PORT: '0', VITRINE_ADMIN_PORT: '0', VITRINE_ANALYTICS_PORT: '0', VITRINE_ANALYTICS_NATIVE_PORT: '0' };
  const lines = (text: string) => text.trim().split('\n');

  it('names an unknown setting and a malformed one', async () => {
    const ended = await vitrine(['start'], {
      ...free,
      VITRINE_DATA: folder(),
      VITRINE_EDGE_PROT: '8080',
      VITRINE_INCREMENT_SECONDS: 'often',
    });
    expect(ended.code).toBe(1);
    expect(lines(ended.stderr)).toEqual([
      expect.stringContaining('VITRINE_EDGE_PROT: unknown setting'),
      expect.stringContaining('VITRINE_INCREMENT_SECONDS: "often" is not a whole number'),
    ]);
  });

  it('names a folder that cannot be written', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const ended = await vitrine(['start'], { ...free, VITRINE_DATA: join(file, 'data') });
    expect(ended.code).toBe(1);
    expect(lines(ended.stderr)).toEqual([expect.stringMatching(/^vitrine: VITRINE_DATA: .* is not a folder that can be written/)]);
    chmodSync(file, 0o600);
  });

  it.each(['VITRINE_EDGE_PORT', 'VITRINE_ADMIN_PORT', 'VITRINE_ANALYTICS_PORT', 'VITRINE_ANALYTICS_NATIVE_PORT'])(
    'names the port of %s when it is taken',
    async (setting) => {
      const taken = createServer();
      server = taken;
      const port = await new Promise<number>((resolve) =>
        taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
      );
      const ended = await vitrine(['start'], { ...free, VITRINE_DATA: folder(), [setting]: String(port) });
      expect(ended.code).toBe(1);
      expect(lines(ended.stderr)).toEqual([expect.stringMatching(new RegExp(`^vitrine: ${setting}: port ${port} is (taken|in use)`))]);
    },
  );

  it('names an event that a newer version wrote, and where it stands', async () => {
    const data = folder();
    const log = await openFileLog({ folder: join(data, 'log') });
    const metadata = { schema: 2, clientId: 'golf', actor: 'system' };
    await log.append('segment-golf.a', [{ id: randomUUID(), type: 'SegmentDefined', data: {}, metadata }], 'noStream');
    await log.close();
    const ended = await vitrine(['start'], { ...free, VITRINE_DATA: data });
    expect(ended.code).toBe(1);
    expect(ended.stdout).toBe('');
    expect(lines(ended.stderr)).toEqual([
      'vitrine: the event at position 1 in segment-golf.a cannot be read: SegmentDefined of schema 2: this version reads 1 to 1',
    ]);
  });

  it('says who uses the folder already', async () => {
    system = await System.start();
    const ended = await vitrine(['start'], { ...free, VITRINE_DATA: system.data });
    expect(ended.code).toBe(1);
    expect(lines(ended.stderr)).toEqual([`vitrine: ${system.data} is in use by process ${system.pid}`]);
    expect((await fetch(`${system.edge}/health/ready`)).status).toBe(200);
  });
});
