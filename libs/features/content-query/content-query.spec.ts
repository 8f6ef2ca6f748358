import { describe, expect, it } from '@jest/globals';
import { parseBatchQuery, parseContentQuery } from './content-query.js';
import { contextEntriesMax, contextValueLengthMax, pageUrlLengthMax, slotsMax, urlBytesMax } from './limits.js';
import { Refused } from './refused.js';

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refused) return `${error.status} ${error.code}`;
    throw error;
  }
  return 'taken';
};
const query = (target: string) => refusal(() => parseContentQuery(target));
const bytesOf = (body: unknown) => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
const batch = (body: unknown) => refusal(() => parseBatchQuery(bytesOf(body)));

describe('the address of a content query', () => {
  it('says who, what and where', () => {
    expect(
      parseContentQuery(
        '/q/golf/spring.v2?c=ann%20lee&s=s1&p=hero&u=https%3A%2F%2Fgolf.example%2F%3Fa%3Db&r=&x.cart_items=3&x.page+type=cart&f=click',
      ),
    ).toEqual({
      clientId: 'golf',
      campaignId: 'spring.v2',
      customerId: 'ann lee',
      sessionId: 's1',
      placementId: 'hero',
      url: 'https://golf.example/?a=b',
      referrer: null,
      context: { cart_items: '3', 'page type': 'cart' },
      form: 'click',
    });
    expect(parseContentQuery('/q/golf/spring')).toMatchObject({
      customerId: null,
      sessionId: null,
      placementId: null,
      url: null,
      form: 'json',
    });
  });

  it('takes the first of a repeated parameter, and no notice of unknown ones', () => {
    expect(parseContentQuery('/q/golf/spring?c=a&c=b&utm_source=x&x=1')).toMatchObject({ customerId: 'a', context: {} });
  });

  it('takes an empty context value for a value, other empty parameters for absent', () => {
    expect(parseContentQuery('/q/golf/spring?c=&s=&p=&f=&x.coupon=')).toMatchObject({
      customerId: null,
      form: 'json',
      context: { coupon: '' },
    });
  });

  it('takes names for names', () => {
    const { context } = parseContentQuery('/q/golf/spring?x.__proto__=1&x.constructor=2');
    expect(Object.entries(context)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });

  it('takes a customer id of any script up to 64 bytes', () => {
    expect(parseContentQuery(`/q/golf/spring?c=${encodeURIComponent('ü'.repeat(32))}`).customerId).toBe('ü'.repeat(32));
    expect(query(`/q/golf/spring?c=${encodeURIComponent('ü'.repeat(33))}`)).toBe('400 CUSTOMER_ID_MALFORMED');
  });

  const refused: [string, string][] = [
    ['/q/', '404 NOT_FOUND'],
    ['/q/golf', '404 NOT_FOUND'],
    ['/q/golf/spring/more', '404 NOT_FOUND'],
    ['/q/golf/', '400 CAMPAIGN_ID_MALFORMED'],
    ['/q/-golf/spring', '400 CLIENT_ID_MALFORMED'],
    ['/q/..%2f..%2fetc/spring', '400 CLIENT_ID_MALFORMED'],
    [`/q/golf/spring%27%22`, '400 CAMPAIGN_ID_MALFORMED'],
    ['/q/golf/spr%00ing', '400 CAMPAIGN_ID_MALFORMED'],
    ['/q/g%C3%B6lf/spring', '400 CLIENT_ID_MALFORMED'],
    [`/q/golf/${'a'.repeat(65)}`, '400 CAMPAIGN_ID_MALFORMED'],
    ['/q/golf/spring?c=a%00b', '400 CUSTOMER_ID_MALFORMED'],
    ['/q/golf/spring?c=a%0Ab', '400 CUSTOMER_ID_MALFORMED'],
    ['/q/golf/spring?c=a%C2%85b', '400 CUSTOMER_ID_MALFORMED'],
    ['/q/golf/spring?s=a%7F', '400 SESSION_ID_MALFORMED'],
    ['/q/golf/spring?p=a%20b', '400 PLACEMENT_ID_MALFORMED'],
    ['/q/golf/spring?f=xml', '400 FORM_UNKNOWN'],
    ['/q/golf/spring?c=%zz', '400 URL_MALFORMED'],
    ['/q/golf/spring?c=%ff', '400 URL_MALFORMED'],
    ['/q/golf/spring?x.=1', '400 CONTEXT_MALFORMED'],
    [`/q/golf/spring?x.a=${'b'.repeat(contextValueLengthMax + 1)}`, '413 CONTEXT_TOO_LARGE'],
    [`/q/golf/spring?${Array.from({ length: contextEntriesMax + 1 }, (_, index) => `x.n${index}=1`).join('&')}`, '413 CONTEXT_TOO_LARGE'],
    [`/q/golf/spring?c=${'a'.repeat(10_000)}`, '414 URL_TOO_LONG'],
    [`/q/golf/spring?c=${'a'.repeat(1000)}`, '400 CUSTOMER_ID_MALFORMED'],
  ];
  it.each(refused.map((row) => [row[0].slice(0, 60), ...row] as const))('%s is refused', (_name, target, expected) =>
    expect(query(target)).toBe(expected),
  );

  it('keeps no e-mail address, which would be recorded with the answer', () => {
    const page = encodeURIComponent('https://shop.example/in?email=a@b.example&p=1');
    const { url, referrer, context } = parseContentQuery(`/q/golf/spring?u=${page}&r=${page}&x.mail=a%40b.example&x.at=@home`);
    expect([url, referrer]).toEqual(Array(2).fill('https://shop.example/in?email=***&p=1'));
    expect({ ...context }).toEqual({ mail: '***', at: '@home' });
  });

  it('cuts a page’s long address instead of refusing its content', () => {
    const { url } = parseContentQuery(`/q/golf/spring?u=${'a'.repeat(pageUrlLengthMax + 100)}`);
    expect(url?.length).toBe(pageUrlLengthMax);
    expect(query(`/q/golf/spring?${'a'.repeat(urlBytesMax)}`)).toBe('414 URL_TOO_LONG');
  });
});

describe('the body of a batch', () => {
  it('says the visit and its slots; a slot’s faults stand in the slot', () => {
    const read = parseBatchQuery(
      bytesOf({
        customerId: 'ann',
        page: 'https://golf.example/',
        context: { cart_items: 3, member: true, none: null },
        slots: [{ campaignId: 'spring', placementId: 'hero' }, { campaignId: 'a b' }, 7, { campaignId: 'spring' }],
      }),
    );
    expect(read).toMatchObject({
      customerId: 'ann',
      sessionId: null,
      url: 'https://golf.example/',
      context: { cart_items: '3', member: 'true' },
    });
    expect(read.slots.map((slot) => ('refused' in slot ? slot.refused.code : slot.placementId))).toEqual([
      'hero',
      'CAMPAIGN_ID_MALFORMED',
      'SLOTS_MALFORMED',
      null,
    ]);
  });

  it('keeps what is no UTF-8 out of addresses', () => {
    expect(parseBatchQuery(bytesOf('{"page":"a\\ud800b","slots":[]}')).url).toBe('a\ufffdb');
  });

  it.each([
    ['', '400 BODY_MALFORMED'],
    ['{', '400 BODY_MALFORMED'],
    ['[]', '400 BODY_MALFORMED'],
    ['null', '400 BODY_MALFORMED'],
    ['{}', '400 SLOTS_MALFORMED'],
    ['{"slots":{}}', '400 SLOTS_MALFORMED'],
    ['{"slots":[],"customerId":7}', '400 CUSTOMER_ID_MALFORMED'],
    ['{"slots":[],"customerId":"a\\u0000"}', '400 CUSTOMER_ID_MALFORMED'],
    ['{"slots":[],"sessionId":"\\ud800"}', '400 SESSION_ID_MALFORMED'],
    ['{"slots":[],"page":7}', '400 BODY_MALFORMED'],
    ['{"slots":[],"context":[]}', '400 CONTEXT_MALFORMED'],
    ['{"slots":[],"context":{"a":{}}}', '400 CONTEXT_MALFORMED'],
  ])('%s is refused', (body, expected) => expect(batch(body)).toBe(expected));

  it('has a limit of slots', () => {
    const slots = Array.from({ length: slotsMax }, () => ({ campaignId: 'spring' }));
    expect(batch({ slots })).toBe('taken');
    expect(batch({ slots: [...slots, {}] })).toBe('413 TOO_MANY_SLOTS');
  });
});
