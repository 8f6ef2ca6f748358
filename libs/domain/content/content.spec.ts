import { describe, expect, it } from '@jest/globals';
import { rejected } from '../decider.js';
import { given } from '../testing/given.js';
import {
  type ContentCommand,
  type ContentEvent,
  content,
  contentBodiesLengthMax,
  contentBodyBytesMax,
  contentStream,
  contentsPerClientMax,
} from './content.js';

const known = { contents: new Map<string, { body: string | null }>() };
const register: ContentCommand = {
  type: 'RegisterContent',
  clientId: 'golf',
  contentId: 'ten.off',
  known,
  contentType: 'image',
  address: 'https://cdn.example/10.png',
};
const fields = {
  contentType: 'image',
  address: 'https://cdn.example/10.png',
  body: null,
  destination: null,
  width: null,
  height: null,
  alt: null,
} as const;
const registered: ContentEvent = { type: 'ContentRegistered', contentId: 'ten.off', ...fields };
const revise = { ...register, type: 'ReviseContent' } as const;
const refused = (code: string, ...field: string[]) => rejected(code, '', field);

describe('a content', () => {
  it('is registered with an address or a body; what is absent is null', () => {
    given(content, []).when(register).then([registered]);
    given(content, [])
      .when({ ...register, address: undefined, body: '<b>hi</b>', contentType: 'html', width: 728 })
      .then([{ ...registered, contentType: 'html', address: null, body: '<b>hi</b>', width: 728 }]);
  });

  it('is revised as a whole; with nothing changed nothing happens', () => {
    given(content, [registered])
      .when({ ...revise, alt: '10 %' })
      .then([{ type: 'ContentRevised', ...fields, alt: '10 %' }]);
    given(content, [registered, { type: 'ContentRevised', ...fields, alt: '10 %' }])
      .when(revise)
      .then([{ type: 'ContentRevised', ...fields }]);
    given(content, [registered]).when(revise).then([]);
  });

  it('is one of its id, of a client that is there', () => {
    given(content, [registered]).when(register).then(refused('CONTENT_EXISTS', 'contentId'));
    given(content, []).when(revise).then(refused('CONTENT_UNKNOWN', 'contentId'));
    given(content, [])
      .when({ ...register, known: null })
      .then(refused('CLIENT_UNKNOWN', 'clientId'));
    given(content, [])
      .when({ ...register, contentId: '../x' })
      .then(refused('ID_INVALID', 'contentId'));
  });

  it('has either an address or a body', () => {
    given(content, [])
      .when({ ...register, address: null })
      .then(refused('BODY_OR_ADDRESS', 'address'));
    given(content, [])
      .when({ ...register, body: 'x' })
      .then(refused('BODY_OR_ADDRESS', 'body'));
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://cdn.example/x',
    '/x.png',
    'cdn.example/x.png',
    'https://',
    'https:///x',
    'http:cdn.example',
    ' https://cdn.example/',
    'https://cdn.example/a b',
    'java\nscript:x',
    `https://cdn.example/${'x'.repeat(2048)}`,
    '',
  ])('refuses the address and the destination %j', (url) => {
    given(content, [])
      .when({ ...register, address: url })
      .then(refused('URL_INVALID', 'address'));
    given(content, [])
      .when({ ...register, destination: url })
      .then(refused('URL_INVALID', 'destination'));
  });

  it.each([
    ['BODY_INVALID', { address: null, body: '' }, 'body'],
    ['BODY_INVALID', { address: null, body: 'é'.repeat(contentBodyBytesMax / 2) }, 'body'],
    ['SIZE_INVALID', { width: -1 }, 'width'],
    ['SIZE_INVALID', { height: 1.5 }, 'height'],
    ['SIZE_INVALID', { height: 1e9 }, 'height'],
    ['ALT_INVALID', { alt: 'x'.repeat(1001) }, 'alt'],
    ['TYPE_INVALID', { contentType: 'IMAGE' as 'image' }, 'type'],
  ])('refuses with %s %j', (code, change, field) =>
    given(content, [])
      .when({ ...register, ...change })
      .then(refused(code, field)),
  );

  it('is one of so many at most', () => {
    const many = new Map(Array.from({ length: contentsPerClientMax }, (_, n) => [`c${n}`, { body: null }]));
    given(content, [])
      .when({ ...register, known: { contents: many } })
      .then(rejected('LIMIT_REACHED', ''));
  });

  it('has no body beyond what nodes hold of a client', () => {
    const contents = new Map([['big', { body: 'x'.repeat(contentBodiesLengthMax - 10) }]]);
    const inline = { ...register, address: null, contentType: 'text', known: { contents } } as const;
    expect(given(content, []).when({ ...inline, body: 'x'.repeat(10) }).outcome).toMatchObject([{ type: 'ContentRegistered' }]);
    given(content, [])
      .when({ ...inline, body: 'x'.repeat(11) })
      .then(refused('LIMIT_REACHED', 'body'));
    given(content, [registered])
      .when({ ...inline, type: 'ReviseContent', body: 'x'.repeat(11) })
      .then(refused('LIMIT_REACHED', 'body'));
    given(content, [])
      .when({ ...register, known: { contents } })
      .then([registered]);
  });
});

it('has a stream of its own', () => expect(contentStream('golf', 'ten.off')).toBe('content-golf.ten.off'));
