import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type PlainConnections, plainConnections } from './connections.js';
import { type Conversation, incomplete, type Recogniser, type Reply, unrecognised } from './conversation.js';

/** `N…;` is answered now, with what stands in it in angle brackets. */
const now: Recogniser = {
  begin: () => {
    let response = Buffer.alloc(0);
    return {
      needs: 0,
      get response() {
        return response;
      },
      read({ bytes, end }, from) {
        if (bytes[from] !== 0x4e) return unrecognised;
        const behind = bytes.subarray(0, end).indexOf(';', from) + 1;
        if (behind === 0) return incomplete;
        response = Buffer.from(`<${bytes.toString('latin1', from + 1, behind - 1)}>`);
        return behind;
      },
      surrender: () => undefined,
    };
  },
};

/** `L00012…`, of as many bytes as it says, is answered when `replies` is asked to. */
class Later implements Recogniser {
  readonly replies: { readonly text: string; readonly reply: Reply }[] = [];
  reads = 0;

  begin(reply: Reply): Conversation {
    const conversation = {
      needs: 0,
      response: undefined,
      read: ({ bytes, end }: { bytes: Buffer; end: number }, from: number) => {
        if (bytes[from] !== 0x4c) return unrecognised;
        this.reads += 1;
        const length = Number(bytes.toString('latin1', from + 1, from + 6));
        conversation.needs = end - from < 6 ? 0 : length;
        if (end - from < 6 || end - from < length) return incomplete;
        this.replies.push({ text: bytes.toString('latin1', from + 6, from + length), reply });
        return from + length;
      },
      surrender: () => undefined,
    };
    return conversation;
  }
}

const later = (text: string) => `L${String(text.length + 6).padStart(5, '0')}${text}`;
const toNode = 'GET /node HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

let server: Server;
let connections: PlainConnections;
let slow: Later;
let socket: Socket;
let heard: string;
let closed: Promise<unknown>;
beforeEach(async () => {
  server = createServer((request, response) => response.end(`node:${request.url}`));
  connections = plainConnections(server) as PlainConnections;
  slow = new Later();
  connections.add(now);
  connections.add(slow);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  heard = '';
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  closed = once(socket, 'close');
  await once(socket, 'connect');
});
afterEach(async () => {
  socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('plain connections', () => {
  it('are the same for all who ask for those of a server', () => {
    expect(plainConnections(server)).toBe(connections);
  });

  it('ask one recogniser after the other, and give the server what none knows, unread bytes included', async () => {
    socket.write(`None;Ntwo;${toNode}`);
    await closed;
    expect(heard).toMatch(/^<one><two>HTTP\/1\.1 200 OK\r\n(.|\r\n)*node:\/node$/);
    expect([connections.handedOver, connections.size]).toEqual([1, 0]);
  });

  it('answer in the order of requests, whenever an answer is there', async () => {
    socket.write(`Nfirst;${later('second')}Nthird;${later('fourth')}${toNode}`);
    await until(() => slow.replies.length === 1 && heard === '<first>');
    slow.replies[0]?.reply.give(Buffer.from('[second]'));
    await until(() => slow.replies.length === 2 && heard === '<first>[second]<third>');
    slow.replies[1]?.reply.give(Buffer.from('[fourth]'));
    await closed;
    expect(heard).toMatch(/^<first>\[second\]<third>\[fourth\]HTTP\/1\.1 200 OK\r\n/);
  });

  it('put a long request together once, and ask when it is whole', async () => {
    const text = Array.from({ length: 9_000 }, (_, index) => String(index)).join('-');
    const whole = later(text);
    for (let at = 0; at < whole.length; at += 1_000) {
      socket.write(whole.slice(at, at + 1_000));
      await new Promise(setImmediate);
    }
    await until(() => slow.replies.length === 1);
    expect(slow.replies[0]?.text).toBe(text);
    // Where it begins, how long it is, and all of it.
    expect(slow.reads).toBeLessThanOrEqual(3);
  });

  it('read no more than a bounded part of what follows while an answer is on its way, and all of it then', async () => {
    socket.write(later('one'));
    await until(() => slow.replies.length === 1);
    const count = 40_000;
    for (let n = 0; n < count; n++) socket.write(`N${n};`);
    expect(heard).toBe('');
    slow.replies[0]?.reply.give(Buffer.from('[one]'));
    await until(() => heard.endsWith(`<${count - 1}>`));
    expect(heard).toBe(`[one]${Array.from({ length: count }, (_, n) => `<${n}>`).join('')}`);
  }, 60_000);

  it('send long answers whole to a peer that reads slowly, in order', async () => {
    const long = 'x'.repeat(8_000_000);
    socket.pause();
    socket.write(`${later('one')}Ntwo;`);
    await until(() => slow.replies.length === 1);
    slow.replies[0]?.reply.give(Buffer.from(long));
    await new Promise(setImmediate);
    socket.resume();
    await until(() => heard.endsWith('<two>'));
    expect(heard === `${long}<two>`).toBe(true);
  }, 60_000);

  it('say nothing to a peer that has ended its side, as the server does', async () => {
    socket.write(later('one'));
    await until(() => slow.replies.length === 1);
    socket.end();
    await closed;
    slow.replies[0]?.reply.give(Buffer.from('[one]'));
    await until(() => connections.size === 0);
    expect(heard).toBe('');
  });

  it('end with the answer when the server closes meanwhile', async () => {
    socket.write(later('one'));
    await until(() => slow.replies.length === 1);
    expect(slow.replies[0]?.reply.isLast).toBe(false);
    const ends = new Promise((resolve) => server.close(resolve));
    expect(slow.replies[0]?.reply.isLast).toBe(true);
    slow.replies[0]?.reply.give(Buffer.from('[one]'));
    await Promise.all([ends, closed]);
    expect(heard).toBe('[one]');
  });
});
