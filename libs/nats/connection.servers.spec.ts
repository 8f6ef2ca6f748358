import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openNats } from './connection.js';
import { JetStream } from './jetstream.js';
import { type NatsServerUnderTest, startNatsServer } from './testing/nats-server.js';

describe('a connection to NATS', () => {
  let folder: string;
  let server: NatsServerUnderTest;
  const file = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-tls-'));
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
    for (const name of ['server', 'other']) {
      const made = spawnSync('openssl', [...request, ...names, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)]);
      if (made.status !== 0) throw new Error(`this test needs openssl: ${made.stderr}`);
    }
    const tls = `tls { cert_file: ${JSON.stringify(file('server.pem'))}, key_file: ${JSON.stringify(file('server.key'))} }`;
    server = await startNatsServer({ config: `${tls}\nauthorization { token: "a token/of:signs" }` });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const url = (token = 'a token/of:signs') => server.url.replace('nats://', `tls://${encodeURIComponent(token)}@`);

  it('is made with a certificate of an authority that is named, and a token', async () => {
    const link = await openNats({ url: url(), tls: { caFile: file('server.pem') } });
    expect(link.connected).toBe(true);
    const jetStream = new JetStream(link);
    await jetStream.ensureStream({ name: 'some', subjects: ['some.*'] });
    await jetStream.ensureStream({ name: 'some', subjects: ['some.*'], max_age: 1e9 });
    expect(await jetStream.put('some.one', 'first')).toBe(1);
    await link.close();
  });

  it('tells in one line that the certificate or the token is refused, here or there', async () => {
    const refused = { code: 'NATS_REFUSED' };
    await expect(openNats({ url: url(), tls: { caFile: file('other.pem') } })).rejects.toMatchObject(refused);
    await expect(openNats({ url: url() })).rejects.toMatchObject(refused);
    await expect(openNats({ url: url('another'), tls: { caFile: file('server.pem') } })).rejects.toMatchObject(refused);
    await expect(openNats({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject(refused);
    await expect(openNats({ url: 'nonsense' })).rejects.toMatchObject(refused);
  });

  it('tells what happens to it, and asks nothing later that was asked while it was away', async () => {
    const said: string[] = [];
    const link = await openNats({ url: url(), tls: { caFile: file('server.pem') }, report: (message) => said.push(message) });
    const jetStream = new JetStream(link);
    await jetStream.ensureStream({ name: 'late', subjects: ['late.*'], allow_direct: true });
    await server.kill();
    await until(() => !link.connected);
    await expect(jetStream.put('late.one', 'never')).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    await server.start();
    await until(() => link.connected);
    expect(await jetStream.last('late', 'late.one')).toBeUndefined();
    expect(said[0]).toContain('lost');
    expect(said.at(-1)).toContain('there again');
    await expect(new JetStream(link).put('nowhere', '')).rejects.toMatchObject({ code: 'NATS_BUCKET_MISSING' });
    await link.close();
  });
});

async function until(holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  for (const limit = Date.now() + timeoutMs; !holds(); ) {
    if (Date.now() > limit) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
