import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Registry } from 'prom-client';
import type { EventLog } from '#libs/event-log';
import { observeSpool } from '#libs/features/ops';
import { openSpool, type Spool, SpoolInUse, type Unpack } from '#libs/spool';
import { nodeOfThread } from './answering-threads.js';
import type { ProcessFrame } from './frame.js';
import { metricsToSend, type SentMetrics } from './joint-metrics.js';
import { removeSpool } from './left-behind.js';

/** How often it is looked whether a former thread's spool is empty. */
const lookMs = 1_000;

/**
 * Brings into the log what threads had recorded that this process had when VITRINE_WORKERS was greater, in time that requests leave, and while the
 * log is away whenever it comes back. A folder is removed when it is empty, but for facts that the log refused.
 */
export async function forwardOfFormerThreads(
  { folder, nodeId, closing, report, settings }: ProcessFrame,
  log: EventLog,
  { threads, forms }: { readonly threads: number; readonly forms: Readonly<Record<string, Unpack>> },
): Promise<{ metrics(): Promise<readonly SentMetrics[]> }> {
  const registries = new Set<Registry>();
  for (const node of await formerNodes(dirname(folder.spoolOf(nodeId)), nodeId, threads)) {
    let spool: Spool;
    try {
      const onReport = (incident: { kind: string; cause?: unknown }) => report(`spool of ${node}: ${incident.kind}`, incident.cause);
      const bytesMax = settings.VITRINE_SPOOL_BYTES_MAX;
      spool = await openSpool({ folder: folder.spoolOf(node), node, log, forms, givesWay: true, bytesMax, onReport });
    } catch (error) {
      // A process of that very name runs: what lies there is its own.
      if (!(error instanceof SpoolInUse)) throw error;
      continue;
    }
    const registry = new Registry();
    // Nothing is put here any more: it adds nothing to what may wait.
    observeSpool(registry, {
      get status() {
        return { ...spool.status, spooledBytesMax: 0 };
      },
    });
    registries.add(registry);
    const looking = setInterval(() => {
      if (spool.status.queued > 0) return;
      void end()
        .then(() => removeSpool(folder.spoolOf(node)))
        .catch((error: unknown) => report(`the folder of ${node} was not removed`, error));
    }, lookMs);
    const end = async () => {
      clearInterval(looking);
      registries.delete(registry);
      await spool.close();
    };
    closing.add(end);
  }
  return { metrics: () => Promise.all([...registries].map(metricsToSend)) };
}

/** Whose spools are there, of threads past those that the process has now. */
async function formerNodes(spools: string, nodeId: string, threads: number): Promise<string[]> {
  const names = await readdir(spools);
  return names.filter((name) => {
    const number = Number(/-w([1-9]\d*)$/.exec(name)?.[1]);
    return number > threads && name === nodeOfThread(nodeId, number);
  });
}
