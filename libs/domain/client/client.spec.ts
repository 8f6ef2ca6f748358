import { describe, expect, it } from '@jest/globals';
import { rejected } from '../decider.js';
import { given } from '../testing/given.js';
import { type ClientEvent, client, clientStream } from './client.js';

const register = { type: 'RegisterClient', clientId: 'golf', name: 'Golf' } as const;
const revise = { type: 'ReviseClient', clientId: 'golf' } as const;
const defaults = {
  currency: 'USD',
  timeZone: 'UTC',
  origins: [],
  sampleRate: 1,
  snapshotIntervalSeconds: 900,
  snapshotMaxAgeSeconds: null,
};
const registered: ClientEvent = { type: 'ClientRegistered', clientId: 'golf', name: 'Golf', ...defaults };
const refused = (code: string, ...field: string[]) => rejected(code, '', field);

describe('registering a client', () => {
  it('takes what is given, and defaults for the rest', () => {
    given(client, []).when(register).then([registered]);
    const settings = { timeZone: 'Europe/London', currency: 'GBP', sampleRate: 0.1, snapshotIntervalSeconds: 5, snapshotMaxAgeSeconds: 60 };
    given(client, [])
      .when({ ...register, ...settings })
      .then([{ ...registered, ...settings }]);
  });

  it('writes origins as browsers send them, each once', () => {
    given(client, [])
      .when({ ...register, origins: ['https://Shop.Example:443/', 'https://shop.example', 'http://localhost:8080'] })
      .then([{ ...registered, origins: ['https://shop.example', 'http://localhost:8080'] }]);
  });

  it('refuses a second of the same id', () =>
    given(client, [registered])
      .when({ ...register, name: 'Other' })
      .then(refused('CLIENT_EXISTS', 'clientId')));

  it.each(['', '-a', 'a.b', 'a/b', '../x', "a'b", 'ä', 'a\0', 'x'.repeat(65), 'a b'])('refuses the id %j', (clientId) =>
    given(client, [])
      .when({ ...register, clientId })
      .then(refused('ID_INVALID', 'clientId')),
  );

  it.each([
    ['NAME_INVALID', 'name', ['', '  ', 'x'.repeat(201), 'a\nb', 'a\ud800']],
    ['CURRENCY_INVALID', 'currency', ['', 'usd', 'US', 'DOLLAR', '12A']],
    [
      'TIME_ZONE_INVALID',
      'timeZone',
      ['', 'Mars/Base', 'europe/london', 'EUROPE/LONDON', 'asia/kolkata', '+01:00', 'GMT+5', 'AET', 'SystemV/AST4', "UTC'", 'A/B/C/D'],
    ],
    ['SAMPLE_RATE_INVALID', 'sampleRate', [0, -1, 1e-300, 1.01, Number.NaN, Number.POSITIVE_INFINITY]],
    ['INTERVAL_INVALID', 'snapshotIntervalSeconds', [0, -1, 1.5, 604_801, Number.NaN]],
    ['INTERVAL_INVALID', 'snapshotMaxAgeSeconds', [0, 1.5, Number.POSITIVE_INFINITY]],
  ])('refuses with %s what is no %s', (code, field, values) => {
    for (const value of values)
      given(client, [])
        .when({ ...register, [field]: value })
        .then(refused(code, field));
  });

  it.each([
    'UTC',
    'Europe/London',
    'Asia/Kolkata',
    'America/Argentina/Buenos_Aires',
    'Europe/Kyiv',
    'Etc/GMT+5',
    'EST5EDT',
    'America/Port-au-Prince',
  ])('knows the time zone %s', (timeZone) =>
    given(client, [])
      .when({ ...register, timeZone })
      .then([{ ...registered, timeZone }]),
  );

  it.each([
    'shop.example',
    'ftp://shop.example',
    'https://shop.example/a',
    'https://shop.example?x',
    'https://u:p@shop.example',
    'javascript:alert(1)',
    'null',
    '*',
    ' https://shop.example',
  ])('refuses the origin %j', (origin) =>
    given(client, [])
      .when({ ...register, origins: ['https://a.example', origin] })
      .then(refused('URL_INVALID', 'origins', '1')),
  );

  it('refuses endless origins', () =>
    given(client, [])
      .when({ ...register, origins: Array.from({ length: 101 }, (_, n) => `https://s${n}.example`) })
      .then(refused('LIMIT_REACHED', 'origins')));
});

describe('revising a client', () => {
  it('changes only what is given', () => {
    given(client, [registered])
      .when({ ...revise, name: 'Golf & more', sampleRate: 0.5, timeZone: undefined })
      .then([{ type: 'ClientRevised', name: 'Golf & more', sampleRate: 0.5 }]);
    given(client, [registered, { type: 'ClientRevised', snapshotMaxAgeSeconds: 60 }])
      .when({ ...revise, snapshotMaxAgeSeconds: null })
      .then([{ type: 'ClientRevised', snapshotMaxAgeSeconds: null }]);
  });

  it('with what it is already changes nothing', () => {
    given(client, [registered]).when(revise).then([]);
    given(client, [registered])
      .when({ ...revise, name: 'Golf', origins: [] })
      .then([]);
  });

  it('refuses what registering refuses, and clients that are not there', () => {
    given(client, [registered])
      .when({ ...revise, timeZone: 'Mars/Base' })
      .then(refused('TIME_ZONE_INVALID', 'timeZone'));
    given(client, []).when(revise).then(refused('CLIENT_UNKNOWN', 'clientId'));
  });
});

it('has a stream of its own', () => expect(clientStream('golf')).toBe('client-golf'));
