import { type Codec, type StoredShape, UnreadableEvent } from '../codec.js';
import type { ApiKeyEvent } from './api-key.js';

/** Version 1 is the first and today's shape of both events. */
export const apiKeyCodec: Codec<ApiKeyEvent> = {
  encode(event) {
    const { type, ...data } = event;
    return { type, schema: 1, data };
  },

  decode(stored) {
    switch (stored.type) {
      case 'ApiKeyCreated':
        assertVersion(stored);
        return {
          type: 'ApiKeyCreated',
          keyId: text(stored, 'keyId'),
          hash: text(stored, 'hash'),
          clientId: stored.data.clientId === null ? null : text(stored, 'clientId'),
          name: text(stored, 'name'),
        };
      case 'ApiKeyRevoked':
        assertVersion(stored);
        return { type: 'ApiKeyRevoked', keyId: text(stored, 'keyId') };
      default:
        return undefined;
    }
  },
};

function assertVersion(stored: StoredShape): void {
  if (stored.schema !== 1) throw new UnreadableEvent(`${stored.type} of schema ${stored.schema}: this version reads 1`);
}

function text(stored: StoredShape, field: string): string {
  const value = stored.data[field];
  if (typeof value !== 'string') throw new UnreadableEvent(`${stored.type}.${field} is no text`);
  return value;
}
