import { describe, expect, it } from '@jest/globals';
import { type ApiKeyEvent, apiKeyCodec, apiKeyStream } from '#libs/domain';
import type { Position, RecordedEvent } from '#libs/event-log';
import { ApiKeys, hashApiKeySecret, parseApiKeyToken } from './api-keys.js';

const secret = 'abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE';
const token = `vk_k1_${secret}`;
const created: ApiKeyEvent = { type: 'ApiKeyCreated', keyId: 'k1', hash: hashApiKeySecret(secret), clientId: 'golf', name: 'shop' };

function recorded(event: ApiKeyEvent, place: number): RecordedEvent {
  const { type, schema, data } = apiKeyCodec.encode(event);
  return {
    id: '3b1c1f5e-6f0c-4d5c-9e53-6f1d6c0a5a01',
    type,
    data,
    metadata: { schema, clientId: 'golf', actor: 'system' },
    stream: apiKeyStream('golf', 'k1'),
    revision: BigInt(place),
    position: BigInt(place) as Position,
    recordedAt: new Date(1000 * place),
  };
}

function keysOf(...events: ApiKeyEvent[]): ApiKeys {
  const keys = new ApiKeys();
  events.forEach((event, place) => {
    keys.apply(recorded(event, place));
  });
  return keys;
}

describe('API keys', () => {
  it('know their token and no other', () => {
    const keys = keysOf(created);
    expect(keys.check(token)).toEqual({ keyId: 'k1', clientId: 'golf' });
    for (const wrong of ['', 'k1', `vk_k2_${secret}`, `vk_k1_${secret.slice(0, 42)}x`, secret, `${token}x`, 'x'.repeat(10_000), '\0']) {
      expect(keys.check(wrong)).toBeNull();
    }
  });

  it('forget a revoked key, but list it', () => {
    const keys = keysOf(created, { type: 'ApiKeyRevoked', keyId: 'k1' });
    expect(keys.check(token)).toBeNull();
    expect(keys.list()).toEqual([{ keyId: 'k1', clientId: 'golf', name: 'shop', status: 'revoked', createdAt: new Date(0) }]);
    expect(JSON.stringify(keys.list())).not.toContain(hashApiKeySecret(secret));
  });

  it('keep the first of two keys of one id: no later event can widen a key', () => {
    const keys = keysOf(created, { ...created, clientId: null });
    expect(keys.check(token)).toEqual({ keyId: 'k1', clientId: 'golf' });
  });

  it('take any text of an operator as a token', () => {
    const own = parseApiKeyToken('correct horse battery staple');
    expect(own.secret).toBe('correct horse battery staple');
    const keys = keysOf({ ...created, keyId: own.keyId, hash: hashApiKeySecret(own.secret), clientId: null });
    expect(keys.check('correct horse battery staple')).toEqual({ keyId: own.keyId, clientId: null });
    expect(keys.check('correct horse battery stable')).toBeNull();
  });
});
