import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { open } from 'lmdb';
import type { CustomerKeys } from '../customer-keys.js';
import { customerKeysContract } from '../testing/customer-keys.contract.js';
import { fragments } from '../wrapping.js';
import { openEmbeddedCustomerKeys } from './embedded-customer-keys.js';

const secret = 'a secret of the tests';

customerKeysContract('embedded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-keys-'));
  const keys = await openEmbeddedCustomerKeys({ folder, secret });
  return {
    keys,
    again: () => openEmbeddedCustomerKeys({ folder, secret }),
    async dispose() {
      await keys.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe('embedded customer keys', () => {
  let folder: string;
  let keys: CustomerKeys;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-keys-'));
    keys = await openEmbeddedCustomerKeys({ folder, secret });
  });
  afterEach(async () => {
    await keys.close();
    await rm(folder, { recursive: true });
  });

  it('has the same keys after a restart', async () => {
    const made = await keys.obtain('golf', 'ann');
    await keys.close();
    keys = await openEmbeddedCustomerKeys({ folder, secret });
    expect(Buffer.from((await keys.find('golf', 'ann')) as Uint8Array)).toEqual(Buffer.from(made));
  });

  it('refuses another secret at once, and does not lose the keys by it', async () => {
    const made = await keys.obtain('golf', 'ann');
    await keys.close();
    await expect(openEmbeddedCustomerKeys({ folder, secret: 'another' })).rejects.toMatchObject({ code: 'WRONG_SECRET' });
    keys = await openEmbeddedCustomerKeys({ folder, secret });
    expect(Buffer.from((await keys.find('golf', 'ann')) as Uint8Array)).toEqual(Buffer.from(made));
  });

  it('says in one error that the folder cannot be used', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(openEmbeddedCustomerKeys({ folder: join(file, 'keys'), secret })).rejects.toMatchObject({
      code: 'CUSTOMER_KEYS_UNAVAILABLE',
    });
  });

  it('has no key in clear on the disk, and nothing of a wrapped one after it was erased', async () => {
    const customers = Array.from({ length: 300 }, (_, n) => `customer-${n}`);
    const made = await Promise.all(customers.map((customer) => keys.obtain('golf', customer)));
    const erased = [customers[3], customers[150], customers[299]] as string[];
    const root = open({ path: folder, overlappingSync: false });
    const rows = root.openDB<Buffer, [string, string]>({ name: 'keys', encoding: 'binary' });
    const left = erased.flatMap((customer) => fragments(rows.get(['golf', customer]) as Buffer));
    await root.close();
    const before = await readFile(join(folder, 'data.mdb'));
    for (const fragment of left) expect(before.includes(fragment)).toBe(true);
    for (const key of made) expect(before.includes(Buffer.from(key))).toBe(false);

    for (const customer of erased) expect(await keys.erase('golf', customer)).toBe(true);
    const after = await readFile(join(folder, 'data.mdb'));
    for (const fragment of left) expect(after.includes(fragment)).toBe(false);
    for (const [index, customer] of customers.entries()) {
      const found = await keys.find('golf', customer);
      expect(found && Buffer.from(found)).toEqual(erased.includes(customer) ? null : Buffer.from(made[index] as Uint8Array));
    }
  });
});
