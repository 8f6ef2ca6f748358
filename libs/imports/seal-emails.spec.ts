import { describe, expect, it } from '@jest/globals';
import { openText } from '#libs/customer-keys';
import type { BehaviourFact } from '#libs/domain';
import { emailContext, sealFact } from './seal-emails.js';

const keys = { obtain: async () => new Uint8Array(32).fill(7) };
const fact = (properties: object) =>
  ({
    type: 'Email Provided',
    messageId: 'm',
    customerId: 'c',
    sessionId: null,
    time: '2026-03-01T10:00:00.000Z',
    properties,
  }) as BehaviourFact;

describe('addresses', () => {
  it('are sealed wherever they stand, for their customer', async () => {
    const given = { email: 'a@b.example', billing: [{ email: 'c@d.example', city: 'Bern' }], total: '1' };
    const sealed = (await sealFact(fact(given), 'golf', keys)).properties as unknown as {
      email_sealed: string;
      billing: { email_sealed: string }[];
    };
    expect(JSON.stringify(sealed)).not.toContain('example');
    expect(sealed).toMatchObject({ billing: [{ city: 'Bern' }], total: '1' });
    const key = await keys.obtain();
    expect(openText(key, sealed.email_sealed, emailContext('golf', 'c'))).toBe('a@b.example');
    expect(openText(key, sealed.billing[0]?.email_sealed ?? '', emailContext('golf', 'c'))).toBe('c@d.example');
    expect(() => openText(key, sealed.email_sealed, emailContext('golf', 'd'))).toThrow();
  });

  it('where there is none, nothing is changed, and no key is made', async () => {
    const plain = fact({ total: '1', note: null });
    expect(await sealFact(plain, 'golf', { obtain: () => Promise.reject(new Error('asked for a key')) })).toBe(plain);
  });
});
