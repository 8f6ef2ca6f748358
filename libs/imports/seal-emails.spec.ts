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

  it('are sealed under whatever name they stand, but for ids of things', async () => {
    const given = { contact: 'a@b.example', tags: ['vip', 'c@d.example'], product_id: 'e@f.example', note: 'write to g@h.example' };
    const sealed = (await sealFact(fact(given), 'golf', keys)).properties as unknown as { contact_sealed: string; tags: string[] };
    expect(sealed).toEqual({
      contact_sealed: expect.stringMatching(/^v1\./),
      tags: ['vip', expect.stringMatching(/^v1\./)],
      product_id: 'e@f.example',
      note: 'write to g@h.example',
    });
    expect(openText(await keys.obtain(), sealed.contact_sealed, emailContext('golf', 'c'))).toBe('a@b.example');
  });

  it('are taken out of the addresses of pages', async () => {
    const unasked = { obtain: () => Promise.reject(new Error('asked for a key')) };
    const given = { url: 'https://shop.example/in?m=a%40b.example&p=1', referrer: 'https://mail.example/#a@b.example', total: '1' };
    expect((await sealFact(fact(given), 'golf', unasked)).properties).toEqual({
      url: 'https://shop.example/in?m=***&p=1',
      referrer: 'https://mail.example/#***',
      total: '1',
    });
  });

  it('where there is none, nothing is changed, and no key is made', async () => {
    const plain = fact({ total: '1', note: null });
    expect(await sealFact(plain, 'golf', { obtain: () => Promise.reject(new Error('asked for a key')) })).toBe(plain);
  });
});
