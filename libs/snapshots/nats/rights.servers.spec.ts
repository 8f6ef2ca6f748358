import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openNatsCustomerKeys } from '#libs/customer-keys/nats';
import type { Position } from '#libs/event-log';
import { openNatsLeadership } from '#libs/leadership/nats';
import { type NatsLink, openNats } from '#libs/nats';
import { type NatsServerUnderTest, startNatsServer } from '#libs/nats/testing';
import type { Announcement, SnapshotPublication } from '../publication.js';
import { serveImages } from './image-server.js';
import { openNatsSnapshotBuilder, openNatsSnapshots } from './nats-snapshots.js';

const script = fileURLToPath(new URL('../../../deploy/nats/users.mjs', import.meta.url));
const position = 5n as Position;
const acknowledgement = { clientId: 'golf', kind: 'audience' as const, version: 'v', position, loadedAt: '2026-11-23T12:00:00.000Z' };

describe('users of NATS with few rights', () => {
  let server: NatsServerUnderTest;
  let folder: string;
  let images: Server;
  let builder: SnapshotPublication;
  let announced: Announcement;
  const url = (name: string) => server.url.replace('nats://', `nats://${name}:secret-of-${name}@`);
  beforeAll(async () => {
    const users = ['n.1=node', 'n2=node', 'admin=reader', 'builder=builder,leader', 'collector=keys'];
    const made = spawnSync(process.execPath, [script, ...users.map((one) => one.replace(/^([^=]+)=/, '$1:secret-of-$1='))], {
      encoding: 'utf8',
    });
    server = await startNatsServer({ config: made.stdout });
    folder = await mkdtemp(join(tmpdir(), 'vitrine-rights-'));
    const handle = serveImages(folder);
    images = createServer((request, response) => void handle(request, response));
    await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
    const imagesUrl = `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
    builder = await openNatsSnapshotBuilder({ url: url('builder'), folder, imagesUrl });
    const counts = { customers: 0, memberships: 0 };
    const image = Buffer.from('image');
    announced = await builder.publish({
      clientId: 'golf',
      kind: 'audience',
      image,
      position,
      builtAt: acknowledgement.loadedAt,
      ...counts,
    });
    const place = { clientId: 'golf', base: announced.version, position, builtAt: acknowledgement.loadedAt };
    await builder.publishIncrement({ ...place, sequence: 1, bytes: Buffer.from('one') });
    await builder.publishIncrement({ ...place, sequence: 2, bytes: Buffer.from('two') });
  });
  afterAll(async () => {
    await builder?.close();
    images?.closeAllConnections();
    images?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const asUser = async <Result>(name: string, work: (link: NatsLink) => Promise<Result>): Promise<Result> => {
    const link = await openNats({ url: url(name) });
    try {
      return await work(link);
    } finally {
      await link.close();
    }
  };

  it('let a node do all its work, without a complaint of the server', async () => {
    const said: string[] = [];
    const node = await openNatsSnapshots({ url: url('n.1'), report: (message) => said.push(message) });
    const seen: Announcement[] = [];
    await node.watch({ announced: (one) => seen.push(one), incremented: () => undefined }, AbortSignal.timeout(60_000));
    expect(seen).toMatchObject([{ clientId: 'golf', increment: 2 }]);
    expect(Buffer.from(await node.fetch(announced)).toString()).toBe('image');
    expect(await node.increments('golf', announced.version, 0)).toHaveLength(2);
    expect(await node.current('golf', 'audience')).toMatchObject({ increment: 2 });
    await node.acknowledge({ ...acknowledgement, nodeId: 'n.1' });
    await builder.progress('golf', 'audience', 6n as Position);
    for (const limit = Date.now() + 5_000; seen.at(-1)?.position !== 6n; ) {
      expect(Date.now()).toBeLessThan(limit);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await node.close();
    expect(said).toEqual([]);
  });

  it('tell in one line when a node bears another name than its user', async () => {
    const said: string[] = [];
    const report = (message: string) => said.push(message);
    const node = await openNatsSnapshots({ url: url('n.1'), nodeId: 'n2', report });
    for (const limit = Date.now() + 10_000; !said.some((line) => line.includes('have to have the same name')); ) {
      expect(Date.now()).toBeLessThan(limit);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(said).toEqual([expect.stringMatching(/acknowledge snapshots as node n2: user and VITRINE_NODE have to have the same name/)]);
    await node.close();
    const named: string[] = [];
    const well = await openNatsSnapshots({ url: url('n.1'), nodeId: 'n.1', report: (message) => named.push(message) });
    await well.acknowledge({ ...acknowledgement, nodeId: 'n.1' });
    await well.close();
    expect(named).toEqual([]);
  });

  it('let a node do nothing else', async () => {
    const node = await openNatsSnapshots({ url: url('n.1') });
    const refused = { code: 'SNAPSHOTS_UNAVAILABLE' };
    await expect(node.acknowledge({ ...acknowledgement, nodeId: 'n2' })).rejects.toMatchObject(refused);
    await expect(node.acknowledgements('golf')).rejects.toMatchObject(refused);
    await node.close();
    await asUser('n.1', async (link) => {
      const forbidden = [
        '$KV.vitrine-current.golf.audience',
        'vitrine.delta.golf',
        '$KV.vitrine-leaders.projector',
        '$KV.vitrine-keys._about',
        '$JS.API.STREAM.CREATE.other',
        '$JS.API.STREAM.DELETE.KV_vitrine-current',
        '$JS.API.STREAM.PURGE.vitrine-delta',
        '$JS.API.STREAM.MSG.DELETE.KV_vitrine-current',
        '$JS.API.CONSUMER.CREATE.vitrine-delta',
        '$JS.API.DIRECT.GET.KV_vitrine-keys.$KV.vitrine-keys._about',
      ];
      const answers = await Promise.allSettled(forbidden.map((subject) => link.request(subject, '{}', { timeoutMs: 500 })));
      expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
      // Nor can it hear what is another's: acknowledgements, and the answers to other users.
      const heard: string[] = [];
      for (const subject of ['>', '$KV.vitrine-nodes.>', '_INBOX_builder.>', 'vitrine.delta.*'])
        link.subscribe(subject, (message) => heard.push(message.subject));
      const other = await openNatsSnapshots({ url: url('n2') });
      await other.acknowledge({ ...acknowledgement, nodeId: 'n2' });
      await other.close();
      await builder.progress('golf', 'audience', 7n as Position);
      expect(heard).toEqual([]);
    });
    expect(await builder.current('golf', 'audience')).toMatchObject({ increment: 2, position: 7n });
  });

  it('let the admin see acknowledgements, the builder lead, and a collector use keys, each only that', async () => {
    const node = await openNatsSnapshots({ url: url('n2') });
    await node.acknowledge({ ...acknowledgement, nodeId: 'n2' });
    await node.close();
    const admin = await openNatsSnapshots({ url: url('admin') });
    expect(await admin.acknowledgements('golf')).toContainEqual({ ...acknowledgement, nodeId: 'n2' });
    await expect(admin.acknowledge({ ...acknowledgement, nodeId: 'admin' })).rejects.toThrow();
    await admin.close();

    const leadership = await openNatsLeadership({ url: url('builder') });
    await (await leadership.of('snapshot-builder')(AbortSignal.timeout(15_000))).release();
    await leadership.close();

    const keys = await openNatsCustomerKeys({ url: url('collector'), secret: 'a secret' });
    const made = await keys.obtain('golf', 'ann');
    expect(Buffer.from((await keys.find('golf', 'ann'))!).equals(Buffer.from(made))).toBe(true);
    expect(await keys.erase('golf', 'ann')).toBe(true);
    await keys.close();
    await asUser('collector', async (link) => {
      await expect(link.request('$KV.vitrine-current.golf.audience', '{}', { timeoutMs: 500 })).rejects.toThrow();
    });
  });

  it('refuse a wrong password in one clear line', async () => {
    await expect(openNatsSnapshots({ url: server.url.replace('nats://', 'nats://n2:wrong@') })).rejects.toMatchObject({
      code: 'NATS_REFUSED',
    });
    await expect(openNatsSnapshots({ url: server.url })).rejects.toThrow(/refuses/);
  });
});
