/** Making and taking back API keys: for the command line, and for the first key that the environment gives. */
import { randomBytes } from 'node:crypto';
import {
  type ApiKeyCommand,
  apiKey,
  apiKeyCodec,
  apiKeyStream,
  clientStream,
  clientUnknown,
  idInvalid,
  isRejected,
  parseClientId,
  type Rejected,
  rejected,
} from '#libs/domain';
import { type EventLog, type Position, runCommand } from '#libs/event-log';
import { type ApiKeyEntry, ApiKeys, apiKeysFold, apiKeyTokenLengthMax, hashApiKeySecret, parseApiKeyToken } from '#libs/projections';

/** The shortest text that an operator may choose as a key. */
export const chosenKeyLengthMin = 8;

export interface CreatedApiKey {
  readonly keyId: string;
  /** Shown this once: it cannot be had again. */
  readonly token: string;
  readonly position: Position | null;
}

/**
 * A new key; `clientId` null: for all clients.
 * @returns ID_INVALID, CLIENT_UNKNOWN or NAME_TOO_LONG when refused. @throws EventLogUnavailable.
 */
export async function createApiKey(
  log: EventLog,
  wanted: { readonly clientId: string | null; readonly name: string; readonly actor: string },
): Promise<CreatedApiKey | Rejected> {
  const { clientId, name, actor } = wanted;
  const refusal = clientId === null ? undefined : await refuseClient(log, clientId);
  if (refusal !== undefined) return refusal;
  const keyId = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const outcome = await run(log, clientId, keyId, actor, { type: 'CreateApiKey', keyId, hash: hashApiKeySecret(secret), clientId, name });
  return isRejected(outcome) ? outcome : { keyId, token: `vk_${keyId}_${secret}`, position: outcome.position };
}

/** Refused with KEY_UNKNOWN; revoking a revoked key does nothing. Processes refuse the key as soon as they have read it, usually within milliseconds. */
export async function revokeApiKey(
  log: EventLog,
  wanted: { readonly keyId: string; readonly actor: string },
): Promise<{ readonly position: Position | null } | Rejected> {
  const found = (await listApiKeys(log)).find(({ keyId }) => keyId === wanted.keyId);
  if (found === undefined) return rejected('KEY_UNKNOWN', `there is no key ${wanted.keyId}`, ['keyId']);
  return run(log, found.clientId, found.keyId, wanted.actor, { type: 'RevokeApiKey' });
}

/** All keys, also revoked ones, in the order of creation. */
export async function listApiKeys(log: EventLog): Promise<readonly ApiKeyEntry[]> {
  const keys = new ApiKeys();
  const filter = { categories: [...apiKeysFold.categories] };
  for await (const event of log.readAll({ after: null, filter })) keys.apply(event);
  return keys.list();
}

/**
 * Makes a key known that somebody chose, at every start, since the same key again is no news: that of `VITRINE_ADMIN_KEY`, for all clients,
 * or, with `wanted`, one for a client. Refused: KEY_REVOKED, KEY_EXISTS (another key of that id), KEY_INVALID (too short, too long, or with blanks).
 */
export async function registerChosenKey(
  log: EventLog,
  token: string,
  wanted: { readonly clientId: string | null; readonly name: string } = { clientId: null, name: 'VITRINE_ADMIN_KEY' },
): Promise<{ readonly keyId: string } | Rejected> {
  if (token.length < chosenKeyLengthMin || token.length > apiKeyTokenLengthMax || !/^[\x21-\x7e]+$/.test(token)) {
    return rejected(
      'KEY_INVALID',
      `a key has ${chosenKeyLengthMin} to ${apiKeyTokenLengthMax} letters, digits and signs, without blanks: VITRINE_ADMIN_KEY`,
    );
  }
  const { keyId, secret } = parseApiKeyToken(token);
  const known = (await listApiKeys(log)).find((key) => key.keyId === keyId);
  const clientId = known === undefined ? wanted.clientId : known.clientId;
  const hash = hashApiKeySecret(secret);
  const outcome = await run(log, clientId, keyId, 'system', { type: 'CreateApiKey', keyId, hash, clientId, name: wanted.name });
  return isRejected(outcome) ? outcome : { keyId };
}

async function refuseClient(log: EventLog, clientId: string): Promise<Rejected | undefined> {
  if (parseClientId(clientId) === undefined) return idInvalid(['clientId']);
  for await (const _ of log.readStream(clientStream(clientId), { maxCount: 1 })) return undefined;
  return clientUnknown(clientId);
}

function run(log: EventLog, clientId: string | null, keyId: string, actor: string, command: ApiKeyCommand) {
  const target = { decider: apiKey, codec: apiKeyCodec, stream: apiKeyStream(clientId, keyId), clientId: clientId ?? '_all', actor };
  return runCommand(log, target, command);
}
