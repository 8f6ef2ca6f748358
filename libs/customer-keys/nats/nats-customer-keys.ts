import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import {
  Bucket,
  BucketMissing,
  JetStream,
  keyPart,
  NatsFailure,
  type NatsLink,
  type NatsOptions,
  NatsUnavailable,
  openNats,
} from '#libs/nats';
import type { CustomerKeys } from '../customer-keys.js';
import { CustomerKeyDamaged, CustomerKeysUnavailable, WrongSecret } from '../errors.js';
import { isRight, keyBytes, owner, unwrap, verifierOf, wrap, wrappingKey } from '../wrapping.js';

export interface NatsCustomerKeysOptions extends NatsOptions {
  /** `VITRINE_SECRET`: the same for all processes, for as long as the keys are to be used. */
  readonly secret: string;
  /** Copies of the bucket in a cluster of servers; 1 when absent. Three outlive the loss of a machine, which one does not. */
  readonly replicas?: number;
}

/** No client's id begins so. */
const aboutKey = '_about';
const attemptsMax = 20;

/**
 * The keys that all collectors share, in the key-value bucket `vitrine-keys`: a key is created if absent, so that a customer never has two, and
 * erased on the servers' disks (docs/adr/0022). Resolves also while NATS is away: then every verb throws CustomerKeysUnavailable until it is there.
 * @throws WrongSecret, NatsRefused
 */
export async function openNatsCustomerKeys({ secret, replicas = 1, ...options }: NatsCustomerKeysOptions): Promise<CustomerKeys> {
  const link = await openNats(options);
  const bucket = new Bucket(new JetStream(link), { name: 'vitrine-keys', replicas, fromLeader: true });
  const keys = new NatsCustomerKeys(link, bucket, secret);
  try {
    await keys.prepare();
  } catch (error) {
    if (!(error instanceof CustomerKeysUnavailable)) {
      await link.close();
      throw error;
    }
  }
  return keys;
}

/** What the secret and the bucket's salt lead to. */
interface Derived {
  readonly salt: Buffer;
  readonly verifier: Buffer;
  readonly wrapping: Buffer;
  /** Keys of the bucket are named by it: a customer's id may be an address, and is not to be read there. */
  readonly naming: Buffer;
}

class NatsCustomerKeys implements CustomerKeys {
  private derived: Derived | undefined;
  /** False after each connection: the bucket may be another one. */
  private checked = false;
  private closed = false;

  constructor(
    private readonly link: NatsLink,
    private readonly bucket: Bucket,
    private readonly secret: string,
  ) {
    link.onConnected(() => {
      this.checked = false;
    });
  }

  /** @throws WrongSecret, CustomerKeysUnavailable */
  async prepare(): Promise<void> {
    await this.using(async () => undefined);
  }

  obtain(clientId: string, customerId: string): Promise<Uint8Array> {
    return this.using(async (derived) => {
      const name = nameOf(derived, clientId, customerId);
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        const entry = await this.bucket.get(name);
        if (entry !== undefined) return unwrapped(derived, entry.value, clientId, customerId);
        const made = randomBytes(keyBytes);
        if ((await this.bucket.create(name, wrap(derived.wrapping, made, owner(clientId, customerId)))) !== undefined) return made;
        // Another process was first; its key is the one.
      }
      throw new CustomerKeysUnavailable('the key of a customer is made and erased all the time');
    });
  }

  find(clientId: string, customerId: string): Promise<Uint8Array | null> {
    return this.using(async (derived) => {
      const entry = await this.bucket.get(nameOf(derived, clientId, customerId));
      return entry === undefined ? null : unwrapped(derived, entry.value, clientId, customerId);
    });
  }

  erase(clientId: string, customerId: string): Promise<boolean> {
    return this.using(async (derived) => {
      const entry = await this.bucket.get(nameOf(derived, clientId, customerId));
      return entry !== undefined && (await this.bucket.erase(entry.revision));
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.link.close();
  }

  private async using<Result>(work: (derived: Derived) => Promise<Result>): Promise<Result> {
    if (this.closed) throw new CustomerKeysUnavailable("the customers' keys are closed");
    try {
      return await work(await this.ready());
    } catch (error) {
      if (error instanceof BucketMissing) this.checked = false;
      if (!(error instanceof NatsUnavailable || error instanceof NatsFailure)) throw error;
      throw new CustomerKeysUnavailable(`the customers' keys cannot be had: ${error.message}`, { cause: error });
    }
  }

  /** Salt and verifier as they stand in the bucket: made where there are none, those that are known put again where they were wiped. */
  private async ready(): Promise<Derived> {
    if (this.checked && this.derived !== undefined) return this.derived;
    await this.bucket.ensure();
    for (;;) {
      const entry = await this.bucket.get(aboutKey);
      if (entry !== undefined) {
        this.derived = this.read(entry.value);
        this.checked = true;
        return this.derived;
      }
      const { salt, verifier } = this.derived ?? derive(this.secret, randomBytes(32));
      await this.bucket.create(aboutKey, JSON.stringify({ salt: salt.toString('base64'), verifier: verifier.toString('base64') }));
    }
  }

  private read(value: Uint8Array): Derived {
    const about = JSON.parse(Buffer.from(value).toString('utf8')) as { salt: string; verifier: string };
    const derived = derive(this.secret, Buffer.from(about.salt, 'base64'));
    const verifier = Buffer.from(about.verifier, 'base64');
    if (isRight(derived.wrapping, verifier)) return { ...derived, verifier };
    throw new WrongSecret("the customers' keys in NATS belong to another VITRINE_SECRET");
  }
}

function derive(secret: string, salt: Buffer): Derived {
  const wrapping = wrappingKey(secret, salt);
  const naming = Buffer.from(hkdfSync('sha256', secret, salt, 'vitrine customer key names 1', 32));
  return { salt, wrapping, naming, verifier: verifierOf(wrapping) };
}

function nameOf({ naming }: Derived, clientId: string, customerId: string): string {
  return `${keyPart(clientId)}.${createHmac('sha256', naming).update(owner(clientId, customerId)).digest('base64url')}`;
}

function unwrapped({ wrapping }: Derived, value: Uint8Array, clientId: string, customerId: string): Uint8Array {
  const key = unwrap(wrapping, Buffer.from(value), owner(clientId, customerId));
  if (key === undefined) throw new CustomerKeyDamaged(`the key of customer ${JSON.stringify(customerId)} of ${clientId} is damaged`);
  return key;
}
