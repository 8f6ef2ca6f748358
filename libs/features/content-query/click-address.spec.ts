import { describe, expect, it } from '@jest/globals';
import { type ClickedAnswer, clickAddresses, macDigits } from './click-address.js';

const clicked: ClickedAnswer = {
  decisionId: '0190c3f2-1111-7222-8333-444455556666',
  clientId: 'golf',
  campaignId: 'spring',
  customerId: 'Ann Løwe 🏌',
  contentId: 'ten-off',
  placementId: null,
  ruleId: 'r1',
  group: 'ten-percent',
  segmentId: null,
  sessionId: 's1',
  destination: 'https://golf.example/clubs?a=b#ü',
};
const addresses = clickAddresses('a secret of some length');

describe('a click address', () => {
  it('says the answer again, to whoever has the secret', () => {
    const token = addresses.tokenFor(clicked);
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(addresses.read(token)).toEqual(clicked);
    expect(clickAddresses('a secret of some length').read(token)).toEqual(clicked);
    expect(clickAddresses('another secret of a length').read(token)).toBeUndefined();
  });

  it('is nothing once any of it is changed, cut or lengthened', () => {
    const token = addresses.tokenFor(clicked);
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(addresses.read(token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
      expect(addresses.read(token.slice(0, at))).toBeUndefined();
    }
    for (const more of ['A', '=', '.', '/', '%41', ' ', '\n']) expect(addresses.read(token + more)).toBeUndefined();
    for (const text of ['', '..', '\0', 'ü', 'A'.repeat(24), 'A'.repeat(9000)]) expect(addresses.read(text)).toBeUndefined();
  });

  it('is read as it was made before, by HMAC over all fields', () => {
    // Made by version 1 with the same secret, of the same answer.
    const earlier =
      'aDVYe0k5H9vNEaNoP-xuCs8HMR8wMTkwYzNmMi0xMTExLTcyMjItODMzMy00NDQ0NTU1NTY2NjYfZ29sZh9zcHJpbmcfQW5uIEzDuHdlIPCfj4wfdGVuLW9mZh8fcjEfdGVuLXBlcmNlbnQfH3MxH2h0dHBzOi8vZ29sZi5leGFtcGxlL2NsdWJzP2E9YiPDvA';
    expect(addresses.read(earlier)).toEqual(clicked);
    expect(clickAddresses('another secret of a length').read(earlier)).toBeUndefined();
    for (let at = 0; at < earlier.length; at++) {
      const other = earlier[at] === 'A' ? 'B' : 'A';
      expect(addresses.read(earlier.slice(0, at) + other + earlier.slice(at + 1))).toBeUndefined();
    }
  });

  it('is the same by the stamp of what many answers have in common', () => {
    for (const session of [null, 's', 's1', 'session with ü']) {
      const one = { ...clicked, sessionId: session };
      const stamp = addresses.stamp(one);
      const token = addresses.tokenFor(one);
      expect(token.slice(macDigits)).toMatch(new RegExp(`^${stamp.digits.toString('latin1')}`));
      expect(addresses.read(token)).toEqual(one);
    }
  });

  it('leads to http(s) only, also when signed', () => {
    for (const destination of ['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'ftp://a.example', '']) {
      expect(addresses.read(addresses.tokenFor({ ...clicked, destination }))).toBeUndefined();
    }
  });
});
