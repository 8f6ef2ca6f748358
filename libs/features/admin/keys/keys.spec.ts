import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { client, clientCodec, clientStream, isRejected } from '#libs/domain';
import { type EventLog, runCommand } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { ApiKeys } from '#libs/projections';
import { createApiKey, listApiKeys, registerChosenKey, revokeApiKey } from './keys.js';

let folder: string;
let log: EventLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-keys-'));
  log = await openFileLog({ folder });
  const golf = { decider: client, codec: clientCodec, stream: clientStream('golf'), clientId: 'golf', actor: 'system' };
  await runCommand(log, golf, { type: 'RegisterClient', clientId: 'golf', name: 'Golf' });
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

async function check(token: string) {
  const keys = new ApiKeys();
  for await (const event of log.readAll({ after: null })) keys.apply(event);
  return keys.check(token);
}

async function everythingWritten(): Promise<string> {
  let text = '';
  for await (const { id: _, ...event } of log.readAll({ after: null })) text += JSON.stringify([event.stream, event.data, event.metadata]);
  return text;
}

describe('API keys', () => {
  it('are made, checked and taken back; the log has no secret', async () => {
    const created = await createApiKey(log, { clientId: 'golf', name: 'shop', actor: 'cli' });
    if (isRejected(created)) throw new Error(created.message);
    expect(created.token).toMatch(/^vk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(await check(created.token)).toEqual({ keyId: created.keyId, clientId: 'golf' });
    expect(await everythingWritten()).not.toContain(created.token.slice(-43));
    expect(await revokeApiKey(log, { keyId: created.keyId, actor: 'cli' })).toHaveProperty('position');
    expect(await check(created.token)).toBeNull();
    expect(await listApiKeys(log)).toMatchObject([{ keyId: created.keyId, clientId: 'golf', name: 'shop', status: 'revoked' }]);
  });

  it('are refused for a client that is not there, and unknown ones cannot be taken back', async () => {
    expect(await createApiKey(log, { clientId: 'gulf', name: 'typo', actor: 'cli' })).toMatchObject({ code: 'CLIENT_UNKNOWN' });
    expect(await createApiKey(log, { clientId: 'a b', name: 'typo', actor: 'cli' })).toMatchObject({ code: 'ID_INVALID' });
    expect(await revokeApiKey(log, { keyId: 'nothing', actor: 'cli' })).toMatchObject({ code: 'KEY_UNKNOWN' });
  });

  it.each([`vk_first_${'s'.repeat(43)}`, 'an-operator-chose-this'])(
    'of the environment (%s) are registered once, for all clients',
    async (token) => {
      const first = await registerChosenKey(log, token);
      expect(await registerChosenKey(log, token)).toEqual(first);
      expect(await check(token)).toMatchObject({ clientId: null });
      expect(await listApiKeys(log)).toHaveLength(1);
      expect(await everythingWritten()).not.toContain(token);
    },
  );

  it('of the environment stay revoked, do not take over another key, and have a length', async () => {
    const token = `vk_first_${'s'.repeat(43)}`;
    await registerChosenKey(log, token);
    expect(await registerChosenKey(log, `vk_first_${'t'.repeat(43)}`)).toMatchObject({ code: 'KEY_EXISTS' });
    await revokeApiKey(log, { keyId: 'first', actor: 'cli' });
    expect(await registerChosenKey(log, token)).toMatchObject({ code: 'KEY_REVOKED' });
    for (const bad of ['', 'short', 'with blanks in it', 'x'.repeat(257)])
      expect(await registerChosenKey(log, bad)).toMatchObject({ code: 'KEY_INVALID' });
  });
});
