import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Builder, campaign, content, type Edge, type Folders, makeFolders, playbook, startEdge, until } from '../testing/edge.js';

let folders: Folders;
let builder: Builder;
let edge: Edge;
const sockets: Socket[] = [];
beforeEach(async () => {
  folders = await makeFolders();
  builder = await Builder.open(folders);
  edge = await startEdge(folders);
  await builder.playbook(playbook('golf', [content('plain', { alt: 'x'.repeat(8000) })], [campaign('spring', [])]));
  await until('the playbook is loaded', () => edge.tables.of('golf') !== undefined);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await edge.close();
  await builder.publication.close();
  await folders.remove();
});

const asking = (customer: string) => `GET /q/golf/spring?c=${customer} HTTP/1.1\r\nHost: x\r\n\r\n`;
async function connected(): Promise<Socket> {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}
/** What was heard until the text holds what is looked for. */
function hears(socket: Socket, wanted: RegExp): Promise<string> {
  let heard = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => {
      heard += chunk;
      if (wanted.test(heard)) resolve(heard);
    });
    socket.on('close', () => reject(new Error(`closed after: ${heard}`)));
  });
}
async function counted(name: string): Promise<number> {
  const line = (await edge.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe('a connection of the fast path', () => {
  it('that is not read waits, and gets every answer in order when it is', async () => {
    const socket = await connected();
    const count = 2_000;
    socket.pause();
    for (let n = 0; n < count; n++) socket.write(asking(`customer-${n}`));
    // The answers are more than the machine keeps for a connection: some requests must wait.
    await until('answers wait', async () => {
      const before = await counted('vitrine_fast_path_answers_total{way="prepared"}');
      await new Promise(setImmediate);
      return before > 100 && before === (await counted('vitrine_fast_path_answers_total{way="prepared"}'));
    });
    // Others are answered meanwhile.
    const other = await connected();
    const answer = hears(other, /"customerId":"other"/);
    other.write(asking('other'));
    await answer;
    const all = await hears(socket.resume(), new RegExp(`customer-${count - 1}[^0-9](.|\n)*alt`));
    expect([...all.matchAll(/"customerId":"customer-(\d+)"/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
  }, 60_000);

  it('that is not read and goes away is forgotten', async () => {
    const socket = await connected();
    socket.pause();
    for (let n = 0; n < 2_000; n++) socket.write(asking(`customer-${n}`));
    await until('answers come', async () => (await counted('vitrine_fast_path_answers_total{way="prepared"}')) > 100);
    socket.resetAndDestroy();
    await until('it is gone', async () => (await counted('vitrine_fast_path_connections')) === 0);
  });

  it('that does not go on with a request is the HTTP server’s, which answers when it does', async () => {
    const socket = await connected();
    const text = asking('ann');
    socket.write(text.slice(0, 20));
    await until('it is given away', async () => (await counted('vitrine_fast_path_handed_over_total')) === 1);
    expect(await counted('vitrine_fast_path_connections')).toBe(0);
    const answer = hears(socket, /"customerId":"ann"/);
    socket.write(text.slice(20));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('that goes on with a request byte by byte is given away all the same', async () => {
    const socket = await connected();
    const answer = hears(socket, /"customerId":"ann"/);
    const text = `GET /q/golf/spring?c=ann HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(1000)}`;
    let sent = 0;
    await until('it is given away', async () => {
      expect(sent).toBeLessThan(text.length);
      socket.write(text.slice(sent, ++sent));
      return (await counted('vitrine_fast_path_handed_over_total')) === 1;
    });
    socket.write(`${text.slice(sent)}\r\n\r\n`);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('that says nothing at all is the HTTP server’s too', async () => {
    await connected();
    await until('it is given away', async () => (await counted('vitrine_fast_path_handed_over_total')) === 1);
  });

  it('that is idle for longer than connections are kept is closed', async () => {
    edge.server.keepAliveTimeout = 1000;
    const socket = await connected();
    const answer = hears(socket, /"customerId":"ann"/);
    socket.write(asking('ann'));
    await answer;
    const [isBroken] = await once(socket, 'close');
    expect(isBroken).toBe(false);
  });

  it('ends when the server closes, at once when it is idle, and after the answer when it is not', async () => {
    const [idle, busy] = [await connected(), await connected()];
    const answer = hears(idle, /"customerId":"ann"/);
    idle.write(asking('ann'));
    await answer;
    // Half a request behind a whole one: both are there when the one is answered.
    const first = hears(busy, /"customerId":"cem"/);
    busy.write(asking('cem') + asking('bob').slice(0, 30));
    await first;
    const idleEnds = once(idle, 'close');
    const last = hears(busy, /\r\n\r\n(.|\n)*\}/);
    const closed = new Promise((resolve) => edge.server.close(resolve));
    await idleEnds;
    busy.write(asking('bob').slice(30));
    expect(await last).toMatch(/"customerId":"bob"/);
    busy.end();
    await closed;
  });

  it('counts among the server’s connections until it ends', async () => {
    const count = () => new Promise<number>((resolve) => edge.server.getConnections((_, number) => resolve(number)));
    const sockets = [await connected(), await connected()];
    for (const socket of sockets) socket.write(asking('ann'));
    await until('both are counted', async () => (await count()) === 2);
    sockets[0]?.write('POST /q/golf HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await until('one is given away', async () => (await counted('vitrine_fast_path_handed_over_total')) === 1);
    expect(await count()).toBe(2);
    for (const socket of sockets) socket.destroy();
    await until('none is counted', async () => (await count()) === 0);
  });
});

it('where Node’s sockets are not as the fast path knows them, the HTTP server answers', async () => {
  const whole = Object.getOwnPropertyDescriptor(process, 'binding') as PropertyDescriptor;
  Object.defineProperty(process, 'binding', { ...whole, value: () => ({ streamBaseState: [] }) });
  try {
    const other = await startEdge({ ...folders, root: `${folders.root}-other`, cache: `${folders.cache}-other` });
    try {
      await until('the playbook is loaded', () => other.tables.of('golf') !== undefined);
      expect((await fetch(`${other.url}/q/golf/spring?c=ann`)).status).toBe(200);
      expect(await other.registry.metrics()).not.toContain('vitrine_fast_path');
    } finally {
      await other.close();
    }
  } finally {
    Object.defineProperty(process, 'binding', whole);
    await rm(`${folders.root}-other`, { recursive: true, force: true });
  }
});
