import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { StoredShape } from '../codec.js';
import { UnreadableEvent } from '../codec.js';
import { fold } from '../decider.js';
import { type ApiKeyCommand, type ApiKeyEvent, apiKey, apiKeyStream } from './api-key.js';
import { apiKeyCodec } from './codec.js';

const hash = 'a'.repeat(64);
const create: ApiKeyCommand = { type: 'CreateApiKey', keyId: 'k1', hash, clientId: 'golf', name: 'shop' };
const created: ApiKeyEvent = { type: 'ApiKeyCreated', keyId: 'k1', hash, clientId: 'golf', name: 'shop' };
const revoked: ApiKeyEvent = { type: 'ApiKeyRevoked', keyId: 'k1' };
const outcome = (events: ApiKeyEvent[], command: ApiKeyCommand) => apiKey.decide(fold(apiKey, events), command);

describe('an API key', () => {
  it('is created once; the same again is no news, another of its name is refused', () => {
    expect(outcome([], create)).toEqual([created]);
    expect(outcome([created], create)).toEqual([]);
    expect(outcome([created], { ...create, hash: 'b'.repeat(64) })).toMatchObject({ code: 'KEY_EXISTS' });
  });

  it('is revoked for ever', () => {
    expect(outcome([created], { type: 'RevokeApiKey' })).toEqual([revoked]);
    expect(outcome([created, revoked], { type: 'RevokeApiKey' })).toEqual([]);
    expect(outcome([created, revoked], create)).toMatchObject({ code: 'KEY_REVOKED' });
    expect(outcome([], { type: 'RevokeApiKey' })).toMatchObject({ code: 'KEY_UNKNOWN' });
  });

  it.each(['', 'a_b', '../x', 'ä', 'x'.repeat(65)])('refuses the id %j', (keyId) => {
    expect(outcome([], { ...create, keyId })).toMatchObject({ code: 'ID_INVALID' });
  });

  it('refuses what is no hash, and endless names', () => {
    expect(outcome([], { ...create, hash: 'secret' })).toMatchObject({ code: 'HASH_INVALID' });
    expect(outcome([], { ...create, name: 'n'.repeat(201) })).toMatchObject({ code: 'NAME_TOO_LONG' });
  });

  it('has a stream of its client, or of all', () => {
    expect(apiKeyStream('golf', 'k1')).toBe('apiKey-golf.k1');
    expect(apiKeyStream(null, 'k1')).toBe('apiKey-_all.k1');
  });
});

describe('what is stored of API keys', () => {
  const folder = new URL('golden/', import.meta.url);
  it.each(readdirSync(folder))('reads and writes %s', (name) => {
    const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { stored: StoredShape; event: ApiKeyEvent };
    expect(apiKeyCodec.decode(golden.stored)).toEqual(golden.event);
    expect(apiKeyCodec.encode(golden.event)).toEqual(golden.stored);
    expect(() => apiKeyCodec.decode({ ...golden.stored, schema: 2 })).toThrow(UnreadableEvent);
    expect(() => apiKeyCodec.decode({ ...golden.stored, data: {} })).toThrow(UnreadableEvent);
  });

  it('leaves the events of other concepts alone', () => {
    expect(apiKeyCodec.decode({ type: 'SegmentDefined', schema: 9, data: {} })).toBeUndefined();
  });
});
