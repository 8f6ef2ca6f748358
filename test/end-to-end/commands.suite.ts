import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Deployment, until, vitrine } from '../system.js';

/** The command line, beside a running system and on a stopped one. */
export function commandsSuite(deployment: () => Deployment): void {
  describe('vitrine', () => {
    // A log that is not ours alone may know earlier runs.
    const clientId = `golf-${randomBytes(6).toString('hex')}`;
    let system: Deployment;
    let folder: string;
    let mapping: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'vitrine-commands-'));
      mapping = join(folder, 'map.json');
      const row = {
        type: 'Product Viewed',
        customerId: 'who',
        time: { column: 'at', format: 'iso' },
        messageId: ['id'],
        properties: { product_id: 'what' },
      };
      writeFileSync(mapping, JSON.stringify({ format: 'csv', header: true, rows: [row] }));
      system = deployment();
      await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf' });
      await system.command('defineSegment', 'DefineSegmentInput!', {
        clientId,
        segmentId: 'viewers',
        name: 'Viewers',
        criteria: { field: 'views.count', op: 'gte', value: 1 },
      });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const views = async () => Number((await system.select(`SELECT count() AS n FROM behaviour WHERE client_id = '${clientId}'`))[0].n);
    const csv = (from: number, count: number) =>
      `id,who,at,what\n${Array.from({ length: count }, (_, index) => `v${from + index},ann-${(from + index) % 7},2026-03-01T10:00:00Z,p${index}`).join('\n')}\n`;

    it('imports a file beside the running system, once however often', async () => {
      const file = join(folder, 'views.csv.gz');
      writeFileSync(file, gzipSync(`${csv(0, 500)}x,,2026-03-01T10:00:00Z,p1\nshort\n`));
      const rejects = join(folder, 'rejects.jsonl');
      const first = await vitrine(['import', '--client', clientId, '--map', mapping, '--rejects', rejects, file], system.env);
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(first.stdout)).toMatchObject({ status: 'DONE', read: 502, imported: 500, duplicate: 0, rejected: 2, skipped: 0 });
      expect(
        readFileSync(rejects, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        { line: 502, reason: 'customer' },
        { line: 503, reason: 'columns' },
      ]);
      await until('the rows are in the tables', 20_000, async () => (await views()) === 500);
      const again = await vitrine(['import', '--client', clientId, '--map', mapping, file], system.env);
      expect(JSON.parse(again.stdout)).toMatchObject({ status: 'DONE', imported: 0, duplicate: 500, rejected: 2 });
      expect(await views()).toBe(500);
    });

    it('imports from standard input', async () => {
      const ended = await vitrine(['import', '--client', clientId, '--map', mapping, '-'], system.env, Buffer.from(csv(490, 20)));
      expect(JSON.parse(ended.stdout)).toMatchObject({ read: 20, imported: 10, duplicate: 10 });
    });

    it('says in one line what cannot be imported', async () => {
      const cases: [string[], RegExp][] = [
        [['--client', 'nobody', '--map', mapping, '-'], /there is no client nobody/],
        [['--client', clientId, '--map', join(folder, 'absent.json'), '-'], /the mapping .* cannot be read/],
        [['--client', clientId, '--map', mapping, join(folder, 'absent.csv')], /there is no file/],
      ];
      for (const [args, message] of cases) {
        const ended = await vitrine(['import', ...args], system.env, Buffer.from(csv(0, 1)));
        expect({ code: ended.code, lines: ended.stderr.trim().split('\n') }).toEqual({ code: 1, lines: [expect.stringMatching(message)] });
      }
    });

    it('makes, lists and revokes keys that the running system knows at once', async () => {
      const made = await vitrine(['key', 'create', '--client', clientId, '--name', 'the shop'], system.env);
      expect(made.code).toBe(0);
      const key = made.stdout.trim();
      const asked = () => system.graphql('query ($c: ID!) { client(clientId: $c) { name } }', { c: clientId }, { key });
      await until('the key is known', 5_000, async () => (await asked()).data?.client?.name === 'Golf');
      const listed = await vitrine(['key', 'list'], system.env);
      expect(listed.stdout).toContain('the shop');
      expect(listed.stdout).not.toContain(key.slice(-43));
      const keyId = listed.stdout
        .split('\n')
        .find((line) => line.includes('the shop'))
        ?.split('\t')[0] as string;
      expect((await vitrine(['key', 'revoke', keyId], system.env)).code).toBe(0);
      await until('the key is no key', 5_000, async () => (await asked()).errors !== undefined);
      expect(await vitrine(['key', 'create', '--client', 'nobody'], system.env)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('nobody'),
      });
    });

    it('reads the log, filtered, and verifies it', async () => {
      const read = await vitrine(['log', 'read', '--categories', 'client,segment'], system.env);
      expect(read).toMatchObject({ code: 0, stderr: '' });
      const events = read.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(events.filter(({ metadata }) => metadata.clientId === clientId).map(({ type }) => type)).toEqual([
        'ClientRegistered',
        'SegmentDefined',
      ]);
      const behaviour = await vitrine(['log', 'read', '--types', 'ProductViewed', '--max', '3'], system.env);
      expect(behaviour.stdout.trim().split('\n')).toHaveLength(3);
      const verified = await vitrine(['log', 'verify'], system.env);
      if (system.env['VITRINE_EVENT_LOG']?.startsWith('esdb') === true) {
        expect(verified).toMatchObject({ code: 1, stderr: expect.stringContaining('EventStoreDB verifies its own') });
      } else {
        expect(verified).toMatchObject({ code: 0 });
        expect(JSON.parse(verified.stdout)).toMatchObject({ problemCount: 0 });
      }
    });

    it('builds snapshots on demand', async () => {
      const ended = await vitrine(['snapshot', 'build', '--client', clientId, ...system.adminArguments], system.env);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^audience of golf-\w+: .*\nplaybook of golf-\w+: /) });
      const { segment } = await system.ask('query ($c: ID!) { segment(clientId: $c, segmentId: "viewers") { size } }', { c: clientId });
      expect(segment.size).toBe(7);
    });

    it('rebuilds the tables to the same rows', async () => {
      const rows = () => system.select(`SELECT * FROM behaviour WHERE client_id = '${clientId}' ORDER BY log_position`);
      const before = await rows();
      const ended = await vitrine(['projections', 'rebuild'], system.env);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('all tables are made anew') });
      expect(await rows()).toEqual(before);
    });

    it('imports into a stopped system, which shows it after its start', async () => {
      await system.stop();
      const ended = await vitrine(['import', '--client', clientId, '--map', mapping, '-'], system.env, Buffer.from(csv(1000, 30)));
      expect(JSON.parse(ended.stdout)).toMatchObject({ imported: 30 });
      await system.restart();
      await until('the rows are in the tables', 20_000, async () => (await views()) === 540);
    });
  });
}
