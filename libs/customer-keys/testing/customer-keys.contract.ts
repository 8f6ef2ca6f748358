import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CustomerKeys } from '../customer-keys.js';
import { openText, SealBroken, sealText } from '../seal.js';

export interface OpenedKeys {
  readonly keys: CustomerKeys;
  /** A second opener of the same store, as another process would be. */
  again(): Promise<CustomerKeys>;
  /** Closes whatever is open and removes what the test made. */
  dispose(): Promise<void>;
}

/** What every store of customers' keys does: one suite without options. The store may hold other keys. */
export function customerKeysContract(name: string, open: () => Promise<OpenedKeys>): void {
  describe(`customer keys: ${name}`, () => {
    let opened: OpenedKeys;
    let keys: CustomerKeys;
    const client = `c${randomUUID()}`;
    beforeAll(async () => {
      opened = await open();
      keys = opened.keys;
    });
    afterAll(() => opened.dispose());

    it('makes a key of 32 bytes once and gives the same ever after', async () => {
      expect(await keys.find(client, 'ann')).toBeNull();
      const made = await keys.obtain(client, 'ann');
      expect(made).toHaveLength(32);
      expect(Buffer.from(await keys.obtain(client, 'ann'))).toEqual(Buffer.from(made));
      expect(Buffer.from((await keys.find(client, 'ann')) as Uint8Array)).toEqual(Buffer.from(made));
    });

    it('keeps customers and clients apart', async () => {
      const made = await Promise.all([keys.obtain(client, 'x'), keys.obtain(client, 'y'), keys.obtain(`${client}2`, 'x')]);
      expect(new Set(made.map((key) => Buffer.from(key).toString('hex'))).size).toBe(3);
    });

    it('gives one key to many who ask at once, also through another opener', async () => {
      const other = await opened.again();
      const made = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? keys : other).obtain(client, 'bob')));
      expect(new Set(made.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
      await other.close();
    });

    it('forgets a key for good: what it sealed stays sealed, and the next key is another', async () => {
      const before = await keys.obtain(client, 'carl');
      const sealed = sealText(before, 'carl@example.com', 'email');
      expect(await keys.erase(client, 'carl')).toBe(true);
      expect(await keys.find(client, 'carl')).toBeNull();
      expect(await keys.erase(client, 'carl')).toBe(false);
      const other = await opened.again();
      expect(await other.find(client, 'carl')).toBeNull();
      await other.close();
      const after = await keys.obtain(client, 'carl');
      expect(() => openText(after, sealed, 'email')).toThrow(SealBroken);
    });

    it.each(["o'hara", '../x', 'ü☃𝄞', ' ', 'a'.repeat(64), '☃'.repeat(21)])('takes the customer id %j', async (customer) => {
      const made = await keys.obtain(client, customer);
      expect(Buffer.from((await keys.find(client, customer)) as Uint8Array)).toEqual(Buffer.from(made));
      expect(await keys.erase(client, customer)).toBe(true);
    });
  });
}
