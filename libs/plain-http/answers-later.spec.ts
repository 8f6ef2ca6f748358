import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { plainConnections } from './connections.js';
import { incomplete, type Recogniser, type Reply, unrecognised } from './conversation.js';
import type { ReadBytes } from './read-bytes.js';

const seed = Number(process.env['SEED'] ?? 20_261_123);
const answerOf = (text: string, connection = 'keep-alive') =>
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nConnection: ${connection}\r\n\r\n${text}`, 'latin1');

/** `GET /<word>/<text> HTTP/1.1`, answered with its text by whoever `answers`. Half of it may say in `X-Needs` how long it will be. */
class Words implements Recogniser {
  /** Of what `read` was given: all that was kept of a connection. */
  bytesMax = 0;
  private readonly whole: RegExp;
  private readonly opening: string;

  constructor(
    word: string,
    /** The response; undefined: it comes by `reply`. */
    private readonly answers: (text: string, reply: Reply) => Buffer | undefined,
  ) {
    this.opening = `GET /${word}/`;
    this.whole = new RegExp(`^GET /${word}/([a-z0-9]+) HTTP/1\\.1\\r\\n(?:[^\\r]+\\r\\n)*\\r\\n`);
  }

  begin(reply: Reply) {
    const conversation = {
      response: undefined as Buffer | undefined,
      needs: 0,
      read: ({ bytes, end }: ReadBytes, from: number): number => {
        this.bytesMax = Math.max(this.bytesMax, end);
        const text = bytes.toString('latin1', from, Math.min(end, from + 2_000));
        if (!text.startsWith(this.opening.slice(0, text.length))) return unrecognised;
        const found = this.whole.exec(text);
        conversation.needs = Number(/X-Needs: (\d+)\r\n/.exec(text)?.[1] ?? 0);
        if (found === null) return text.length < 2_000 ? incomplete : unrecognised;
        conversation.response = this.answers(found[1] as string, reply);
        return from + found[0].length;
      },
      surrender: () => undefined,
    };
    return conversation;
  }
}

let server: Server;
let later: Words;
let held: (() => void)[];
/** How long an answer is held back: so many turns, or until it is released. */
let turns: (text: string) => number;
const sockets: Socket[] = [];

beforeEach(async () => {
  held = [];
  turns = () => 0;
  server = createServer((request, response) => void response.end(request.url?.split('/').at(-1)));
  const now = new Words('now', (text) => answerOf(text));
  later = new Words('later', (text, reply) => {
    const give = () => reply.give(answerOf(text, reply.isLast ? 'close' : 'keep-alive'));
    const wait = (left: number) => void (left <= 0 ? setImmediate(give) : setImmediate(() => wait(left - 1)));
    if (turns(text) < 0) held.push(give);
    else wait(turns(text));
    return undefined;
  });
  for (const recogniser of [now, later]) plainConnections(server)?.add(recogniser);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function connected(): Promise<{ readonly socket: Socket; readonly heard: () => string; readonly closed: Promise<void> }> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  const closed = new Promise<void>((resolve) => socket.on('error', () => undefined).on('close', () => resolve()));
  await once(socket, 'connect');
  return { socket, heard: () => heard, closed };
}
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
const asking = (word: string, text: string, more = '') => `GET /${word}/${text} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const bodies = (heard: string) => [...heard.matchAll(/\r\n\r\n([a-z0-9]+)/g)].map(([, text]) => text);

describe(`answers that come later (SEED=${seed})`, () => {
  it('keep the order of requests, whoever answers, wherever the packets end', async () => {
    const asked = fc.array(fc.tuple(fc.constantFrom('now', 'later', 'later', 'now', 'node'), fc.nat(3)), { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(asked, fc.array(fc.nat(), { maxLength: 5 }), async (requests, cuts) => {
        turns = (text) => Number(text[0]);
        const texts = requests.map(([, wait], index) => `${wait}x${index}x`);
        const whole = requests.map(([word], index) => asking(word, texts[index] as string)).join('');
        const { socket, heard } = await connected();
        const places = [...new Set([0, ...cuts.map((cut) => cut % whole.length), whole.length])].sort((a, b) => a - b);
        for (const [index, place] of places.slice(1).entries()) {
          socket.write(whole.slice(places[index], place));
          await new Promise(setImmediate);
          await new Promise(setImmediate);
        }
        await until(() => bodies(heard()).length >= texts.length);
        expect(bodies(heard())).toEqual(texts);
        socket.destroy();
      }),
      { numRuns: 80, seed },
    );
  }, 60_000);

  it('let no more be kept of what follows than is read ahead, however many of them there are', async () => {
    const { socket, heard } = await connected();
    const count = 3_000;
    const padding = `X-Padding: ${'p'.repeat(1_000)}\r\n`;
    socket.write(Array.from({ length: count }, (_, n) => asking('later', `n${n}`, padding)).join(''));
    await until(() => heard().endsWith(`\r\nn${count - 1}`));
    expect(bodies(heard())).toEqual(Array.from({ length: count }, (_, n) => `n${n}`));
    expect(later.bytesMax).toBeLessThanOrEqual(2 * 65_536);
  }, 60_000);

  it('end the connection when the server closes, whatever was asked behind them', async () => {
    turns = () => -1;
    const [whole, half] = [await connected(), await connected()];
    whole.socket.write(asking('later', 'one') + asking('now', 'behind') + asking('node', 'behind'));
    half.socket.write(asking('later', 'two') + asking('later', 'half').slice(0, 20));
    await until(() => held.length === 2);
    const ends = new Promise((resolve) => server.close(resolve));
    for (const give of held) give();
    await Promise.all([ends, whole.closed, half.closed]);
    expect([bodies(whole.heard()), bodies(half.heard())]).toEqual([['one'], ['two']]);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }, 20_000);

  it('are for nobody when the peer has gone, and for nobody else', async () => {
    turns = () => -1;
    const gone = [await connected(), await connected()];
    gone[0]?.socket.write(asking('later', 'reset'));
    gone[1]?.socket.write(asking('later', 'ended') + asking('now', 'behind'));
    await until(() => held.length === 2);
    gone[0]?.socket.resetAndDestroy();
    gone[1]?.socket.end();
    await Promise.all(gone.map(({ closed }) => closed));
    const other = await connected();
    other.socket.write(asking('later', 'other'));
    await until(() => held.length === 3);
    for (const give of held) give();
    await until(() => other.heard() !== '');
    expect(bodies(other.heard())).toEqual(['other']);
    expect(gone.map(({ heard }) => heard())).toEqual(['', '']);
    expect(plainConnections(server)?.size).toBe(1);
  }, 20_000);
});

it('room that was made for a request is not kept by a connection that was given away', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const held = () => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  let before = Number.POSITIVE_INFINITY;
  // What the tests before have left goes first.
  await until(() => {
    const last = before;
    before = held();
    return before >= last;
  });
  const count = 200;
  for (let n = 0; n < count; n++) (await connected()).socket.write('GET /later/half HTTP/1.1\r\nX-Needs: 65000\r\n');
  await until(() => held() - before > (count * 65_000) / 2);
  const connections = plainConnections(server);
  await until(() => connections?.handedOver === count);
  await until(() => held() - before < (count * 65_000) / 8);
  expect(await new Promise((resolve) => server.getConnections((_, open) => resolve(open)))).toBe(count);
}, 60_000);
