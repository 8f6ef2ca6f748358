import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { JetStream, openNats } from '#libs/nats';
import { type NatsServerUnderTest, startNatsServer } from '#libs/nats/testing';
import type { CustomerKeys } from '../customer-keys.js';
import { customerKeysContract } from '../testing/customer-keys.contract.js';
import { fragments } from '../wrapping.js';
import { openNatsCustomerKeys } from './nats-customer-keys.js';

const secret = 'a secret of the tests';

customerKeysContract('NATS', async () => {
  const server = await startNatsServer();
  const keys = await openNatsCustomerKeys({ url: server.url, secret });
  return {
    keys,
    again: () => openNatsCustomerKeys({ url: server.url, secret }),
    async dispose() {
      await keys.close();
      await server.stop();
    },
  };
});

describe('customer keys over NATS', () => {
  let server: NatsServerUnderTest;
  let opened: CustomerKeys[] = [];
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.stop());
  afterEach(async () => {
    for (const one of opened) await one.close();
    opened = [];
  });
  const open = async () => {
    const keys = await openNatsCustomerKeys({ url: server.url, secret });
    opened.push(keys);
    return keys;
  };

  it('has the same keys after NATS was killed, and says meanwhile that it has none to give', async () => {
    const keys = await open();
    const made = await keys.obtain('golf', 'ann');
    await server.kill();
    await expect(keys.find('golf', 'ann')).rejects.toMatchObject({ code: 'CUSTOMER_KEYS_UNAVAILABLE' });
    const later = await open();
    await expect(later.obtain('golf', 'ann')).rejects.toMatchObject({ code: 'CUSTOMER_KEYS_UNAVAILABLE' });
    await server.start();
    for (const one of [keys, later]) await eventually(async () => expect(hex(await one.obtain('golf', 'ann'))).toBe(hex(made)));
  });

  it('refuses another secret at once', async () => {
    await (await open()).obtain('golf', 'ann');
    await expect(openNatsCustomerKeys({ url: server.url, secret: 'another' })).rejects.toMatchObject({ code: 'WRONG_SECRET' });
  });

  it('gives one key to many processes that ask at once while NATS is killed again and again', async () => {
    const all = [await open(), await open(), await open()];
    for (let round = 0; round < 3; round += 1) {
      const asked = all.map((keys) => eventually(() => keys.obtain('golf', `round-${round}`)));
      await server.kill();
      await server.start();
      expect(new Set((await Promise.all(asked)).map(hex)).size).toBe(1);
    }
  });

  it('shows neither keys nor whose they are, and erasing leaves nothing on the disk', async () => {
    const keys = await open();
    const made = await keys.obtain('golf', 'carl@example.com');
    for (let n = 0; n < 50; n += 1) await keys.obtain('golf', `customer-${n}`);
    const link = await openNats({ url: server.url });
    const jetStream = new JetStream(link);
    const { subjects } = await jetStream.state('KV_vitrine-keys', '$KV.vitrine-keys.golf.>');
    expect(subjects.join()).not.toContain('carl');
    const stored = await Promise.all(subjects.map((subject) => jetStream.last('KV_vitrine-keys', subject)));
    await eventually(async () =>
      expect(
        await onDisk(
          server,
          stored.map((one) => fragments(Buffer.from(one!.data))[0]!),
        ),
      ).toBe(stored.length),
    );
    expect(await onDisk(server, [Buffer.from(made), Buffer.from('carl')])).toBe(0);
    expect(await keys.erase('golf', 'carl@example.com')).toBe(true);
    const left = await jetStream.state('KV_vitrine-keys', '$KV.vitrine-keys.golf.>');
    const gone = stored.filter((one) => !left.subjects.includes(one!.subject));
    expect(gone).toHaveLength(1);
    await eventually(async () =>
      expect(
        await onDisk(
          server,
          gone.flatMap((one) => fragments(Buffer.from(one!.data))),
        ),
      ).toBe(0),
    );
    await link.close();
  });

  it('goes on with the keys of before when the bucket’s salt was wiped under it', async () => {
    const [one, two] = [await open(), await open()];
    await one.obtain('golf', 'ann');
    await two.obtain('golf', 'ann');
    await server.wipe();
    // The keys are gone, which nothing can mend; but there is one new one, and not two.
    const made = await Promise.all([one, two].map((keys) => eventually(() => keys.obtain('golf', 'ann'))));
    expect(new Set(made.map(hex)).size).toBe(1);
    expect(hex((await (await open()).find('golf', 'ann'))!)).toBe(hex(made[0]!));
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** How many of these stand in any file of the server. */
async function onDisk(server: NatsServerUnderTest, wanted: readonly Buffer[]): Promise<number> {
  const files = await readdir(join(server.folder, 'jetstream'), { recursive: true, withFileTypes: true });
  const found = new Set<Buffer>();
  for (const file of files.filter((one) => one.isFile())) {
    const bytes = await readFile(join(file.parentPath, file.name));
    for (const one of wanted) if (bytes.includes(one)) found.add(one);
  }
  return found.size;
}

async function eventually<Result>(work: () => Promise<Result>, timeoutMs = 15_000): Promise<Result> {
  for (const limit = Date.now() + timeoutMs; ; ) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > limit) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
