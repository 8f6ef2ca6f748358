/** ClickHouse: the embedded one, started as a child, or the one that VITRINE_ANALYTICS names. */
import type { Analytics, ProjectionTables } from '#libs/analytics';
import { clickHouseAddress, migrate, openAnalytics, openClickHouse, openProjectionTables } from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, EngineStartError, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import type { ProcessFrame } from './frame.js';
import { StartRefused } from './free-port.js';

export interface Tables {
  readonly analytics: Analytics;
  /** Brought to the newest version of their schema; for the projector. */
  readonly tables: ProjectionTables;
  /** Undefined when VITRINE_ANALYTICS names a server. */
  readonly engine: EmbeddedClickHouse | undefined;
  /** `http://user:password@host:port` of the apps' user. */
  readonly analyticsUrl: string;
}

type Frame = Pick<ProcessFrame, 'settings' | 'folder' | 'closing' | 'report' | 'fatal'>;

export async function openTables(frame: Frame): Promise<Tables> {
  const { settings, closing } = frame;
  const engine = settings.VITRINE_ANALYTICS === 'chdb:' ? await startEngine(frame) : undefined;
  if (engine !== undefined) closing.add(() => engine.stop());
  const analyticsUrl = engine?.url ?? settings.VITRINE_ANALYTICS;
  return { ...(await openTablesAt(analyticsUrl, frame)), engine, analyticsUrl };
}

/** Those of a ClickHouse that runs. */
export async function openTablesAt(
  url: string,
  { closing, settings }: Pick<Frame, 'closing' | 'settings'>,
): Promise<Pick<Tables, 'analytics' | 'tables'>> {
  const cluster = settings.VITRINE_ANALYTICS === 'chdb:' ? undefined : settings.VITRINE_ANALYTICS_CLUSTER;
  const connection = openClickHouse(clickHouseAddress(url, cluster));
  const analytics = openAnalytics(connection);
  closing.add(() => analytics.close());
  await migrate(connection, migrations);
  return { analytics, tables: openProjectionTables(connection, migrations) };
}

/** The engine alone, on the ports, users and folder that the settings say. @throws StartRefused. */
export async function startEngine({ settings, folder, report, fatal }: Frame): Promise<EmbeddedClickHouse> {
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
