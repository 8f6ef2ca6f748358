import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EventLog } from '#libs/event-log';
import { openSpool, SpoolInUse, type Unpack } from '#libs/spool';
import type { ProcessFrame } from './frame.js';

/** Spools of commands begin with this. */
export const commandNode = 'cli-';

/**
 * Brings into the log what is left in spools of this data folder: of commands that were killed, and of processes that had another name. Those of
 * living processes stay. For a process that has the folder to itself, but for commands.
 */
export async function forwardLeftBehind(
  { folder, nodeId }: Pick<ProcessFrame, 'folder' | 'nodeId'>,
  log: EventLog,
  forms: Readonly<Record<string, Unpack>>,
): Promise<void> {
  const spools = dirname(folder.spoolOf(commandNode));
  const names = await readdir(spools).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const node of names.filter((name) => name !== nodeId)) {
    try {
      const spool = await openSpool({ folder: join(spools, node), node, log, forms });
      await spool.drained();
      await spool.close();
      await removeSpool(join(spools, node));
    } catch (error) {
      if (!(error instanceof SpoolInUse)) throw error;
    }
  }
}

/** Removes the folder of a spool that was closed when all of it was in the log; it stays when it holds facts that the log has refused. */
export async function removeSpool(folder: string): Promise<void> {
  const refused = await stat(join(folder, 'dead-letter.ndjson')).catch(() => undefined);
  if (refused === undefined) await rm(folder, { recursive: true, force: true });
}
