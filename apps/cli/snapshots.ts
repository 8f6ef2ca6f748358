import { setTimeout as pause } from 'node:timers/promises';
import { readLock } from '#libs/process-lock';
import { openDataFolder, type Settings } from '#libs/settings';
import { StartRefused } from '../composition/free-port.js';

const waitMsMax = 600_000;

/** Asks the running system, through its admin, for new snapshots; returns when every node has loaded them. */
export async function buildSnapshots(
  settings: Settings,
  { client, kind, admin: given }: { client: string; kind?: 'audience' | 'playbook'; admin?: string },
): Promise<void> {
  const folder = openDataFolder(settings.VITRINE_DATA);
  const admin = given?.replace(/\/+$/, '') ?? readLock(folder.lock)?.about['admin'];
  if (admin === undefined) {
    throw new StartRefused(
      `no standalone runs on ${folder.path}: vitrine start builds what is missing; apart, name the admin with --admin`,
    );
  }
  const key = settings.VITRINE_ADMIN_KEY ?? folder.kept('admin-key', () => '');
  const ask = async (query: string, variables: object) => {
    const response = await fetch(`${admin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    }).catch((error: unknown) => {
      throw new StartRefused(`the admin at ${admin} does not answer`, { cause: error });
    });
    // The two operations below say what comes back.
    return (await response.json()) as { data?: { requestSnapshot?: Requested; isLive?: boolean }; errors?: { message: string }[] };
  };
  const asked = await ask(
    'mutation ($input: RequestSnapshotInput!) { requestSnapshot(input: $input) { position userErrors { message } } }',
    {
      input: { clientId: client, ...(kind === undefined ? {} : { kind: kind.toUpperCase() }) },
    },
  );
  const problem = asked.errors?.[0]?.message ?? asked.data?.requestSnapshot?.userErrors[0]?.message;
  const position = asked.data?.requestSnapshot?.position;
  if (problem !== undefined || typeof position !== 'string') throw new StartRefused(problem ?? 'the admin gave no position');
  const kinds = kind === undefined ? ['AUDIENCE', 'PLAYBOOK'] : [kind.toUpperCase()];
  for (const each of kinds) {
    const end = Date.now() + waitMsMax;
    for (;;) {
      const answer = await ask('query ($c: ID!, $p: Position!, $k: SnapshotKind) { isLive(clientId: $c, position: $p, kind: $k) }', {
        c: client,
        p: position,
        k: each,
      });
      if (answer.data?.isLive === true) break;
      if (Date.now() > end) throw new StartRefused(`the nodes have not loaded the ${each.toLowerCase()} within ${waitMsMax / 1000} s`);
      await pause(200);
    }
    console.log(`${each.toLowerCase()} of ${client}: every node answers by the log up to position ${position}`);
  }
}

interface Requested {
  readonly position: string | null;
  readonly userErrors: readonly { readonly message: string }[];
}
