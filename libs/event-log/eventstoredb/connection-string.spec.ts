import { describe, expect, it } from '@jest/globals';
import { readConnectionString } from './connection-string.js';
import { EventLogRefused } from './failures.js';

describe('connection string of EventStoreDB', () => {
  it('takes user and password out, whole, and keeps the rest for the client', () => {
    const read = readConnectionString('esdb://ops:pa:ss%40w@rd@db-1:2114,db-2?tlsCAFile=%2Fca.pem&keepAliveInterval=20000', undefined);
    expect(read).toMatchObject({
      connectionString: 'esdb://db-1:2114,db-2?tlsCAFile=%2Fca.pem&keepAliveInterval=20000',
      credentials: { username: 'ops', password: 'pa:ss@w@rd' },
      name: 'esdb://db-1:2114,db-2',
      hosts: [
        { host: 'db-1', port: 2114 },
        { host: 'db-2', port: 2113 },
      ],
      isTls: true,
      caFile: '/ca.pem',
    });
  });

  it('prefers credentials that are given apart, and needs none in the clear', () => {
    const given = { username: 'a', password: 'b' };
    expect(readConnectionString('esdb+discover://x:y@cluster', given).credentials).toEqual(given);
    expect(readConnectionString('esdb://db?tls=false', undefined)).toMatchObject({ isTls: false });
  });

  it.each([
    ['http://db', /begins with esdb:\/\//],
    ['esdb://db', /needs a user and a password/],
    ['esdb://secret@db', /a user needs a password/],
    ['esdb://a:secret%zz@db', /% in user or password/],
    ['esdb://a:secret@db?tlsVerifyCert=false', /name the certificate's authority/],
  ])('refuses %s in one line that tells no secret', (text, message) => {
    const refuse = () => readConnectionString(text, undefined);
    expect(refuse).toThrow(EventLogRefused);
    expect(refuse).toThrow(message);
    expect(refuse).not.toThrow(/secret|\n/);
  });
});
