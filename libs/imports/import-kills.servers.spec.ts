import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCodec } from '#libs/domain';
import { openFileLog } from '#libs/event-log/file';
import { System, until, vitrine } from '../../test/system.js';

/** Kills of the processes that import, at seeded moments; what they report and leave in the log is what an unbroken run does. */
const seed = Number(process.env['SEED'] ?? 20261123);
const random = (() => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
})();

const rows = 40_000;
const time = { column: 'at', format: 'epoch_s' };
const mapping = {
  format: 'csv',
  rows: [
    {
      when: { column: 'kind', equals: 'v' },
      type: 'Product Viewed',
      customerId: 'who',
      time,
      messageId: ['id'],
      properties: { product_id: 'what' },
    },
    {
      when: { column: 'kind', equals: 'o' },
      type: 'Order Completed',
      customerId: 'who',
      time,
      collectBy: 'id',
      messageId: ['id', 'who'],
      properties: { order_id: 'id', products: [{ product_id: 'what', price: 'cost' }] },
    },
  ],
};

/** Views with repeats, lines of orders that lie apart, rows without a customer, rows that no rule takes. */
function file(): string {
  const lines = ['kind,id,who,at,what,cost'];
  for (let n = 0; n < rows; n++) {
    const kind = n % 97 === 0 ? 'x' : n % 10 === 0 ? 'o' : 'v';
    const id = kind === 'o' ? `o${n % 700}` : `m${n % 31 === 0 ? n - 31 : n}`;
    lines.push(`${kind},${id},${n % 53 === 0 ? '' : `c${n % 300}`},${1_772_000_000 + n},p${n % 90},${n % 7}.5`);
  }
  return `${lines.join('\n')}\n`;
}

describe(`imports under kills, seed ${seed}`, () => {
  let system: System;
  let folder: string;
  let wanted: Record<string, unknown>;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-import-kills-'));
    writeFileSync(at('rows.csv'), file());
    writeFileSync(at('map.json'), JSON.stringify(mapping));
    system = await System.start();
    for (const clientId of ['whole', 'broken', 'cut']) {
      await system.command('registerClient', 'RegisterClientInput!', { clientId, name: clientId, timeZone: 'UTC', currency: 'USD' });
    }
    const { code, stdout, stderr } = await vitrine(['import', '--client', 'whole', '--map', at('map.json'), at('rows.csv')], system.env);
    if (code !== 0) throw new Error(stderr);
    const { status, read, imported, duplicate, rejected, skipped } = JSON.parse(stdout) as Record<string, unknown>;
    wanted = { status, read, imported, duplicate, rejected, skipped };
  });
  afterAll(async () => {
    await system.dispose();
    rmSync(folder, { recursive: true });
  });

  /** How often each message of a client stands in the log, as [messages, events]. */
  async function inTheLog(clientId: string): Promise<[number, number]> {
    const log = await openFileLog({ folder: join(system.data, 'log'), readOnly: true });
    const messages = new Set<unknown>();
    let events = 0;
    for await (const event of log.readAll({ after: null, filter: { categories: ['behaviour'] } })) {
      if (event.metadata.clientId !== clientId) continue;
      events++;
      messages.add(event.data['messageId']);
    }
    await log.close();
    return [messages.size, events];
  }

  it('of the whole system, while it imports', async () => {
    const response = await fetch(`${system.admin}/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.adminKey}` },
      body: file(),
    });
    const { uploadId } = (await response.json()) as { uploadId: string };
    const started = await system.command(
      'startImport',
      'StartImportInput!',
      { clientId: 'broken', uploadId, mapping },
      'import { importId }',
    );
    const { importId } = started.import;
    const state = async () =>
      (await system.ask('query ($id: ID!) { import(importId: $id) { status read imported duplicate rejected skipped } }', { id: importId }))
        .import;
    for (let kill = 1; kill <= 4; kill++) {
      const after = Math.floor(rows * 0.2 * (kill - random()));
      await until(`${after} rows imported`, 60_000, async () => {
        const { status, imported } = await state();
        return status !== 'RUNNING' || imported >= after;
      });
      await system.kill();
      await system.restart();
    }
    await until('the import is done', 120_000, async () => (await state()).status !== 'RUNNING');
    expect(await state()).toEqual(wanted);
    const [messages, events] = await inTheLog('broken');
    expect([messages, events]).toEqual(await inTheLog('whole'));
    expect(events).toBe(messages);
  });

  it('of the command line, which a start of the system goes on with', async () => {
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('../../bin/vitrine.mjs', import.meta.url)),
        'import',
        '--client',
        'cut',
        '--map',
        at('map.json'),
        at('rows.csv'),
      ],
      { env: { ...process.env, ...system.env }, stdio: 'ignore' },
    );
    const ended = once(child, 'close');
    const after = Math.floor(random() * 10_000);
    await until(`${after} events of the command line`, 60_000, async () => (await inTheLog('cut'))[1] >= after);
    child.kill('SIGKILL');
    await ended;
    await system.stop();
    await system.restart();
    const outcome = async () => {
      const log = await openFileLog({ folder: join(system.data, 'log'), readOnly: true });
      let found: object | undefined;
      for await (const event of log.readAll({ after: null, filter: { types: ['RecordsImported'] } })) {
        if (event.metadata.clientId === 'cut')
          found = importCodec.decode({ type: event.type, schema: event.metadata.schema, data: event.data });
      }
      await log.close();
      return found;
    };
    await until('the import is done', 120_000, async () => (await outcome()) !== undefined);
    const { status: _, ...counts } = wanted;
    expect(await outcome()).toMatchObject(counts);
    const [messages, events] = await inTheLog('cut');
    expect([messages, events]).toEqual(await inTheLog('whole'));
  });
});
