import { describe, expect, it } from '@jest/globals';
import type { ClientId, CustomerId, SessionId } from '#libs/domain';
import { identify } from './identity.js';

const who = (cookies: string | undefined, visit: { c?: string; s?: string } = {}, secure = false) => {
  let next = 1;
  return identify(
    'golf' as ClientId,
    {
      customerId: (visit.c ?? null) as CustomerId | null,
      sessionId: (visit.s ?? null) as SessionId | null,
      url: null,
      referrer: null,
      context: {},
    },
    cookies,
    secure,
    () => `new-${next++}`,
  );
};

describe('the customer', () => {
  it('is the one whom the page names, and nothing is kept then', () => {
    expect(who('vt_c_golf=ann; vt_s_golf=s1', { c: 'bob' })).toEqual({ customerId: 'bob', sessionId: 's1', brought: true, cookies: [] });
    expect(who(undefined, { c: 'bob', s: 's9' })).toEqual({ customerId: 'bob', sessionId: 's9', brought: true, cookies: [] });
    expect(who(undefined, { c: 'bob' })).toEqual({ customerId: 'bob', sessionId: null, brought: true, cookies: [] });
  });

  it('is else the cookie’s, of this client only', () => {
    expect(who('a=b; vt_c_golf=ann; vt_s_golf=s1')).toEqual({ customerId: 'ann', sessionId: 's1', brought: true, cookies: [] });
    expect(who('vt_c_golfclub=eve; xvt_c_golf=eve; vt_c_golf="a%C3%BCn"; vt_s_golf=s1').customerId).toBe('aün');
    expect(who('vt_c_tennis=ann').brought).toBe(false);
  });

  it('is else new, and kept by a cookie', () => {
    expect(who(undefined)).toEqual({
      customerId: 'new-1',
      sessionId: 'new-2',
      brought: false,
      cookies: [
        'vt_c_golf=new-1; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax',
        'vt_s_golf=new-2; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax',
      ],
    });
    expect(who(undefined, {}, true).cookies[0]).toBe('vt_c_golf=new-1; Path=/; Max-Age=34560000; HttpOnly; SameSite=None; Secure');
  });

  it('is new when the cookie is malformed, and so is the session then', () => {
    for (const value of ['', 'a'.repeat(65), '%zz', 'a%00b', '%ff', 'ü'.repeat(33)]) {
      expect(who(`vt_c_golf=${value}; vt_s_golf=s1`)).toMatchObject({ customerId: 'new-1', sessionId: 'new-2', brought: false });
    }
  });

  it('is in the first cookie that is well formed: a page of the parent domain may have left another', () => {
    expect(who('vt_c_golf=%ff; vt_s_golf=; vt_c_golf=ann; vt_s_golf=s1; vt_c_golf=bob')).toEqual({
      customerId: 'ann',
      sessionId: 's1',
      brought: true,
      cookies: [],
    });
  });

  it('gets a new session when twelve hours took the old one', () => {
    expect(who('vt_c_golf=ann')).toMatchObject({
      customerId: 'ann',
      sessionId: 'new-1',
      brought: true,
      cookies: [expect.stringContaining('vt_s_golf=new-1; Path=/; Max-Age=43200')],
    });
  });
});
