/** The parts below the features: log, keys, ClickHouse with its projector. What standalone is made of, and a command that works on a stopped system. */
import { randomBytes } from 'node:crypto';
import type { Analytics, ProjectionTables } from '#libs/analytics';
import { openAnalytics, openClickHouse, openProjectionTables } from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, EngineStartError, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import type { CustomerKeys } from '#libs/customer-keys';
import { openEmbeddedCustomerKeys } from '#libs/customer-keys/embedded';
import type { EventLog } from '#libs/event-log';
import type { DataFolder, Settings } from '#libs/settings';
import { StartRefused } from './free-port.js';
import { openLog } from './ports.js';

export type Report = (message: string, error?: unknown) => void;

export interface Core {
  readonly log: EventLog;
  readonly keys: CustomerKeys;
  readonly secret: string;
  /** Brought to the newest version of their schema. */
  readonly tables: ProjectionTables;
  readonly analytics: Analytics;
  /** Undefined when VITRINE_ANALYTICS names a server. */
  readonly engine: EmbeddedClickHouse | undefined;
  /** `http://user:password@host:port` of the apps' user. */
  readonly analyticsUrl: string;
  close(): Promise<void>;
}

const database = 'vitrine';

/** The log and the customers' keys: what every process has. */
export async function openStores(settings: Settings, folder: DataFolder): Promise<Pick<Core, 'log' | 'keys' | 'secret' | 'close'>> {
  const secret = settings.VITRINE_SECRET ?? folder.kept('secret', () => randomBytes(32).toString('base64url'));
  const log = await openLog(settings, folder);
  try {
    const keys = await openEmbeddedCustomerKeys({ folder: folder.keys, secret });
    return {
      log,
      keys,
      secret,
      close: async () => {
        await keys.close();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Opens in order; what was opened is closed again when a later part cannot be. `fatal` is told when the process cannot go on. */
export async function openCore(settings: Settings, folder: DataFolder, report: Report, fatal: (reason: Error) => void): Promise<Core> {
  const stores = await openStores(settings, folder);
  const opened: (() => Promise<unknown>)[] = [() => stores.close()];
  const close = async () => {
    for (const step of opened.splice(0).reverse()) await step();
  };
  try {
    const engine = settings.VITRINE_ANALYTICS === 'chdb:' ? await startEngine(settings, folder, report, fatal) : undefined;
    if (engine !== undefined) opened.push(() => engine.stop());
    const analyticsUrl = engine?.url ?? settings.VITRINE_ANALYTICS;
    const connection = openClickHouse({ url: analyticsUrl, database });
    const analytics = openAnalytics(connection);
    opened.push(() => analytics.close());
    const tables = openProjectionTables(connection, migrations);
    await tables.live();
    return { ...stores, tables, analytics, engine, analyticsUrl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startEngine(
  settings: Settings,
  folder: DataFolder,
  report: Report,
  fatal: (reason: Error) => void,
): Promise<EmbeddedClickHouse> {
  try {
    return await startEmbeddedClickHouse({
      folder: folder.clickhouse,
      httpPort: settings.VITRINE_ANALYTICS_PORT,
      nativePort: settings.VITRINE_ANALYTICS_NATIVE_PORT,
      ...(settings.VITRINE_READER_PASSWORD === undefined ? {} : { readerPassword: settings.VITRINE_READER_PASSWORD }),
      restart: true,
      onRestart: ({ reason, delayMs }) => report(`ClickHouse died (${reason}) and is started again in ${delayMs} ms`),
      onExit: (reason) => fatal(new Error(`ClickHouse is gone for good: ${reason}`)),
      onLog: (line) => report(`ClickHouse: ${line}`),
    });
  } catch (error) {
    if (error instanceof EngineStartError) throw new StartRefused(error.message, { cause: error });
    throw error;
  }
}
