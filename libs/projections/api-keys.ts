/** The valid API keys, folded from the log: who asks, and for which client. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type ApiKeyEvent, apiKeyCodec } from '#libs/domain';
import type { RecordedEvent } from '#libs/event-log';

/** What a valid API key allows; `clientId` null: all clients. */
export interface ApiKeyGrant {
  readonly keyId: string;
  readonly clientId: string | null;
}

/** Answers for the token of `Authorization: Bearer …`; null when no valid key has it. */
export type ApiKeyCheck = (token: string) => ApiKeyGrant | null;

/** A key as lists show it. */
export interface ApiKeyEntry extends ApiKeyGrant {
  readonly name: string;
  readonly status: 'active' | 'revoked';
  readonly createdAt: Date;
}

/** The longest text that is looked at as a token; longer ones are no key. */
export const apiKeyTokenLengthMax = 256;

/** A token's public part, and its secret, of which only the SHA-256 is kept. */
export interface ApiKeyToken {
  readonly keyId: string;
  readonly secret: string;
}

/**
 * `vk_<keyId>_<43 url-safe characters>`. Any other text is a token too, such as an operator gives in the environment: all of it is the
 * secret, and the id follows from it.
 */
export function parseApiKeyToken(token: string): ApiKeyToken {
  const match = /^vk_([A-Za-z0-9][A-Za-z0-9.-]{0,63})_([A-Za-z0-9_-]{43})$/.exec(token);
  if (match?.[1] !== undefined && match[2] !== undefined) return { keyId: match[1], secret: match[2] };
  return { keyId: `env-${createHash('sha256').update(`key id of ${token}`).digest('hex').slice(0, 16)}`, secret: token };
}

/** SHA-256 of the secret in hex. The secrets are 256 random bits, so a slow hash would protect nothing more. */
export function hashApiKeySecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

interface KnownKey extends ApiKeyEntry {
  readonly hash: Buffer;
}

/** The fold of `apiKey-…` streams. One key id names one key in the whole log: the first created wins. */
export class ApiKeys {
  private readonly keys = new Map<string, KnownKey>();

  apply(event: RecordedEvent): void {
    const decoded = apiKeyCodec.decode({ type: event.type, schema: event.metadata.schema, data: event.data });
    if (decoded !== undefined) this.evolve(decoded, event.recordedAt);
  }

  /** Null for an unknown or revoked key, and for a wrong secret; the comparison takes the same time for every wrong secret. */
  readonly check: ApiKeyCheck = (token) => {
    if (token.length === 0 || token.length > apiKeyTokenLengthMax) return null;
    const { keyId, secret } = parseApiKeyToken(token);
    const asked = Buffer.from(hashApiKeySecret(secret), 'hex');
    const key = this.keys.get(keyId);
    // Compared also when there is no such key, so that the time does not tell which ids exist.
    const same = timingSafeEqual(asked, key?.hash ?? noHash);
    return key !== undefined && same && key.status === 'active' ? { keyId: key.keyId, clientId: key.clientId } : null;
  };

  /** All keys, also revoked ones, in the order of creation. */
  list(): ApiKeyEntry[] {
    return [...this.keys.values()].map(({ hash: _, ...entry }) => entry);
  }

  private evolve(event: ApiKeyEvent, time: Date): void {
    if (event.type === 'ApiKeyCreated') {
      if (this.keys.has(event.keyId)) return;
      const { keyId, clientId, name } = event;
      this.keys.set(keyId, { keyId, clientId, name, status: 'active', createdAt: time, hash: Buffer.from(event.hash, 'hex') });
      return;
    }
    const key = this.keys.get(event.keyId);
    if (key !== undefined) this.keys.set(key.keyId, { ...key, status: 'revoked' });
  }
}

const noHash = Buffer.alloc(32);

/** The fold in the form that followers of the log take. */
export const apiKeysFold = {
  categories: ['apiKey'] as const,
  initial: (): ApiKeys => new ApiKeys(),
  apply(keys: ApiKeys, event: RecordedEvent): ApiKeys {
    keys.apply(event);
    return keys;
  },
};
