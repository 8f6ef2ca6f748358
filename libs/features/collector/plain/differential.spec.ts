import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pieces, say } from '../../../plain-http/testing/say.js';
import { type CollectorUnderTest, startCollector } from '../testing/collector-under-test.js';
import { cuts, endings, lastRequest, requests, wholeRequests } from './testing/conversations.js';

const seed = Number(process.env['SEED'] ?? 20_261_123);
const trials = Number(process.env['TRIALS'] ?? 150);
/** An answer waits for a disk that others use. */
const quietMs = 600;

let time = Date.UTC(2026, 10, 23, 11, 30);
let plain: CollectorUnderTest;
let common: CollectorUnderTest;
beforeAll(async () => {
  const options = { clock: () => new Date(time) };
  [plain, common] = await Promise.all([startCollector({ ...options, fastPath: true }), startCollector({ ...options, fastPath: false })]);
  for (const one of [plain, common]) {
    await one.register('golf', { currency: 'USD', origins: ['https://golf.example'] });
    await one.register('tennis', { currency: 'EUR', origins: [] });
  }
});
afterAll(async () => {
  await plain.close();
  await common.close();
});

async function bothSay(conversation: readonly (readonly Buffer[])[]): Promise<void> {
  time += 997;
  const [one, other] = await Promise.all([plain, common].map(({ url }) => say(url, conversation, quietMs)));
  // Node reads ahead: what it does not take behind a batch that waits, it refuses at once, and says nothing more of the batch.
  const before = other?.endsWith(malformed) === true && one?.endsWith(malformed) === true ? other.slice(0, -malformed.length) : undefined;
  if (before === undefined || one?.startsWith(before) !== true) expect(one).toBe(other);
}

const malformed =
  'HTTP/1.1 400 Bad Request\r\nContent-Length: 65\r\nContent-Type: application/json\r\n\r\n{"error":"Bad Request","message":"Client Error","statusCode":400}';
/** The two ways write members in different orders. */
const inOrder = (data: Readonly<Record<string, unknown>>) => Object.entries(data).sort(([one], [other]) => (one < other ? -1 : 1));

async function counted(name: string): Promise<number> {
  const line = (await plain.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe(`batches on the plain socket (SEED=${seed}, TRIALS=${trials})`, () => {
  it('are answered as by the HTTP server, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(requests, endings, cuts, (asked, ending, at) => bothSay([...asked, ending].map((text) => pieces(text, at)))),
      { numRuns: trials, seed },
    );
  }, 280_000);

  it('are answered in order when they come together, wherever the packets end', async () => {
    await fc.assert(
      fc.asyncProperty(wholeRequests, cuts, (asked, at) => bothSay([pieces(asked.join('') + lastRequest, at)])),
      { numRuns: Math.ceil(trials / 3), seed },
    );
  }, 280_000);

  it('were many', async () => {
    expect(await counted('vitrine_collect_plain_total')).toBeGreaterThan(trials);
    const connections = await new Promise((resolve) => plain.server.getConnections((_, count) => resolve(count)));
    expect(connections).toBe(0);
  });

  it('leave the same events', async () => {
    const events = async (collector: CollectorUnderTest) => {
      await collector.facts.drained();
      return (await collector.recorded())
        .map(({ type, data, metadata }) => JSON.stringify([type, metadata.clientId, inOrder(data)]))
        .sort();
    };
    const [one, other] = [await events(plain), await events(common)];
    expect(one.length).toBeGreaterThan(trials / 2);
    expect(one).toEqual(other);
  });
});

describe('a batch that waits for the disk', () => {
  const asking = (id: string) => {
    const body = JSON.stringify({ batch: [{ type: 'Page Viewed', messageId: id, customerId: 'ann' }] });
    return `POST /e/golf HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  /** A collector whose disk can be held up, and a connection to it. */
  async function held(fastPath: boolean) {
    let release: () => void = () => undefined;
    let waiting = 0;
    const disk = new Promise<void>((resolve) => {
      release = resolve;
    });
    const collector = await startCollector({
      fastPath,
      putting: () => {
        waiting += 1;
        return disk;
      },
    });
    await collector.register('golf');
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
    await once(socket, 'connect');
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    const closed = new Promise<void>((resolve) => socket.on('error', () => undefined).on('close', () => resolve()));
    const until = async (holds: () => boolean | Promise<boolean>) => {
      while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    return { collector, socket, release, closed, until, heard: () => heard, waiting: () => waiting };
  }

  it.each([true, false])(
    'is answered before what was asked behind it (plain: %s)',
    async (fastPath) => {
      const { collector, socket, release, until, heard, waiting, closed } = await held(fastPath);
      try {
        socket.write(`${asking('one')}OPTIONS /e/golf HTTP/1.1\r\nHost: x\r\n\r\n`);
        await until(() => waiting() === 1);
        // More than is kept for a connection that waits.
        socket.write(`POST /e/golf HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${' '.repeat(200_000)}${lastRequest}`);
        expect(heard()).toBe('');
        release();
        await closed;
        expect([...heard().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['202', '204', '400', '404']);
      } finally {
        await collector.close();
      }
    },
    60_000,
  );

  it.each([true, false])(
    'is kept when the sender goes away, and nothing is said to nobody (plain: %s)',
    async (fastPath) => {
      const { collector, socket, release, until, waiting } = await held(fastPath);
      try {
        socket.write(asking('gone'));
        await until(() => waiting() === 1);
        socket.resetAndDestroy();
        await until(async () => (await new Promise((resolve) => collector.server.getConnections((_, count) => resolve(count)))) === 0);
        release();
        await until(async () => (await collector.recorded()).length === 1);
      } finally {
        await collector.close();
      }
    },
    60_000,
  );

  it('is answered when the server closes, and the connection ends with the answer', async () => {
    const { collector, socket, release, until, heard, waiting, closed } = await held(true);
    try {
      socket.write(asking('late'));
      await until(() => waiting() === 1);
      const ends = new Promise<void>((resolve) => collector.server.close(() => resolve()));
      expect(heard()).toBe('');
      release();
      await Promise.all([ends, closed]);
      expect(heard()).toMatch(/^HTTP\/1\.1 202 Accepted\r\n(.|\r\n)*\r\nConnection: close\r\n\r\n\{"accepted":1,"rejected":\[\]\}$/);
    } finally {
      await collector.close();
    }
  }, 60_000);
});

it.each([true, false])('a fault of ours is an answer, and the next batch is taken (plain: %s)', async (fastPath) => {
  let isBroken = true;
  const clock = () => {
    if (isBroken) throw new TypeError('no time');
    return new Date(time);
  };
  const collector = await startCollector({ fastPath, clock });
  try {
    await collector.register('golf');
    const sent = () =>
      fetch(`${collector.url}/e/golf`, {
        method: 'POST',
        body: JSON.stringify({ batch: [{ type: 'Page Viewed', messageId: 'm', customerId: 'ann' }] }),
      });
    expect((await sent()).status).toBe(500);
    isBroken = false;
    expect((await sent()).status).toBe(202);
  } finally {
    await collector.close();
  }
});
