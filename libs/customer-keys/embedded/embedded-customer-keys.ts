import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { CustomerKeys } from '../customer-keys.js';
import { CustomerKeyDamaged, CustomerKeysUnavailable, WrongSecret } from '../errors.js';
import { fragments, isRight, keyBytes, owner, unwrap, verifierOf, wrap, wrappingKey } from '../wrapping.js';
import { scrub } from './scrub.js';

export interface EmbeddedCustomerKeysOptions {
  /** The store's own; made when absent. Several processes may have it open. */
  readonly folder: string;
  /** `VITRINE_SECRET`: the same for all processes, for as long as the keys are to be used. */
  readonly secret: string;
}

/** @throws WrongSecret, CustomerKeysUnavailable */
export async function openEmbeddedCustomerKeys({ folder, secret }: EmbeddedCustomerKeysOptions): Promise<CustomerKeys> {
  let root: RootDatabase;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // A commit resolves when it is on the disk, and is seen by nobody before (docs/adr/0001).
    root = open(rootOptions(folder));
    chmodSync(folder, 0o700);
  } catch (cause) {
    throw new CustomerKeysUnavailable(`the customers' keys in ${folder} cannot be opened: ${(cause as Error).message}`, { cause });
  }
  try {
    const about = root.openDB<Buffer, string>({ name: 'about', encoding: 'binary' });
    const keys = root.openDB<Buffer, [string, string]>({ name: 'keys', encoding: 'binary' });
    const wrapping = await checkSecret(root, about, secret, folder);
    return new EmbeddedCustomerKeys(root, keys, wrapping, folder);
  } catch (error) {
    await root.close();
    throw error;
  }
}

function rootOptions(folder: string) {
  // Without event turns the driver makes no promise of its own that nobody holds.
  return { path: folder, overlappingSync: false, eventTurnBatching: false, mapSize: 16 * 1024 ** 3 };
}

/** Makes salt and verifier in a new store, checks them in another. */
async function checkSecret(root: RootDatabase, about: Database<Buffer, string>, secret: string, folder: string): Promise<Buffer> {
  return root.childTransaction(() => {
    const [salt, verifier] = [about.get('salt'), about.get('verifier')];
    if (salt && verifier) {
      const wrapping = wrappingKey(secret, salt);
      if (isRight(wrapping, verifier)) return wrapping;
      throw new WrongSecret(`the customers' keys in ${folder} belong to another VITRINE_SECRET`);
    }
    const made = randomBytes(32);
    const wrapping = wrappingKey(secret, made);
    about.put('salt', made);
    about.put('verifier', verifierOf(wrapping));
    return wrapping;
  });
}

class EmbeddedCustomerKeys implements CustomerKeys {
  private closing: Promise<void> | undefined;

  constructor(
    private readonly root: RootDatabase,
    private readonly keys: Database<Buffer, [string, string]>,
    private readonly wrapping: Buffer,
    private readonly folder: string,
  ) {}

  async obtain(clientId: string, customerId: string): Promise<Uint8Array> {
    const known = await this.find(clientId, customerId);
    if (known) return known;
    const made = randomBytes(keyBytes);
    const wrapped = wrap(this.wrapping, made, owner(clientId, customerId));
    const first = await this.change(() => {
      // Another caller or process may have made one since: inside the transaction, only one can.
      const other = this.keys.get([clientId, customerId]);
      if (!other) this.keys.put([clientId, customerId], wrapped);
      return other;
    });
    return first ? this.unwrapped(first, clientId, customerId) : made;
  }

  async find(clientId: string, customerId: string): Promise<Uint8Array | null> {
    this.assertOpen();
    this.root.resetReadTxn();
    const wrapped = this.keys.get([clientId, customerId]);
    return wrapped ? this.unwrapped(wrapped, clientId, customerId) : null;
  }

  async erase(clientId: string, customerId: string): Promise<boolean> {
    const wrapped = await this.change(() => {
      const found = this.keys.get([clientId, customerId]);
      if (found) this.keys.remove([clientId, customerId]);
      return found;
    });
    if (!wrapped) return false;
    await scrub(join(this.folder, 'data.mdb'), fragments(wrapped), (act) => this.change(act));
    return true;
  }

  close(): Promise<void> {
    this.closing ??= this.root.close();
    return this.closing;
  }

  /** Resolves when the change is on the disk. */
  private async change<Result>(act: () => Result): Promise<Result> {
    this.assertOpen();
    try {
      return await this.root.childTransaction(act);
    } catch (cause) {
      throw new CustomerKeysUnavailable(`the customers' keys could not be written: ${(cause as Error).message}`, { cause });
    }
  }

  private unwrapped(wrapped: Buffer, clientId: string, customerId: string): Uint8Array {
    const key = unwrap(this.wrapping, wrapped, owner(clientId, customerId));
    if (!key) throw new CustomerKeyDamaged(`the key of customer ${JSON.stringify(customerId)} of ${clientId} is damaged`);
    return key;
  }

  private assertOpen(): void {
    if (this.closing) throw new CustomerKeysUnavailable("the customers' keys are closed");
  }
}
