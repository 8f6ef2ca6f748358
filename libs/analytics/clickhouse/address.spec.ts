import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { selfSigned } from '../../event-log/testing/esdb-server/self-signed.js';
import { AnalyticsRefused } from '../analytics.js';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '../embedded/embedded.js';
import { clickHouseAddress } from './address.js';
import { openClickHouse } from './open-clickhouse.js';

describe('the address of ClickHouse', () => {
  it.each([
    ['http://apps:secret@ch.example', { url: 'http://apps:secret@ch.example:8123', database: 'vitrine' }],
    ['https://apps:secret@ch.example/', { url: 'https://apps:secret@ch.example:8443', database: 'vitrine' }],
    ['https://apps:p%40%3A%2F@[::1]:443/shop', { url: 'https://apps:p%40%3A%2F@[::1]:443', database: 'shop' }],
    ['http://apps:a@b:c@ch:1/shop', { url: 'http://apps:a%40b%3Ac@ch:1', database: 'shop' }],
    ['http://apps:a:b@ch:1/shop', { url: 'http://apps:a%3Ab@ch:1', database: 'shop' }],
    ['https://ch/shop?tlsCAFile=%2Fetc%2Fca.pem', { url: 'https://ch:8443', database: 'shop', caFile: '/etc/ca.pem' }],
  ])('%s', (text, expected) => {
    expect(clickHouseAddress(text)).toEqual(expected);
  });

  it('names the shards of a cluster', () => {
    const urls = ['https://apps:x@a:8443', 'https://apps:x@b:9443'];
    expect(clickHouseAddress('https://apps:x@a,b:9443/shop', 'two')).toEqual({
      url: urls[0],
      database: 'shop',
      cluster: { name: 'two', urls },
    });
    expect(() => clickHouseAddress('https://apps:x@a,b:9443/shop')).toThrow('VITRINE_ANALYTICS_CLUSTER');
    expect(() => clickHouseAddress('https://apps:x@a/shop', "two'")).toThrow('VITRINE_ANALYTICS_CLUSTER');
  });

  it.each([
    'clickhouse://apps:secret@ch',
    'http://apps:secret@',
    'http://apps:secret@ch:99999',
    'http://apps:secret@ch/my-shop',
    'http://apps:secret@ch/a/b',
    'http://apps:secret@ch/shop?verify=no',
    'http://apps:secret@ch/shop?tlsCAFile=/a.pem',
    'http://apps:secret%@ch/shop',
  ])('%s is refused in one line that tells no secret', (text) => {
    expect(() => clickHouseAddress(text)).toThrow(
      expect.objectContaining({ code: 'ANALYTICS_REFUSED', message: expect.not.stringMatching(/secret|\n/) }),
    );
  });
});

describe('ClickHouse over TLS', () => {
  let folder: string;
  let engine: EmbeddedClickHouse;
  let gate: Server;
  let port: number;
  let caFile: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-tls-'));
    engine = await startEmbeddedClickHouse({ folder: join(folder, 'engine'), httpPort: 0, nativePort: 0, onExit: () => undefined });
    const { certificate, key } = selfSigned();
    caFile = join(folder, 'ca.pem');
    await writeFile(caFile, certificate);
    gate = createServer({ cert: certificate, key }, (socket) => {
      const inside = connect(engine.httpPort, '127.0.0.1');
      socket.pipe(inside).pipe(socket);
      for (const [one, other] of [[socket, inside] as const, [inside, socket] as const]) one.on('error', () => other.destroy());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => gate.once('listening', resolve));
    port = (gate.address() as AddressInfo).port;
  });
  afterAll(async () => {
    await new Promise((resolve) => gate.close(resolve));
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const password = () => decodeURIComponent(new URL(engine.url).password);
  const asked = async (address: string) => {
    const connection = openClickHouse(clickHouseAddress(address));
    try {
      return await connection.query('SELECT 1 AS one');
    } finally {
      await connection.close();
    }
  };

  it('answers when its authority is trusted', async () => {
    expect(await asked(`https://vitrine:${password()}@localhost:${port}?tlsCAFile=${encodeURIComponent(caFile)}`)).toEqual([{ one: 1 }]);
  });

  it.each<[string, () => string, RegExp]>([
    [
      'a wrong password',
      () => `http://vitrine:wrong@127.0.0.1:${engine.httpPort}`,
      /^ClickHouse at 127\.0\.0\.1:\d+ does not accept this user or password$/,
    ],
    ['no password', () => `http://vitrine@127.0.0.1:${engine.httpPort}`, /does not accept this user or password$/],
    [
      'a certificate that is not trusted',
      () => `https://vitrine:${password()}@localhost:${port}`,
      /^the certificate of ClickHouse at localhost:\d+ is not trusted \(self-signed certificate\)/,
    ],
    ['a server without TLS', () => `https://vitrine:${password()}@127.0.0.1:${engine.httpPort}`, /does not speak TLS there/],
    [
      'authorities that are not there',
      () => `https://ch/shop?tlsCAFile=${folder}/nothing.pem`,
      /tlsCAFile of ClickHouse's address cannot be read/,
    ],
  ])('%s is one line for people', async (_, address, message) => {
    const error = await asked(address()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(AnalyticsRefused);
    expect(error).toMatchObject({ code: 'ANALYTICS_REFUSED', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
  });

  it('says that a database is not there yet', async () => {
    await expect(asked(`${engine.url}/nowhere`)).rejects.toMatchObject({ code: 'ANALYTICS_UNAVAILABLE' });
  });
});
