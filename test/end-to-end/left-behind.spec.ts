import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { System, until } from '../system.js';

describe('a process that comes back under another name', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start({ VITRINE_NODE: 'one' });
    await system.command('registerClient', 'RegisterClientInput!', { clientId: 'golf', name: 'Golf' });
  });
  afterAll(() => system?.dispose());

  it('forwards what it had taken in under the old one, once', async () => {
    const batch = Array.from({ length: 200 }, (_, index) => ({
      type: 'Page Viewed',
      messageId: `m${index}`,
      customerId: 'ann',
      properties: {},
    }));
    await system.behave('golf', batch);
    await system.kill();
    const left = join(system.data, 'spool', 'one');
    expect(existsSync(left)).toBe(true);
    await system.restart({ VITRINE_NODE: 'two' });
    const seen = async () => Number((await system.select("SELECT count() AS n FROM behaviour WHERE customer_id = 'ann'"))[0].n);
    await until('all are in the tables', 15_000, async () => (await seen()) === batch.length);
    expect(existsSync(left)).toBe(false);
  });
});
