import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { JetStream, openNats } from '#libs/nats';
import { type NatsServerUnderTest, startNatsServer } from '#libs/nats/testing';
import type { Announcement, Increment, SnapshotPublication } from '../publication.js';
import { describeSnapshotPublication } from '../testing/publication.contract.js';
import { serveImages } from './image-server.js';
import { openNatsSnapshotBuilder, openNatsSnapshots } from './nats-snapshots.js';

/** What an operations port does: serves the folder; `before` may take a request. */
class Images {
  folder = '';
  url = '';
  before: (...args: Parameters<RequestListener>) => boolean = () => false;
  requests: { readonly url: string; readonly range: string | undefined }[] = [];
  private server: Server | undefined;
  private port = 0;

  async start(): Promise<this> {
    this.folder ||= await mkdtemp(join(tmpdir(), 'vitrine-builder-'));
    const handle = serveImages(this.folder);
    this.server = createServer((request, response) => {
      this.requests.push({ url: request.url!, range: request.headers.range });
      if (!this.before(request, response)) void handle(request, response);
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async away(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server!.close(resolve));
  }

  async end(): Promise<void> {
    if (this.server?.listening) await this.away();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describeSnapshotPublication('NATS', async () => {
  const server = await startNatsServer();
  const all: Images[] = [];
  return {
    // Each on a machine of its own: another folder.
    async open() {
      const images = await new Images().start();
      all.push(images);
      return openNatsSnapshotBuilder({ url: server.url, folder: images.folder, imagesUrl: images.url });
    },
    async close() {
      for (const images of all) await images.end();
      await server.stop();
    },
  };
});

describe('snapshots over NATS', () => {
  let server: NatsServerUnderTest;
  let images: Images;
  let opened: SnapshotPublication[];
  let others: Images[];
  let builder: SnapshotPublication;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    opened = [];
    others = [];
    images = await new Images().start();
    builder = await openBuilder();
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
    for (const one of [images, ...others]) await one.end();
  });

  const openBuilder = async (place = images, messagesKeptMs?: number) => {
    const more = messagesKeptMs === undefined ? {} : { messagesKeptMs };
    const one = await openNatsSnapshotBuilder({ url: server.url, folder: place.folder, imagesUrl: place.url, ...more });
    opened.push(one);
    return one;
  };
  const openNode = async () => {
    const one = await openNatsSnapshots({ url: server.url });
    opened.push(one);
    return one;
  };
  const watching = async (node: SnapshotPublication, clientId: string) => {
    const seen = { announced: [] as Announcement[], increments: [] as Increment[], unavailable: 0 };
    await node.watch(
      {
        announced: (one) => one.clientId === clientId && seen.announced.push(one),
        incremented: (one) => one.clientId === clientId && seen.increments.push(one),
        unavailable: () => {
          seen.unavailable += 1;
        },
      },
      AbortSignal.timeout(120_000),
    );
    return seen;
  };

  it('shows pointers and acknowledgements to whoever reads NATS, in the published form', async () => {
    const clientId = newClient();
    const announced = await builder.publish(snapshot(clientId, randomBytes(10), 5));
    await (await openNode()).acknowledge({
      nodeId: 'n/1',
      clientId,
      kind: 'audience',
      version: 'v',
      position: at(5),
      loadedAt: instant(5),
    });
    const link = await openNats({ url: server.url });
    const jetStream = new JetStream(link);
    const pointer = await jetStream.last('KV_vitrine-current', `$KV.vitrine-current.${clientId}.audience`);
    const { version, position, builtAt, bytes, sha256, url } = JSON.parse(Buffer.from(pointer!.data).toString()) as Record<string, unknown>;
    expect({ version, position, builtAt, bytes, sha256 }).toEqual({
      version: announced.version,
      position: '5',
      builtAt: instant(5),
      bytes: 10,
      sha256: announced.sha256,
    });
    expect(url).toBe(`${images.url}/snapshots/${announced.sha256}`);
    expect(await jetStream.last('KV_vitrine-nodes', `$KV.vitrine-nodes.n=2f1.${clientId}.audience`)).toBeDefined();
    await link.close();
  });

  it('goes on when NATS is killed and started again', async () => {
    const clientId = newClient();
    const node = await openNode();
    await builder.publish(snapshot(clientId, randomBytes(10), 5));
    const seen = await watching(node, clientId);
    await server.kill();
    await until(() => seen.unavailable > 0);
    await expect(builder.progress(clientId, 'audience', at(6))).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE' });
    await expect(node.current(clientId, 'audience')).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE' });
    await server.start();
    await eventually(() => builder.progress(clientId, 'audience', at(7)));
    await until(() => seen.announced.at(-1)?.position === 7n, 5_000);
  });

  it('puts its pointers again when everything was wiped, and nodes never step back', async () => {
    const clientId = newClient();
    const node = await openNode();
    const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
    await builder.publishIncrement(increment(image, 1, 6));
    const seen = await watching(node, clientId);
    await server.wipe();
    await eventually(
      async () => expect(await node.current(clientId, 'audience')).toEqual({ ...image, increment: 1, position: 6n }),
      10_000,
    );
    // Increments as messages are gone; the builder has them.
    await eventually(async () => expect(await node.increments(clientId, image.version, 0)).toEqual([increment(image, 1, 6)]));
    await eventually(() => builder.publishIncrement(increment(image, 2, 7)));
    await until(() => seen.announced.at(-1)?.increment === 2);
    expect(positionsOf(seen.announced)).toEqual([...positionsOf(seen.announced)].sort((a, b) => a - b));
  });

  it('puts them again when only the buckets were removed, and when it starts', async () => {
    const clientId = newClient();
    const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
    const node = await openNode();
    const link = await openNats({ url: server.url });
    for (const name of ['KV_vitrine-current', 'vitrine-delta']) await link.request(`$JS.API.STREAM.DELETE.${name}`, '');
    await eventually(async () => expect(await node.current(clientId, 'audience')).toEqual(image), 10_000);
    await builder.close();
    for (const name of ['KV_vitrine-current', 'vitrine-delta']) await link.request(`$JS.API.STREAM.DELETE.${name}`, '');
    await link.close();
    await openBuilder();
    expect(await node.current(clientId, 'audience')).toEqual(image);
  });

  it('finds by polling what was never heard of', async () => {
    const clientId = newClient();
    const first = await builder.publish(snapshot(clientId, randomBytes(10), 5));
    const node = await openNode();
    const seen = await watching(node, clientId);
    // The node's subscriptions are gone without a word, as after a fault on the way.
    const { live } = (node as unknown as { parts: { link: { live: Map<object, { unsubscribe(): void }> } } }).parts.link;
    for (const one of live.values()) one.unsubscribe();
    await builder.progress(clientId, 'audience', at(6));
    await builder.publishIncrement(increment(first, 1, 7));
    await until(() => seen.announced.at(-1)?.increment === 1, 5_000);
    await until(() => seen.increments.length === 1);
  });

  it('survives a server that stands still', async () => {
    const clientId = newClient();
    await builder.publish(snapshot(clientId, randomBytes(10), 5));
    const node = await openNode();
    const seen = await watching(node, clientId);
    server.freeze();
    await expect(node.current(clientId, 'audience')).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE' });
    server.thaw();
    await eventually(() => builder.progress(clientId, 'audience', at(6)));
    await until(() => seen.announced.at(-1)?.position === 6n, 10_000);
  });

  it('asks for the rest of an image that was cut, on and on', async () => {
    const clientId = newClient();
    const image = randomBytes(3_000_000);
    const announced = await builder.publish(snapshot(clientId, image, 5));
    let cuts = 0;
    images.before = (_request, response) => {
      cuts += 1;
      if (cuts > 4) return false;
      const { write } = response;
      let sent = 0;
      response.write = ((chunk: Buffer, encoding: BufferEncoding, written: () => void) => {
        sent += chunk.length;
        if (sent > 400_000) response.destroy();
        return write.call(response, chunk, encoding, written);
      }) as typeof write;
      return false;
    };
    const fetched = await (await openNode()).fetch(announced);
    expect(image.equals(fetched)).toBe(true);
    expect(images.requests.length).toBeGreaterThan(2);
    expect(images.requests.slice(1).every(({ range }) => /^bytes=\d+-$/.test(range ?? ''))).toBe(true);
  });

  it('takes no wrong bytes', async () => {
    const clientId = newClient();
    const image = randomBytes(100_000);
    const announced = await builder.publish(snapshot(clientId, image, 5));
    const node = await openNode();
    const file = join(images.folder, 'images', announced.sha256);
    await writeFile(file, randomBytes(100_000));
    await expect(node.fetch(announced)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    await expect(builder.fetch(announced)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    await truncate(file, 5_000);
    await expect(node.fetch(announced)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    await writeFile(file, image);
    expect(image.equals(await node.fetch(announced))).toBe(true);
  });

  it('has what is new when the builder was away, and serves increments without it', async () => {
    const clientId = newClient();
    const image = randomBytes(1_000);
    const announced = await builder.publish(snapshot(clientId, image, 5));
    for (let sequence = 1; sequence <= 3; sequence += 1) await builder.publishIncrement(increment(announced, sequence, 5 + sequence));
    await images.away();
    const node = await openNode();
    await expect(node.fetch(announced)).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE' });
    expect((await node.increments(clientId, announced.version, 0)).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    await images.start();
    expect(image.equals(await node.fetch(announced))).toBe(true);
  });

  it('is current at once for a node that was away for longer than messages are kept', async () => {
    await eventually(async () => {
      const link = await openNats({ url: server.url });
      await link.request('$JS.API.STREAM.DELETE.vitrine-delta', '');
      await link.close();
    });
    const place = await new Images().start();
    others.push(place);
    const short = await openBuilder(place, 1_000);
    const clientId = newClient();
    const image = await short.publish(snapshot(clientId, randomBytes(10), 5));
    for (let sequence = 1; sequence <= 5; sequence += 1) await short.publishIncrement(increment(image, sequence, 5 + sequence));
    const link = await openNats({ url: server.url });
    const jetStream = new JetStream(link);
    await eventually(async () => expect(await jetStream.last('vitrine-delta', `vitrine.delta.${clientId}`)).toBeUndefined());
    await link.close();
    const node = await openNode();
    const seen = await watching(node, clientId);
    expect(seen.announced).toEqual([{ ...image, increment: 5, position: 10n }]);
    expect((await node.increments(clientId, image.version, 0)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    await short.publishIncrement(increment(image, 6, 11));
    await until(() => seen.increments.at(-1)?.sequence === 6);
  });

  it('lets a second builder take over: images of the first are taken along, or said to be missing', async () => {
    const clientId = newClient();
    const image = randomBytes(1_000);
    const announced = await builder.publish(snapshot(clientId, image, 5));
    const gone = await builder.publish(snapshot(clientId, randomBytes(10), 5, 'playbook'));
    const place = await new Images().start();
    others.push(place);
    const second = await openBuilder(place);
    expect(image.equals(await second.fetch(announced))).toBe(true);
    expect((await second.current(clientId, 'audience'))?.url).toBe(`${place.url}/snapshots/${announced.sha256}`);
    await images.away();
    // From a node's view nothing is missing; what was not taken along has to be built again, and the builder is told so.
    const node = await openNode();
    expect(image.equals(await node.fetch((await node.current(clientId, 'audience'))!))).toBe(true);
    await expect(second.fetch(gone)).rejects.toMatchObject({ code: 'SNAPSHOT_MISSING' });
  });

  it('never lets an older position stand over a newer one, whoever publishes at once', async () => {
    const clientId = newClient();
    const place = await new Images().start();
    others.push(place);
    const second = await openBuilder(place);
    const seen = await watching(await openNode(), clientId).catch(() => undefined);
    for (let round = 0; round < 10; round += 1) {
      const low = snapshot(clientId, randomBytes(10), 10 * round + 1);
      const high = snapshot(clientId, randomBytes(10), 10 * round + 2);
      await Promise.allSettled([builder.publish(low), second.publish(high)]);
      expect((await second.current(clientId, 'audience'))?.position).toBe(BigInt(10 * round + 2));
    }
    // The first starts again with what it announced last: it is older, and stays unsaid.
    await builder.close();
    await openBuilder();
    expect((await second.current(clientId, 'audience'))?.position).toBe(92n);
    await until(() => seen?.announced.at(-1)?.position === 92n);
    expect(positionsOf(seen!.announced)).toEqual([...positionsOf(seen!.announced)].sort((a, b) => a - b));
  });

  it('brings an increment that is too large for a message', async () => {
    const clientId = newClient();
    const node = await openNode();
    const image = await builder.publish(snapshot(clientId, randomBytes(10), 5));
    const large = { ...increment(image, 1, 6), bytes: randomBytes(1024 * 1024) };
    await builder.publishIncrement(large);
    expect((await node.current(clientId, 'audience'))?.increment).toBe(1);
    const [found] = await node.increments(clientId, image.version, 0);
    expect(large.bytes.equals(found!.bytes)).toBe(true);
  });

  it('can be opened while NATS is away, and works when it is there', async () => {
    await server.kill();
    const node = await openNatsSnapshots({ url: server.url });
    opened.push(node);
    await expect(node.all()).rejects.toMatchObject({ code: 'SNAPSHOTS_UNAVAILABLE' });
    await server.start();
    await eventually(() => node.all());
  });

  it('says in words that the store of NATS is full', async () => {
    const full = await startNatsServer({ config: '' });
    const link = await openNats({ url: full.url });
    await new JetStream(link).ensureStream({
      name: 'KV_vitrine-nodes',
      subjects: ['$KV.vitrine-nodes.>'],
      max_bytes: 1,
      discard: 'new',
      max_age: 15e9,
    });
    await link.close();
    const node = await openNatsSnapshots({ url: full.url });
    const refusal = node.acknowledge({
      nodeId: 'n1',
      clientId: 'golf',
      kind: 'audience',
      version: 'v',
      position: at(5),
      loadedAt: instant(5),
    });
    await expect(refusal).rejects.toThrow(/full/);
    await node.close();
    await full.stop();
  });
});

function newClient(): string {
  return `c${randomBytes(6).toString('hex')}`;
}

function at(position: number): Position {
  return BigInt(position) as Position;
}

function instant(second: number): string {
  return new Date(Date.UTC(2026, 10, 23, 12, 0, second)).toISOString();
}

function snapshot(clientId: string, image: Uint8Array, position: number, kind: 'audience' | 'playbook' = 'audience') {
  return { clientId, kind, image, position: at(position), builtAt: instant(position), customers: null, memberships: null };
}

function increment(image: Announcement, sequence: number, position: number): Increment {
  const bytes = Buffer.from(`increment ${sequence}\n\0`);
  return { clientId: image.clientId, base: image.version, sequence, position: at(position), builtAt: instant(position), bytes };
}

function positionsOf(announced: readonly Announcement[]): number[] {
  return announced.map(({ position }) => Number(position));
}

async function until(holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  await eventually(async () => {
    if (!holds()) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
  }, timeoutMs);
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
