/** All features in one process, started in order and stopped in reverse. */
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { openDataFolder, type Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import type { Report } from '../composition/core.js';
import { adminFeature, backstageFeatures, edgeFeatures, processChecks } from '../composition/features.js';
import { adminApp, assembled, edgeApp, listening } from '../composition/http-apps.js';
import { assertPortsFree, openParts } from '../composition/parts.js';
import { takeDataFolder } from '../composition/process-folder.js';

export interface Standalone {
  readonly edge: string;
  readonly admin: string;
  /** ClickHouse as `reader`, over HTTP; undefined when VITRINE_ANALYTICS names a server. */
  readonly tables: string | undefined;
  readonly adminKey: string;
  stop(): Promise<void>;
}

const logger = new Logger('standalone');
const report: Report = (message, error) =>
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);

/** @throws StartRefused and the like, with one line for a person, when something has to be changed first. */
export async function startStandalone(settings: Settings, fatal: (reason: unknown) => void): Promise<Standalone> {
  const folder = openDataFolder(settings.VITRINE_DATA);
  const lock = takeDataFolder(folder);
  const closing = new Closing();
  closing.add(() => lock.release());
  try {
    await assertPortsFree(settings);
    const parts = await openParts(settings, folder, closing, report, fatal);
    // What stands in the log and cannot be read is told before anything works by it.
    await Promise.all([parts.readers.definitions.caughtUp(), parts.readers.apiKeys.caughtUp()]);
    const backstage = await NestFactory.createApplicationContext(assembled(...backstageFeatures(settings, folder, parts, report, fatal)), {
      abortOnError: false,
    });
    closing.add(() => backstage.close());
    const edge = await listening(
      await edgeApp(edgeFeatures(settings, folder, parts), parts.registry),
      'VITRINE_EDGE_PORT',
      settings,
      closing,
    );
    const admin = await listening(
      await adminApp(adminFeature(parts), parts.registry, processChecks(parts)),
      'VITRINE_ADMIN_PORT',
      settings,
      closing,
    );
    await parts.imports.resume();
    const tables = parts.engine?.reader.url;
    lock.describe({ edge, admin, analytics: parts.analyticsUrl, ...(tables === undefined ? {} : { tables }) });
    return { edge, admin, tables, adminKey: parts.adminKey, stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
