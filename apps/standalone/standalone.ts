/** All features in one process: what stands where, in the order in which it starts; it stops in reverse. */
import { randomBytes } from 'node:crypto';
import { type DynamicModule, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { isRejected } from '#libs/domain';
import { AdminModule, configureAdminHttp, registerChosenKey } from '#libs/features/admin';
import { CollectorModule } from '#libs/features/collector';
import { ContentQueryModule, configureContentQueryHttp, edgeServerOptions, ServingTables } from '#libs/features/content-query';
import { OpsModule, type ReadinessCheck } from '#libs/features/ops';
import { lockFileLeadership, ProjectorModule } from '#libs/features/projector';
import { SnapshotBuilderModule } from '#libs/features/snapshot-builder';
import { ImportRunner, UploadStore } from '#libs/imports';
import { openDataFolder, type Settings } from '#libs/settings';
import { openSpool } from '#libs/spool';
import { openCore, type Report } from './core.js';
import { assertPortFree, portProblem, StartRefused } from './free-port.js';
import { openSnapshots } from './ports.js';
import { takeDataFolder } from './process-folder.js';
import { openReaders } from './readers.js';

export interface Standalone {
  readonly edge: string;
  readonly admin: string;
  /** ClickHouse as `reader`, over HTTP; undefined when VITRINE_ANALYTICS names a server. */
  readonly tables: string | undefined;
  readonly adminKey: string;
  /** True when the key was generated, and so has to be shown. */
  readonly adminKeyGenerated: boolean;
  stop(): Promise<void>;
}

const logger = new Logger('standalone');
const report: Report = (message, error) =>
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);
const clock = () => new Date();

/** @throws StartRefused and the like, with one line for a person, when something has to be changed first. */
export async function startStandalone(settings: Settings, fatal: (reason: unknown) => void): Promise<Standalone> {
  const folder = openDataFolder(settings.VITRINE_DATA);
  const lock = takeDataFolder(folder);
  const opened: (() => unknown)[] = [() => lock.release()];
  const stop = async () => {
    for (const step of opened.splice(0).reverse()) await step();
  };
  try {
    await assertPortFree('VITRINE_EDGE_PORT', settings.VITRINE_EDGE_PORT, settings.VITRINE_HOST);
    await assertPortFree('VITRINE_ADMIN_PORT', settings.VITRINE_ADMIN_PORT, settings.VITRINE_HOST);
    if (settings.VITRINE_ANALYTICS === 'chdb:') {
      await assertPortFree('VITRINE_ANALYTICS_PORT', settings.VITRINE_ANALYTICS_PORT, '127.0.0.1');
      await assertPortFree('VITRINE_ANALYTICS_NATIVE_PORT', settings.VITRINE_ANALYTICS_NATIVE_PORT, '127.0.0.1');
    }
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const nodeId = folder.kept('node-id', () => `node-${randomBytes(6).toString('hex')}`);
    const core = await openCore(settings, folder, report, fatal);
    opened.push(() => core.close());
    const { log, keys, analytics } = core;

    const adminKey = settings.VITRINE_ADMIN_KEY ?? folder.kept('admin-key', () => `vk_first_${randomBytes(32).toString('base64url')}`);
    const chosen = await registerChosenKey(log, adminKey);
    if (isRejected(chosen)) throw new StartRefused(chosen.message);

    const readers = openReaders(log, report, fatal);
    opened.push(() => readers.close());
    const publication = await openSnapshots(settings, folder);
    opened.push(() => publication.close());
    const facts = await openSpool({
      folder: folder.spoolOf(nodeId),
      node: nodeId,
      log,
      bytesMax: settings.VITRINE_SPOOL_BYTES_MAX,
      onReport: (incident) => report(`spool: ${incident.kind}`, 'cause' in incident ? incident.cause : undefined),
    });
    opened.push(() => facts.close());
    const uploads = new UploadStore(folder.uploads, settings.VITRINE_UPLOAD_BYTES_MAX);
    const imports = new ImportRunner({
      log,
      facts,
      analytics,
      keys,
      uploads,
      clock,
      definitions: readers.definitions,
      rejectsFolder: folder.imports,
      onNote: (importId, detail, error) => report(`import ${importId}: ${detail}`, error),
    });
    opened.push(() => imports.close());

    const backstage = await NestFactory.createApplicationContext(
      assembled(
        ProjectorModule.register({
          log,
          tables: core.tables,
          acquireLeadership: lockFileLeadership(folder.projectorLock, (holder) => report(`${holder} projects; this process stands by`)),
          registry,
          clock,
          onFailure: fatal,
        }),
        SnapshotBuilderModule.register({
          log,
          analytics,
          publication,
          registry,
          clock,
          options: { incrementSeconds: settings.VITRINE_INCREMENT_SECONDS },
        }),
      ),
      { abortOnError: false },
    );
    opened.push(() => backstage.close());

    const edge = await listening(
      await edgeApp(
        [
          ContentQueryModule.register({
            publication,
            facts,
            registry,
            options: {
              nodeId,
              cacheFolder: folder.cacheOf(nodeId),
              secret: core.secret,
              publicUrl: settings.VITRINE_PUBLIC_URL,
              countryHeader: settings.VITRINE_COUNTRY_HEADER,
            },
          }),
          CollectorModule.register({
            facts,
            keys,
            definitions: readers.definitions,
            apiKeys: readers.apiKeys,
            registry,
            clock,
            options: { requestsPerSecondMax: settings.VITRINE_COLLECT_RATE_MAX },
          }),
        ],
        registry,
      ),
      'VITRINE_EDGE_PORT',
      settings,
      opened,
    );
    const checks: ReadinessCheck[] = [
      { name: 'definitions', check: () => readers.definitions.caughtUp().then(() => true) },
      { name: 'analytics', check: () => analytics.projectedTo().then(() => true) },
      { name: 'spool', check: () => facts.status.spooledBytes < facts.status.spooledBytesMax || 'the spool is full' },
    ];
    const admin = await listening(
      await adminApp(
        AdminModule.register({
          log,
          analytics,
          publication,
          definitions: readers.definitions,
          apiKeys: readers.apiKeys,
          imports,
          uploads,
          registry,
          clock,
          options: {},
        }),
        registry,
        checks,
      ),
      'VITRINE_ADMIN_PORT',
      settings,
      opened,
    );
    await imports.resume();
    const tables = core.engine?.reader.url;
    lock.describe({ edge, admin, analytics: core.analyticsUrl, ...(tables === undefined ? {} : { tables }) });
    return { edge, admin, tables, adminKey, adminKeyGenerated: settings.VITRINE_ADMIN_KEY === undefined, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

@Module({})
class Assembly {}

const assembled = (...imports: DynamicModule[]): DynamicModule => ({ module: Assembly, imports });

async function edgeApp(features: readonly DynamicModule[], registry: Registry): Promise<NestFastifyApplication> {
  const checks: ReadinessCheck[] = [];
  const root = assembled(...features, OpsModule.register({ registry, checks, metrics: false }));
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(edgeServerOptions), { abortOnError: false });
  configureContentQueryHttp(app);
  checks.push({ name: 'snapshots', check: () => app.get(ServingTables, { strict: false }).ready() });
  return app;
}

async function adminApp(feature: DynamicModule, registry: Registry, checks: readonly ReadinessCheck[]): Promise<NestFastifyApplication> {
  const root = assembled(feature, OpsModule.register({ registry, checks, metrics: true }));
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { abortOnError: false });
  configureAdminHttp(app);
  return app;
}

/** Where the app listens now, as an address. */
async function listening(
  app: NestFastifyApplication,
  setting: 'VITRINE_EDGE_PORT' | 'VITRINE_ADMIN_PORT',
  settings: Settings,
  opened: (() => unknown)[],
): Promise<string> {
  opened.push(() => app.close());
  try {
    await app.listen(settings[setting], settings.VITRINE_HOST);
  } catch (error) {
    throw portProblem(setting, settings[setting], error as NodeJS.ErrnoException);
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${settings.VITRINE_HOST === '0.0.0.0' ? '127.0.0.1' : settings.VITRINE_HOST}:${port}`;
}
