/** What a connection may say: queries as pages send them, odd ones, and what no parser takes. Bytes are written as Latin-1. */
import fc from 'fast-check';

const oneOf = <T>(...choices: readonly T[]) => fc.constantFrom(...choices);
const weighted = <T>(...choices: readonly (readonly [weight: number, fc.Arbitrary<T>])[]) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const named = (name: string, values: fc.Arbitrary<string>) => values.map((value) => name + value);
const long = (character: string, length: number) => character.repeat(length);

const customers = weighted(
  [4, oneOf('ann', 'bob', 'cem', 'nobody', '0190c3f2-1111-7222-8333-444455556666', "o'neil=1", 'a:b~c', long('x', 64))],
  [1, oneOf('L%C3%B6we+%C3%BC', 'a%22b', 'a\\b', '%00', '%', '%zz', '', 'ü', long('x', 65))],
);
const addresses = weighted(
  [3, oneOf('https%3A%2F%2Fshop.example%2Fclubs', 'https://shop.example/clubs?b=1', 'a+b', '%7f', '', long('x', 2048))],
  [1, oneOf('a%40b.example', '?mail=ann@shop.example', '%C3%BC', '%c3', '%2', '%4', '%', long('x', 2049))],
);
const contexts = weighted(
  [4, oneOf('x.cart_items=5', 'x.cart_items=1', 'x.cart_items=', 'x.cart_items=5&x.cart_items=1', 'x.b=c=d', `x.long=${long('y', 512)}`)],
  [1, oneOf('x.a%20b=1', 'x.=1', 'x.mail=ann@shop.example', 'x.a', 'x', `x.long=${long('y', 513)}`, `x.${long('n', 65)}=1`)],
  [1, oneOf(Array.from({ length: 33 }, (_, index) => `x.n${index}=${index}`).join('&'))],
);
const parameter = weighted(
  [12, named('c=', customers)],
  [4, named('p=', oneOf('hero', 'hero', 'side.1'))],
  [1, named('p=', oneOf('-x', '', 'a+b', 'ü', '%41', long('x', 64), long('x', 65)))],
  [3, named('s=', weighted([3, oneOf('s1', 's=1', '')], [1, oneOf('s%202', long('x', 65))]))],
  [4, oneOf('u=', 'r=').chain((name) => named(name, addresses))],
  [4, contexts],
  [1, named('f=', oneOf('json', 'redirect', 'body', 'click', 'xml', '', 'jsom'))],
  [1, oneOf('utm_source=x', '_=1', '_=%zz', '', '=', '=c', '&', 'c', '%63=ann', 'C=ann', 'u==', 'z=a@b', 'x.#')],
);
const pathOfCampaign = oneOf('golf', 'tennis').chain((client) =>
  named(`/q/${client}/`, oneOf('spring', 'spring', 'spring', 'split', 'paused', 'bare.-_x')),
);
const oddPath = oneOf(
  ...['/q/golf/autumn', '/q/none/spring', '/q/golf', '/q/golf/', '/q//spring', '/q/golf/spring/', '/q/golf/spring/x', '/q/golf.x/spring'],
  ...['/q/g%6Flf/spring', '/q/golf/spring%20', '/Q/golf/spring', '//q/golf/spring', '/q/-golf/spring', '/q/golf/__proto__', '/k/abc', '/'],
  ...['*', 'http://golf.example/q/golf/spring', `/q/golf/${long('a', 100)}`, `/q/golf/${long('a', 9000)}`],
);
const otherPath = oneOf(
  '/tag.js',
  '/tag.js',
  '/tag.js?v=1',
  '/tag.jsx',
  '/k/',
  `/k/${long('a', 60)}`,
  '/k/AAAA.B',
  '/k/a/b',
  `/k/${long('a', 9000)}`,
);
const target = fc
  .tuple(
    weighted([20, pathOfCampaign], [2, oddPath], [3, otherPath]),
    fc.array(parameter, { maxLength: 4 }),
    weighted([20, oneOf('?')], [1, oneOf('', '??', '#?')]),
  )
  .map(([path, parameters, mark]) => (parameters.length === 0 && mark === '?' ? path : `${path}${mark}${parameters.join('&')}`));

/** Headers that change no parser's mind. */
const plainHeader = weighted(
  [3, named('User-Agent: ', oneOf('Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile Safari/604.1', 'curl/8', ''))],
  [3, named('Origin: ', oneOf('https://golf.example', 'https://tennis.example', 'null', ''))],
  [4, named('Cookie: ', oneOf('vt_c_golf=ann; vt_s_golf=s9', 'vt_c_golf=bob', 'vt_s_golf=s1', 'vt_c_golf=%C3%BC; vt_s_golf="q"'))],
  [2, named('Cookie: ', oneOf('vt_c_golf=%zz', 'a=b', ';;', 'vt_c_tennis=cem; vt_s_tennis=1', 'vt_c_golf="; vt_s_golf=a\\b'))],
  [3, named('Referer: ', oneOf('https://shop.example/clubs', 'https://shop.example/c?a=1&b=%C3%BC', ' two  blanks  ', long('r', 2100)))],
  [1, named('Referer: ', oneOf('https://shop.example/?m=ann@shop.example', 'https://shop.example/?m=ann%40shop.example', '', '"\\'))],
  [1, oneOf('If-None-Match: *', 'If-None-Match: W/"x", "y"', 'Accept-Encoding: gzip, br', 'Accept-Encoding: br, gzip;q=0')],
  [1, named('X-Forwarded-For: ', oneOf('192.0.2.1', '2001:db8::1, 192.0.2.22', ''))],
  [2, oneOf('X-Forwarded-Proto: https', 'CF-IPCountry: de', 'cf-ipcountry:XX', 'Sec-Purpose: prefetch', 'Connection: keep-alive')],
  [2, oneOf('Accept: */*', 'accept-ENCODING:gzip', 'X-A:  b  ', 'X-Empty:', 'connection: Keep-Alive', 'Unknown: 1')],
);
const parserHeader = oneOf(
  ...['Connection: close', 'Connection: upgrade', 'Upgrade: websocket', 'Expect: 100-continue', 'Expect: x', 'Content-Length: 0'],
  ...[
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 3, 3',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: x',
    'TE: trailers',
  ],
  ...['Keep-Alive: 5', 'Proxy-Connection: close', 'Host: other.example'],
);
const oddHeader = oneOf(
  ...[
    'X-\u00dcnknown: 1',
    ' folded: 1',
    'X-Fold: a\r\n b',
    'X-Bare: a\nX-LF: b',
    'X-Nul: a\u0000b',
    'X-Tab: a\tb',
    'X-Tab:\ta\t',
    'X-High: \u00ff',
  ],
  ...['No colon', ': no name', 'X Space: 1', 'X-Space : 1', 'X-CR: a\rb', `X-Long: ${long('z', 9000)}`, `X-Longer: ${long('z', 17_000)}`],
);
const written = (method: string, to: string, version: string, headers: readonly string[], end: string) =>
  `${[`${method} ${to} ${version}`, ...headers].join('\r\n')}\r\n${end}`;

const anyRequest = fc
  .tuple(
    weighted([30, oneOf('GET')], [1, oneOf('HEAD', 'POST', 'OPTIONS', 'PUT', 'get', 'GET ', ' GET', '\r\nGET', 'CONNECT', 'G')]),
    target,
    weighted([30, oneOf('HTTP/1.1')], [1, oneOf('HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', '', 'HTTP/1.1\n')]),
    weighted(
      [30, oneOf('Host: shop.example')],
      [2, oneOf('host:shop.example:8080', 'Host: ', 'Host: a/b', 'Accept: no host', 'Host: [::1]:80')],
    ),
    fc.array(weighted([16, plainHeader], [2, parserHeader], [1, oddHeader]), { maxLength: 3 }),
    weighted([20, oneOf('\r\n')], [1, oneOf('\n', '\r\n\r\n', '', '\r\nhello', '\r')]),
  )
  .map(([method, to, version, host, headers, end]) => written(method, to, version, [host, ...headers], end));

/** What the tag asks, as `JSON.stringify` writes it, and what no tag would. */
const slot = fc.record(
  {
    campaignId: weighted(
      [12, oneOf('spring', 'split', 'paused', 'bare.-_x')],
      [1, oneOf('autumn', '-x', '', 'ü', long('a', 65), '__proto__')],
    ),
    placementId: weighted([8, oneOf('hero', 'side.1')], [1, oneOf('', '-x', 'a b', long('x', 65))]),
  },
  { requiredKeys: ['campaignId'] },
);
const pages = weighted(
  [4, oneOf('https://shop.example/clubs?b=1&c=2#top', 'https://shop.example/a%20b?q=%C3%BC+x', 'a b', long('x', 2048), '')],
  [
    1,
    oneOf(
      'https://shop.example/?m=ann@shop.example',
      'https://shop.example/?m=ann%40shop.example',
      '"\\',
      'ü',
      '\u007f',
      '\ud800',
      long('&', 2048),
    ),
  ],
);
const asked = fc.record(
  {
    customerId: weighted(
      [6, oneOf('ann', 'bob', 'cem', '0190c3f2-1111-7222-8333-444455556666', "o'neil=1", long('x', 64))],
      [1, oneOf('', 'ü', 'a b', 'a&b', '"', long('x', 65))],
    ),
    sessionId: weighted([4, oneOf('s1', 's=1')], [1, oneOf('', 's 2', 'ü', long('x', 65))]),
    page: pages,
    referrer: pages,
    context: weighted<Record<string, unknown>>(
      [3, oneOf<Record<string, unknown>>({}, { cart_items: 5 }, { cart_items: '5', page_type: 'cart' }, { cart_items: -1 }, { a: '' })],
      [
        1,
        oneOf<Record<string, unknown>>(
          { a: 1.5 },
          { a: 1e21 },
          { a: null, b: true },
          { a: 'x y' },
          { 'a=b': '1' },
          { '': '1' },
          { 2: 'b', 1: 'a' },
        ),
      ],
      [1, oneOf<Record<string, unknown>>({ a: 'ann@shop.example' }, { a: {} }, { a: long('y', 513) }, { [long('n', 65)]: '1' }, { a: -0 })],
    ),
    slots: weighted([10, fc.array(slot, { minLength: 1, maxLength: 3 })], [1, oneOf([], Array(65).fill({ campaignId: 'spring' }))]),
  },
  { requiredKeys: ['slots'] },
);
const oddBody = oneOf(
  ...[
    '{}',
    '[]',
    '',
    '{',
    '{"slots":[{"campaignId":"spring"}]} ',
    '{ "slots":[{"campaignId":"spring"}]}',
    '{"slots":[{"campaignId":"spring"}],}',
  ],
  ...[
    '{"slots":[{"campaignId":"spring"}],"slots":[]}',
    '{"customerId":7,"slots":[{"campaignId":"spring"}]}',
    '\u00ef\u00bb\u00bf{"slots":[]}',
  ],
  ...[
    '{"context":{"a":"1","a":"2"},"slots":[{"campaignId":"spring"}]}',
    '{"context":{"a":01},"slots":[{"campaignId":"spring"}]}',
    '\u00ff',
  ],
  ...[
    '{"slots":[{"placementId":"hero","campaignId":"spring"}]}',
    '{"slots":[{"campaignId":"spring","placementId":null}]}',
    '{"slots":[7]}',
  ],
  ...[
    '{"more":1,"slots":[{"campaignId":"spring"}]}',
    '{"page":"\\u0041","slots":[{"campaignId":"spring"}]}',
    `{"slots":[],"page":"${long('x', 9000)}"}`,
  ],
);
const bodies = weighted([8, asked.map((one) => Buffer.from(JSON.stringify(one), 'utf8').toString('latin1'))], [1, oddBody]);
const lengthOf = (body: string) =>
  weighted([24, oneOf(String(body.length))], [1, oneOf(`0${body.length}`, `+${body.length}`, '', String(body.length + 3), '99999', '1')]);
const batch = fc
  .tuple(
    weighted([16, oneOf('/q/golf', '/q/tennis')], [1, oneOf('/q/none', '/q/golf/', '/q/golf/spring', '/q/golf?x=1', '/q/', '/q/-x')]),
    bodies.chain((body) => fc.tuple(fc.constant(body), lengthOf(body))),
    weighted(
      [12, oneOf('text/plain;charset=UTF-8', 'application/json', 'application/json; charset=utf-8')],
      [1, oneOf('text/html', '', 'multipart/form-data; boundary=x', 'application/json;', 'text/plain; charset=latin1')],
    ),
    fc.array(weighted([16, plainHeader], [1, parserHeader]), { maxLength: 3 }),
    fc.nat(),
  )
  .map(([to, [body, length], type, headers, at]) => {
    const lines = ['Host: shop.example', ...headers];
    lines.splice(at % (lines.length + 1), 0, `Content-Length: ${length}`, `Content-Type: ${type}`);
    return written('POST', to, 'HTTP/1.1', lines, `\r\n${body}`);
  });

/** A byte is changed, put in or left out. */
const spoiled = fc
  .tuple(fc.oneof(anyRequest, batch), fc.nat(), oneOf('change', 'add', 'leave'), fc.integer({ min: 0, max: 255 }))
  .map(([text, where, how, byte]) => {
    const at = where % text.length;
    return text.slice(0, at) + (how === 'leave' ? '' : String.fromCharCode(byte)) + text.slice(how === 'add' ? at : at + 1);
  });

/** Answered, and the connection closed, by whichever parser has come so far. */
export const lastRequest = 'GET /end HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n';

export const requests = fc.array(weighted([4, anyRequest], [3, batch], [1, spoiled]), { minLength: 1, maxLength: 4 });
export const endings = weighted([8, oneOf(lastRequest)], [3, oneOf('', 'GET /q/golf/spr', 'GET /q/golf/spring HTTP/1.1\r\nHost')]);
/** Requests that can follow each other in one packet: each is whole, and none ends the connection. */
export const wholeRequests = fc.array(
  fc
    .tuple(
      target.filter((to) => /^\/[!-~]*$/.test(to) && !to.includes('#')),
      fc.array(plainHeader, { maxLength: 3 }),
    )
    .map(([to, headers]) => written('GET', to, 'HTTP/1.1', ['Host: shop.example', ...headers], '\r\n')),
  { minLength: 2, maxLength: 40 },
);
/** Where packets end. */
export const cuts = fc.array(fc.nat(), { maxLength: 6 });

export function pieces(text: string, at: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const places = [...new Set([0, ...at.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
