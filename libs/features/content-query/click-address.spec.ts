import { describe, expect, it } from '@jest/globals';
import { type ClickedAnswer, clickAddresses } from './click-address.js';

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

  it('leads to http(s) only, also when signed', () => {
    for (const destination of ['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'ftp://a.example', '']) {
      expect(addresses.read(addresses.tokenFor({ ...clicked, destination }))).toBeUndefined();
    }
  });
});
