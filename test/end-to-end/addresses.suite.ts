import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectAnswersByItsWay } from '../fast-path.js';
import { type Deployment, everywhere, System, until, vitrine } from '../system.js';

/** E-mail addresses come in by every way that takes them; none stands in clear in the data folder or in any table. Stops the deployment. */
export function addressesSuite(deployment: () => Deployment): void {
  describe('an e-mail address', () => {
    // A log that is not ours alone may know earlier runs.
    const clientId = `golf-${randomBytes(6).toString('hex')}`;
    /** Part of every address that is sent, and of nothing else. */
    const mark = 'vierwaldstaetter';
    const address = (who: string) => `${who}.${mark}@post.example`;
    const headers = 'who,at,mail,total\n';
    let system: Deployment;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'vitrine-addresses-'));
      system = deployment();
      await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf' });
      await system.command('defineSegment', 'DefineSegmentInput!', {
        clientId,
        segmentId: 'reachable',
        name: 'Reachable',
        criteria: { field: 'email.known', op: 'eq', value: true },
      });
      await system.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId: 'home', name: 'Home' });
      const { position } = await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'home' });
      await system.live(clientId, position, 'PLAYBOOK');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('makes its customer one with an address, whatever way it came', async () => {
      const item = (who: string, type: string, properties: object) => ({ type, messageId: `m-${who}`, customerId: who, properties });
      const outcome = await system.behave(
        clientId,
        [
          item('ordered', 'Order Completed', { order_id: 'o1', total: 5, email: address('ordered') }),
          item('given', 'Email Provided', { email: address('given') }),
          item('updated', 'Customer Updated', { email: address('updated'), plan: 'gold' }),
          item('nested', 'Checkout Started', { billing: { contacts: [{ Email: address('nested') }] } }),
          item('listed', 'Order Completed', { products: [{ product_id: 'p1', price: 1, EMAIL: address('listed') }] }),
          item('viewed', 'Page Viewed', { url: `https://shop.example/in?email=${encodeURIComponent(address('viewed'))}` }),
          item('searched', 'Products Searched', { query: address('searched') }),
          item('contacted', 'Customer Updated', { contact: address('contacted'), others: [address('other')] }),
          // Refused, with the address in what is refused.
          item('refused', 'Order Completed', { total: 'much', email: address('refused') }),
          item('x'.repeat(65), 'Email Provided', { email: address('endless') }),
        ],
        { key: system.adminKey, wait: true },
      );
      expect(outcome).toMatchObject({ accepted: 8, rejected: [{ index: 8 }, { index: 9 }] });
      const answer = await system.decide(clientId, 'home', {
        c: 'asked',
        u: `https://shop.example/?to=${address('asked')}`,
        'x.mail': address('asked'),
      });
      expect(answer).toMatchObject({ customerId: 'asked' });
      expect(JSON.stringify(outcome)).not.toContain(mark);

      const row = { customerId: 'who', time: { column: 'at', format: 'iso' } };
      const mapping = {
        format: 'csv',
        header: true,
        rows: [
          {
            ...row,
            when: { column: 'total', matches: '.+' },
            type: 'Order Completed',
            properties: { email: 'mail', total: 'total' },
          },
          { ...row, type: 'Email Provided', properties: { email: 'mail' } },
        ],
      };
      const csv = (name: string) =>
        `${headers}${name}-bought,2026-03-01T10:00:00Z,${address(name)},7\n${name}-gave,2026-03-01T10:00:00Z,${address(name)},\n` +
        `${name}-wrong,2026-03-01T10:00:00Z,${address(name)},seven\n${name}-never,${address(name)},${address(name)},\n${address(name)}\n`;
      writeFileSync(join(folder, 'map.json'), JSON.stringify(mapping));
      writeFileSync(join(folder, 'people.csv'), csv('file'));
      const imported = await vitrine(
        ['import', '--client', clientId, '--map', join(folder, 'map.json'), join(folder, 'people.csv')],
        system.env,
      );
      expect(imported.stderr).toBe('');
      expect(JSON.parse(imported.stdout)).toMatchObject({ status: 'DONE', imported: 2, rejected: 3 });
      expect(imported.stdout + imported.stderr).not.toContain(mark);
      const piped = await vitrine(
        ['import', '--client', clientId, '--map', join(folder, 'map.json'), '-'],
        system.env,
        Buffer.from(csv('pipe')),
      );
      expect(JSON.parse(piped.stdout)).toMatchObject({ status: 'DONE', imported: 2, rejected: 3 });

      const faulty = { ...mapping, rows: [{ ...row, type: 'Email Received', properties: { email: 'mail' } }] };
      writeFileSync(join(folder, 'faulty.json'), JSON.stringify(faulty));
      const refused = await vitrine(
        ['import', '--client', clientId, '--map', join(folder, 'faulty.json'), join(folder, 'people.csv')],
        system.env,
      );
      expect(refused.code).toBe(1);

      const known = async () =>
        (await system.select(`SELECT customer_id AS id FROM customers WHERE client_id = '${clientId}' AND email_known ORDER BY id`)).map(
          ({ id }) => id,
        );
      // Deeper in the properties it may be anybody's; it is sealed all the same.
      const everyone = ['file-bought', 'file-gave', 'given', 'ordered', 'pipe-bought', 'pipe-gave', 'updated'];
      await until('all are known by an address', 20_000, async () => (await known()).length >= everyone.length);
      expect(await known()).toEqual(everyone);
    });

    it('stands nowhere in clear: not in the tables, not in the log, the spool or any other file', async () => {
      const tables = (await system.select("SELECT name FROM system.tables WHERE database = 'vitrine' ORDER BY name")).map(
        ({ name }) => name as string,
      );
      await until('the answer is in the tables', 10_000, async () => {
        return (
          (await system.select(`SELECT decision_id FROM content_served WHERE client_id = '${clientId}' AND customer_id = 'asked'`))
            .length === 1
        );
      });
      expect(tables).toEqual(expect.arrayContaining(['behaviour', 'customers', 'orders']));
      for (const table of tables) {
        const rows = JSON.stringify(await system.select(`SELECT * FROM \`${table}\``));
        expect([table, rows.includes(mark)]).toEqual([table, false]);
      }
      const events = await vitrine(['log', 'read', '--categories', 'behaviour,served'], system.env);
      expect(events.stdout).toContain('email_sealed');
      expect(events.stdout).not.toContain(mark);

      // Behind the proxy this one query may come over a connection that `/health/ready` has given to Node's server; the loop asks many.
      if (system instanceof System || everywhere['VITRINE_FAST_PATH'] === 'off') await expectAnswersByItsWay(system);
      // With what a running system has on its disk, and then with what is left when it has ended.
      expect(filesWith(system.data, mark)).toEqual([]);
      await system.stop();
      expect(filesWith(system.data, mark)).toEqual([]);
      // The search finds what is there.
      writeFileSync(join(system.data, 'planted'), `…${address('planted')}…`);
      expect(filesWith(system.data, mark)).toEqual([join(system.data, 'planted')]);
      expect(system.printed + system.complaints).not.toContain(mark);
    });
  });

  /** The files below a folder whose bytes hold the text. What is gone before it can be read, as ClickHouse's merges leave it, holds nothing. */
  function filesWith(folder: string, text: string): string[] {
    const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
    return entries.flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesWith(path, text);
      return entry.isFile() && ifThere(() => readFileSync(path))?.includes(text) ? [path] : [];
    });
  }
}

function ifThere<Found>(read: () => Found): Found | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
