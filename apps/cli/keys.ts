import { isRejected } from '#libs/domain';
import type { EventLog } from '#libs/event-log';
import { createApiKey, listApiKeys, revokeApiKey } from '#libs/features/admin/keys';
import { openDataFolder, type Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import { StartRefused } from '../composition/free-port.js';
import { openLog } from '../composition/ports.js';

const actor = 'cli';

/** Prints the token, which can be read this once. */
export async function createKey(
  settings: Settings,
  { client, all, name }: { client?: string; all?: boolean; name: string },
): Promise<void> {
  if (client === undefined && all !== true) throw new StartRefused('a key is for one client (--client <id>) or for all (--all)');
  await withLog(settings, async (log) => {
    const created = await createApiKey(log, { clientId: client ?? null, name, actor });
    if (isRejected(created)) throw new StartRefused(created.message);
    console.log(created.token);
  });
}

export async function revokeKey(settings: Settings, keyId: string): Promise<void> {
  await withLog(settings, async (log) => {
    const revoked = await revokeApiKey(log, { keyId, actor });
    if (isRejected(revoked)) throw new StartRefused(revoked.message);
    console.log(`${keyId} is revoked`);
  });
}

export async function listKeys(settings: Settings): Promise<void> {
  await withLog(settings, async (log) => {
    for (const { keyId, clientId, name, status, createdAt } of await listApiKeys(log)) {
      console.log(`${keyId}\t${clientId ?? '(all clients)'}\t${status}\t${createdAt.toISOString()}\t${name}`);
    }
  });
}

async function withLog(settings: Settings, work: (log: EventLog) => Promise<void>): Promise<void> {
  const closing = new Closing();
  const log = await openLog({ settings, folder: openDataFolder(settings.VITRINE_DATA), closing });
  try {
    await work(log);
  } finally {
    await closing.close();
  }
}
