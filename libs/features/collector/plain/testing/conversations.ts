/** What a connection may say to a collector: batches as pages send them, odd ones, and what no parser takes. Bytes are written as Latin-1. */
import fc from 'fast-check';

const oneOf = <T>(...choices: readonly T[]) => fc.constantFrom(...choices);
const weighted = <T>(...choices: readonly (readonly [weight: number, fc.Arbitrary<T>])[]) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const named = (name: string, values: fc.Arbitrary<string>) => values.map((value) => name + value);

const event = weighted<unknown>(
  [
    6,
    fc
      .tuple(oneOf('Page Viewed', 'Product Viewed', 'Products Searched'), fc.nat(99), oneOf('ann', 'bob'))
      .map(([type, id, customerId]) => ({
        type,
        messageId: `m${id}`,
        customerId,
        properties: { url: `https://shop.example/p/${id}`, product_id: `sku-${id}` },
      })),
  ],
  [1, oneOf<unknown>({ type: 'Sold', messageId: 'x', customerId: 'ann' }, { type: 'Page Viewed' }, 5, null, 'a "quoted" ü')],
  [1, oneOf({ type: 'Order Refunded', messageId: 'r1', customerId: 'ann', properties: { total: 5 } })],
  [1, oneOf({ type: 'Order Completed', messageId: 'o1', customerId: 'bob', properties: { total: 12.5, order_id: 'o1', currency: 'EUR' } })],
);
const body = weighted(
  [12, fc.array(event, { maxLength: 5 }).map((batch) => JSON.stringify({ batch }))],
  [1, fc.nat(3).map((more) => JSON.stringify({ batch: Array.from({ length: 199 + more }, () => 5) }))],
  [1, fc.nat(2).map((more) => JSON.stringify({ batch: [], pad: 'x'.repeat(65_513 + more) }))],
  [2, oneOf('', '{', 'null', '{"batch":{}}', '{"batch":[]} ', '\u00ff', '{"batch":[]}{"batch":[]}', ' { "batch" : [ ] } ')],
);

const type = weighted(
  [
    4,
    oneOf('Content-Type: application/json', 'Content-Type: text/plain;charset=UTF-8', 'content-type: application/json; charset=utf-8', ''),
  ],
  [1, oneOf('Content-Type: text/html', 'Content-Type: ', 'Content-Type: APPLICATION/JSON ', 'Content-Type: application/json;charset=x')],
);
const header = weighted(
  [3, named('User-Agent: ', oneOf('Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'curl/8', ''))],
  [4, named('Origin: ', oneOf('https://golf.example', 'https://golf.example', 'https://tennis.example', 'null', ''))],
  [
    4,
    oneOf(
      'Accept: */*',
      'Cookie: vt_c_golf=ann',
      'Referer: https://golf.example/p',
      'Sec-Fetch-Mode: cors',
      'Connection: keep-alive',
      'X-A:b ',
    ),
  ],
);
const oddHeader = oneOf(
  ...[
    'Connection: close',
    'Expect: 100-continue',
    'Expect: x',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: x',
    'Content-Encoding: gzip',
  ],
  ...['Authorization: Bearer golf-token', 'Authorization: Bearer none', 'Content-Length: 5', 'Content-Length: 3, 3', 'Upgrade: websocket'],
  ...['TE: trailers', 'Host: other.example', 'X-\u00dc: 1', 'X-Tab: a\tb', ' folded: 1', 'X-Bare: a\nX-LF: b', 'No colon', 'X-CR: a\rb'],
  ...[`X-Long: ${'z'.repeat(9_000)}`, `X-Longer: ${'z'.repeat(17_000)}`],
);
const path = weighted(
  [12, oneOf('/e/golf', '/e/golf', '/e/tennis')],
  [
    1,
    oneOf(
      '/e/golf?',
      '/e/golf?a=b',
      '/e/golf?wait=now',
      '/e/nobody',
      '/e/go.lf',
      '/e/',
      '/e',
      '/e/golf/',
      '/e/golf/x',
      '/e/%67olf',
      '//e/golf',
    ),
  ],
  [1, oneOf(`/e/${'a'.repeat(64)}`, `/e/${'a'.repeat(65)}`, `/e/${'a'.repeat(200)}`, 'http://shop.example/e/golf', '/elsewhere', '*')],
);
/** How the length that is said differs from that of the body: what is too long is the next request's beginning. */
const length = weighted(
  [30, fc.constant((bytes: number) => `${bytes}`)],
  [
    1,
    oneOf(
      (bytes: number) => `${Math.max(0, bytes - 3)}`,
      (bytes: number) => `0${bytes}`,
      (bytes: number) => `+${bytes}`,
    ),
  ],
  [
    1,
    oneOf(
      (bytes: number) => ` ${bytes} `,
      (bytes: number) => `${bytes}x`,
      () => '',
      () => '99999999999999999999',
      () => '-1',
      () => '1048577',
    ),
  ],
);

const written = (line: string, headers: readonly string[], rest: string) =>
  `${[line, ...headers.filter((one) => one !== '')].join('\r\n')}\r\n${rest}`;

const batches = (headers: fc.Arbitrary<readonly string[]>, said: typeof length, to: typeof path, kind: typeof type) =>
  fc
    .tuple(to, body, headers, said, kind, oneOf('Content-Length', 'content-length'))
    .map(([target, text, others, lengthOf, typed, name]) => {
      const bytes = Buffer.from(text, 'utf8');
      const own = [...others, typed, `${name}: ${lengthOf(bytes.length)}`];
      return written(`POST ${target} HTTP/1.1`, ['Host: shop.example', ...own], `\r\n${bytes.toString('latin1')}`);
    });

const post = batches(fc.array(weighted([16, header], [1, oddHeader]), { maxLength: 3 }), length, path, type);
const chunked = body.map((text) => {
  const bytes = Buffer.from(text, 'utf8');
  const chunk = bytes.length === 0 ? '' : `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n`;
  return written('POST /e/golf HTTP/1.1', ['Host: shop.example', 'Transfer-Encoding: chunked'], `\r\n${chunk}0\r\n\r\n`);
});
const otherMethods = oneOf(
  ...['OPTIONS', 'GET', 'HEAD', 'PUT', 'DELETE', 'post'].map((method) =>
    written(`${method} /e/golf HTTP/1.1`, ['Host: shop.example'], '\r\n'),
  ),
  ...['1.0', '1.2', '2.0'].map((version) =>
    written(`POST /e/golf HTTP/${version}`, ['Host: shop.example', 'Content-Length: 12'], '\r\n{"batch":[]}'),
  ),
  written('POST /e/golf HTTP/1.1', ['Content-Length: 12'], '\r\n{"batch":[]}'),
  written('POST /e/golf HTTP/1.1', ['Host: shop.example'], '\r\n'),
);
/** A byte is changed, put in or left out. */
const spoiled = fc
  .tuple(post, fc.nat(), oneOf('change', 'add', 'leave'), fc.integer({ min: 0, max: 255 }))
  .map(([text, where, how, byte]) => {
    // In the head, mostly: the body is JSON.parse's, or what common-batch.spec.ts holds to it.
    const at = where % Math.min(text.length, 200);
    return text.slice(0, at) + (how === 'leave' ? '' : String.fromCharCode(byte)) + text.slice(how === 'add' ? at : at + 1);
  });

/** Answered, and the connection closed, by whichever parser has come so far. */
export const lastRequest = 'GET /end HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n';

export const requests = fc.array(weighted([12, post], [1, chunked], [2, otherMethods], [2, spoiled]), { minLength: 1, maxLength: 4 });
export const endings = weighted(
  [12, oneOf(lastRequest)],
  [1, oneOf('', 'POST /e/go', 'POST /e/golf HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"batch":[')],
);
/** Requests that can follow each other in one packet: each is whole, and none ends the connection. */
export const wholeRequests = fc.array(
  batches(
    fc.array(header, { maxLength: 3 }).map(distinct),
    fc.constant((bytes: number) => `${bytes}`),
    oneOf('/e/golf', '/e/tennis', '/e/nobody'),
    oneOf('Content-Type: text/plain;charset=UTF-8', ''),
  ),
  { minLength: 2, maxLength: 12 },
);
/** Where packets end. */
export const cuts = fc.array(fc.nat(), { maxLength: 6 });

/** Each header once. */
function distinct(headers: readonly string[]): readonly string[] {
  return headers.filter((one, index) => headers.findIndex((other) => other.split(':')[0] === one.split(':')[0]) === index);
}
