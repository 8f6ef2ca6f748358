/** What a command works with beside a running system, or without one: then it starts ClickHouse and the projector for as long as it works. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import { openAnalytics, openClickHouse } from '#libs/analytics/clickhouse';
import type { CustomerKeys } from '#libs/customer-keys';
import type { EventLog } from '#libs/event-log';
import { defaultLimits, lockFileLeadership, Projector, ProjectorMetrics } from '#libs/features/projector';
import { readLock } from '#libs/process-lock';
import type { DataFolder, Settings } from '#libs/settings';
import { type FactQueue, openSpool } from '#libs/spool';
import { type Core, openCore, openStores, type Report } from '../composition/core.js';
import { commandNode } from '../composition/left-behind.js';
import { takeDataFolder } from '../composition/process-folder.js';

export interface Workbench {
  readonly log: EventLog;
  readonly keys: CustomerKeys;
  readonly analytics: Analytics;
  readonly facts: FactQueue;
  readonly report: Report;
  close(): Promise<void>;
}

const report: Report = (message, error) =>
  console.error(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);

/** @throws StartRefused and the like, with one line for a person. */
export async function openWorkbench(settings: Settings, folder: DataFolder): Promise<Workbench> {
  const running = readLock(folder.lock)?.about['analytics'];
  const core = typeof running === 'string' ? await besideRunning(settings, folder, running) : await onItsOwn(settings, folder);
  // A writer of its own in the log, gone with the command.
  const node = `${commandNode}${randomBytes(6).toString('hex')}`;
  const facts = await openSpool({ folder: folder.spoolOf(node), node, log: core.log, bytesMax: settings.VITRINE_SPOOL_BYTES_MAX });
  return {
    ...core,
    facts,
    report,
    close: async () => {
      await facts.drained();
      await facts.close();
      await rm(folder.spoolOf(node), { recursive: true, force: true });
      await core.close();
    },
  };
}

type Parts = Pick<Core, 'log' | 'keys' | 'analytics' | 'close'>;

async function besideRunning(settings: Settings, folder: DataFolder, analyticsUrl: string): Promise<Parts> {
  const stores = await openStores(settings, folder);
  const analytics = openAnalytics(openClickHouse({ url: analyticsUrl, database: 'vitrine' }));
  return {
    ...stores,
    analytics,
    close: async () => {
      await analytics.close();
      await stores.close();
    },
  };
}

async function onItsOwn(settings: Settings, folder: DataFolder): Promise<Parts> {
  const lock = takeDataFolder(folder);
  try {
    const core = await openCore(settings, folder, report, (reason) => report('cannot go on', reason));
    const projector = new Projector({
      log: core.log,
      tables: core.tables,
      acquireLeadership: lockFileLeadership(folder.projectorLock),
      metrics: new ProjectorMetrics(new Registry(), () => new Date()),
      limits: defaultLimits,
      report,
      onFailure: (error) => report('the projector has ended', error),
    });
    projector.start();
    return {
      ...core,
      close: async () => {
        await projector.stop();
        await core.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
