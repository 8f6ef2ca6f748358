import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { tagScript } from '#libs/tag';
import {
  Builder,
  campaign,
  content,
  type Edge,
  type Folders,
  group,
  makeFolders,
  playbook,
  rule,
  startEdge,
  until,
} from '../testing/edge.js';

let folders: Folders;
let builder: Builder;
let edge: Edge;
beforeAll(async () => {
  folders = await makeFolders();
  builder = await Builder.open(folders);
  edge = await startEdge(folders, { fastPath: true });
  await builder.playbook(
    playbook(
      'golf',
      [
        content('plain'),
        content('ten', { destination: 'https://shop.example/ten' }),
        content('html', { type: 'html', address: null, body: '<b>ü</b>' }),
      ],
      [
        campaign('spring', [rule('r1', 1, { when: { field: 'context.cart_items', op: 'gte', value: 3 }, contentId: 'ten' })], {
          defaultContentId: 'html',
        }),
        campaign('split', [rule('s1', 1, { groups: [group('a', 5000, 'ten'), group('b', 5000, 'html')] })]),
      ],
    ),
  );
  await until('the playbook is loaded', () => edge.tables.of('golf') !== undefined);
});
afterAll(async () => {
  await edge.close();
  await builder.publication.close();
  await folders.remove();
});

async function counted(name: string): Promise<number> {
  const line = (await edge.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}
const prepared = () => counted('vitrine_fast_path_answers_total{way="prepared"}');
/** By decisions, whichever way. */
const answered = async () => {
  const lines = (await edge.registry.metrics()).split('\n').filter((line) => line.startsWith('vitrine_answers_total{'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
};
const handedOver = () => counted('vitrine_fast_path_handed_over_total');

/** As Chromium sent it for the tag, from a page of another site; of the edge's own site with a cookie, and its page as the `Referer`. */
function ofTag(customer: number, body: object, isOwn: boolean): string {
  const text = JSON.stringify(body);
  const page = `http://127.0.0.1:8080/products/${customer}?utm_source=news`;
  return [
    'POST /q/golf HTTP/1.1',
    'Host: 127.0.0.1:8080',
    'Connection: keep-alive',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'sec-ch-ua-platform: "Linux"',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'sec-ch-ua: "Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"',
    'Content-Type: text/plain;charset=UTF-8',
    'sec-ch-ua-mobile: ?0',
    'Accept-Language: en-GB',
    'Accept: */*',
    `Origin: ${isOwn ? 'http://127.0.0.1:8080' : 'https://shop.example'}`,
    `Sec-Fetch-Site: ${isOwn ? 'same-origin' : 'cross-site'}`,
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    `Referer: ${isOwn ? page : 'https://shop.example/'}`,
    'Accept-Encoding: gzip, deflate, br, zstd',
    ...(isOwn ? [`Cookie: vt_c_golf=customer-${customer}; vt_s_golf=session-${customer}`] : []),
    '',
    text,
  ].join('\r\n');
}

/** Sends in pieces of so many bytes, each a packet of its own; the bodies of the answers. */
async function say(requests: readonly string[], pieceBytes = 65_536): Promise<unknown[]> {
  const socket = connect({ port: Number(new URL(edge.url).port), host: '127.0.0.1', noDelay: true });
  const bodies: unknown[] = [];
  let heard = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
    const head = heard.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/.exec(heard.toString('latin1', 0, head))?.[1]);
    if (head < 0 || heard.length < head + 4 + length) return;
    bodies.push(JSON.parse(heard.toString('utf8', head + 4, head + 4 + length)));
    heard = heard.subarray(head + 4 + length);
    wake();
  });
  for (const request of requests) {
    const answered = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const bytes = Buffer.from(request);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      socket.write(bytes.subarray(at, at + pieceBytes));
      await new Promise(setImmediate);
    }
    await answered;
  }
  socket.destroy();
  return bodies;
}

const body = (customer: number, slots: readonly object[], context: object = {}) => ({
  customerId: `customer-${customer}`,
  sessionId: `session-${customer}`,
  page: `https://shop.example/products/${customer}?a=1&b=%C3%BC#top`,
  referrer: '',
  context,
  slots,
});
const hero = { campaignId: 'spring', placementId: 'hero' };

describe('what the tag asks', () => {
  it('is answered from templates, whoever asks from whichever page', async () => {
    const [before, away] = [await prepared(), await handedOver()];
    const asked = Array.from({ length: 50 }, (_, n) =>
      ofTag(n, body(n, [hero, { campaignId: 'split', placementId: 'side' }], { cart_items: n % 5 }), n % 2 === 0),
    );
    const answers = (await say(asked)) as {
      customerId: string;
      decisions: { campaignId: string; customerId: string; content: { contentId: string } }[];
    }[];
    expect((await prepared()) - before).toBe(50);
    expect(await handedOver()).toBe(away);
    for (const [n, { customerId, decisions }] of answers.entries()) {
      expect([customerId, ...decisions.map((one) => one.customerId)]).toEqual(Array(3).fill(`customer-${n}`));
      expect(decisions.map(({ campaignId }) => campaignId)).toEqual(['spring', 'split']);
      expect(decisions[0]?.content.contentId).toBe(n % 5 >= 3 ? 'ten' : 'html');
    }
  });

  it('is answered when it comes in many packets', async () => {
    const before = await prepared();
    const [answer] = await say([ofTag(1, body(1, [hero]), false)], 50);
    expect(answer).toMatchObject({ customerId: 'customer-1', decisions: [{ campaignId: 'spring' }] });
    expect((await prepared()) - before).toBe(1);
  });

  it('is recorded with its page, the session and the form', async () => {
    await say([ofTag(77, body(77, [hero], { cart_items: 4 }), true)]);
    const facts = (await edge.recorded()).map(({ data }) => data as { customerId: string; [name: string]: unknown });
    expect(facts.find(({ customerId }) => customerId === 'customer-77')).toMatchObject({
      sessionId: 'session-77',
      placementId: 'hero',
      form: 'batch',
      contentId: 'ten',
      request: { url: 'https://shop.example/products/77?a=1&b=%C3%BC#top', referrer: null, context: { cart_items: '4' } },
    });
  });

  it('is answered with many slots, whose response is longer than the first buffer', async () => {
    const before = await prepared();
    const slots = Array.from({ length: 64 }, (_, n) => ({ campaignId: n % 2 === 0 ? 'spring' : 'split', placementId: `p${n}` }));
    const [answer] = (await say([ofTag(5, body(5, slots), false)])) as { decisions: { placementId: string }[] }[];
    expect(answer?.decisions.map(({ placementId }) => placementId)).toEqual(slots.map(({ placementId }) => placementId));
    expect((await prepared()) - before).toBe(1);
  });
});

describe('what pages ask on the same connections', () => {
  it('does not give them away: the tag, whole or unchanged, and clicks', async () => {
    const away = await handedOver();
    const tag = await fetch(`${edge.url}/tag.js`);
    expect(await tag.text()).toBe(tagScript().bytes.toString('utf8'));
    const again = await fetch(`${edge.url}/tag.js`, { headers: { 'if-none-match': String(tag.headers.get('etag')) } });
    expect(again.status).toBe(304);
    const [answer] = (await say([ofTag(1, body(1, [hero], { cart_items: 3 }), false)])) as {
      decisions: { content: { destination: string } }[];
    }[];
    const click = await fetch(edge.url + new URL(answer!.decisions[0]!.content.destination).pathname, { redirect: 'manual' });
    expect([click.status, click.headers.get('location')]).toEqual([302, 'https://shop.example/ten']);
    expect(await handedOver()).toBe(away);
  });
});

describe('a fault of ours', () => {
  const get = 'GET /q/golf/spring?c=ann HTTP/1.1\r\nHost: x\r\n\r\n';
  const broken = () => {
    throw new Error('a fault that a spec has put in');
  };

  it('is told, and who asked is answered by the HTTP server', async () => {
    for (const request of [get, ofTag(1, body(1, [hero]), false)]) {
      const [tables, away] = [jest.spyOn(edge.tables, 'of').mockImplementationOnce(broken), await handedOver()];
      const [answer] = await say([request]);
      tables.mockRestore();
      expect(answer).toMatchObject({ customerId: /ann|customer-1/.exec(request)?.[0] });
      expect((await handedOver()) - away).toBe(1);
    }
  });

  it('between two slots leaves all of them to the common way: each is recorded and counted once', async () => {
    const of = edge.tables.of.bind(edge.tables);
    const before = await answered();
    let calls = 0;
    // Both slots are looked at first; then the first one is answered, and the second one looked at again.
    const tables = jest.spyOn(edge.tables, 'of').mockImplementation((clientId) => (++calls === 3 ? broken() : of(clientId)));
    const [answer] = await say([ofTag(91, body(91, [hero, { campaignId: 'split', placementId: 'side' }]), true)]);
    tables.mockRestore();
    expect(calls).toBeGreaterThan(3);
    expect(answer).toMatchObject({ decisions: [{ campaignId: 'spring' }, { campaignId: 'split' }] });
    const facts = (await edge.recorded()).map(({ data }) => data as { customerId: string; campaignId: string });
    expect(facts.filter(({ customerId }) => customerId === 'customer-91').map(({ campaignId }) => campaignId)).toEqual(['spring', 'split']);
    expect((await answered()) - before).toBe(2);
  });

  it('that stays is 500, and does not end the process', async () => {
    const tables = jest.spyOn(edge.tables, 'of').mockImplementation(broken);
    const answers = [await say([get]), await say([ofTag(1, body(1, [hero]), false)])];
    tables.mockRestore();
    expect(answers).toMatchObject([[{ code: 'INTERNAL' }], [{ code: 'INTERNAL' }]]);
    expect(await say([get])).toMatchObject([{ customerId: 'ann' }]);
  });
});
