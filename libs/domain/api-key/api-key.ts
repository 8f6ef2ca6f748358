/** API keys: who may ask the admin. Only the hash of a key's secret is ever written down. */
import type { Decider } from '../decider.js';
import { rejected, unreachable } from '../decider.js';

export type ApiKeyEvent =
  | {
      readonly type: 'ApiKeyCreated';
      readonly keyId: string;
      /** SHA-256 of the token's secret, 64 hex digits in lower case. */
      readonly hash: string;
      /** Null: the key is for all clients. */
      readonly clientId: string | null;
      /** What people call it, such as `shop backend`. */
      readonly name: string;
    }
  | { readonly type: 'ApiKeyRevoked'; readonly keyId: string };

export type ApiKeyCommand =
  | {
      readonly type: 'CreateApiKey';
      readonly keyId: string;
      readonly hash: string;
      readonly clientId: string | null;
      readonly name: string;
    }
  | { readonly type: 'RevokeApiKey' };

export type ApiKeyState =
  | { readonly status: 'none' }
  | { readonly status: 'active' | 'revoked'; readonly keyId: string; readonly hash: string; readonly clientId: string | null };

/** The longest name of a key, in characters. */
export const apiKeyNameLengthMax = 200;

const keyIdForm = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/;
const hashForm = /^[0-9a-f]{64}$/;

/** A key's id: letters, digits, `.` and `-`; no `_`, which ends it within a token. */
export function isApiKeyId(text: string): boolean {
  return keyIdForm.test(text);
}

/** The key's stream; keys for all clients stand under `_all`, which is no client's id. */
export function apiKeyStream(clientId: string | null, keyId: string): string {
  return `apiKey-${clientId ?? '_all'}.${keyId}`;
}

export const apiKey: Decider<ApiKeyState, ApiKeyCommand, ApiKeyEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    switch (command.type) {
      case 'CreateApiKey': {
        const { keyId, hash, clientId, name } = command;
        if (!isApiKeyId(keyId)) return rejected('ID_INVALID', 'a key id is 1 to 64 letters, digits, dots and dashes', ['keyId']);
        if (!hashForm.test(hash)) return rejected('HASH_INVALID', 'the hash of a key is 64 hex digits', ['hash']);
        if (name.length > apiKeyNameLengthMax)
          return rejected('NAME_TOO_LONG', `a name has at most ${apiKeyNameLengthMax} characters`, ['name']);
        if (state.status === 'none') return [{ type: 'ApiKeyCreated', keyId, hash, clientId, name }];
        // The first key comes with every start of an app: the same key again is no news.
        if (state.status === 'active' && state.hash === hash) return [];
        if (state.status === 'revoked') return rejected('KEY_REVOKED', `the key ${keyId} was revoked, and stays so`);
        return rejected('KEY_EXISTS', `there is another key ${keyId}`, ['keyId']);
      }
      case 'RevokeApiKey':
        if (state.status === 'none') return rejected('KEY_UNKNOWN', 'there is no such key');
        if (state.status === 'revoked') return [];
        return [{ type: 'ApiKeyRevoked', keyId: state.keyId }];
      default:
        return unreachable(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'ApiKeyCreated':
        return { status: 'active', keyId: event.keyId, hash: event.hash, clientId: event.clientId };
      case 'ApiKeyRevoked':
        return state.status === 'none' ? state : { ...state, status: 'revoked' };
      default:
        return unreachable(event);
    }
  },
};
