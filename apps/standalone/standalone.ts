/** All features in one process, started in order and stopped in reverse. */
import { randomBytes } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import { isRejected } from '#libs/domain';
import type { EventLog } from '#libs/event-log';
import { registerChosenKey } from '#libs/features/admin/keys';
import { contentQueryForms } from '#libs/features/content-query';
import type { Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import { admin, checks, collector, contentQuery, projector, snapshotBuilder } from '../composition/features.js';
import { openFrame, type ProcessFrame } from '../composition/frame.js';
import { assertPortFree, StartRefused } from '../composition/free-port.js';
import { adminPort, backstage, contentQueryEdge, opsPort } from '../composition/http-apps.js';
import { firstKey, openImports } from '../composition/imports.js';
import { forwardLeftBehind } from '../composition/left-behind.js';
import { imagesOf, openBuilderSnapshots, openDuty, openFacts, openKeys, openLog } from '../composition/ports.js';
import { takeDataFolder } from '../composition/process-folder.js';
import { openReaders } from '../composition/readers.js';
import { openTables } from '../composition/tables.js';

export interface Standalone {
  readonly edge: string;
  readonly admin: string;
  /** ClickHouse as `reader`, over HTTP; undefined when VITRINE_ANALYTICS names a server. */
  readonly tables: string | undefined;
  readonly adminKey: string;
  /** An API key for one client alone, which is there already; the same at every start. @throws StartRefused when somebody has revoked it. */
  clientKey(clientId: string, name: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * `beside`: what else answers on the edge's port.
 * @throws StartRefused and the like, with one line for a person, when something has to be changed first.
 */
export async function startStandalone(
  settings: Settings,
  fatal: (reason: unknown) => void,
  beside: readonly DynamicModule[] = [],
): Promise<Standalone> {
  const closing = new Closing();
  const frame = openFrame(settings, { kind: 'standalone', closing, fatal });
  const lock = takeDataFolder(frame.folder);
  closing.add(() => lock.release());
  try {
    await assertPortsFree(settings);
    const log = await openLog(frame);
    const keys = await openKeys(frame);
    const { engine, analyticsUrl, ...tables } = await openTables(frame);
    const adminKey = await firstKey(frame, log);
    const readers = openReaders(frame, log);
    // What stands in the log and cannot be read is told before anything works by it.
    await Promise.all([readers.definitions.caughtUp(), readers.apiKeys.caughtUp()]);
    const images = imagesOf(frame);
    const publication = await openBuilderSnapshots(frame, images === undefined ? '' : await opsPort(frame, [], images));
    const facts = await openFacts(frame, log, { forms: contentQueryForms });
    await forwardLeftBehind(frame, log, contentQueryForms);
    const imports = openImports(frame, { log, facts, keys, readers, analytics: tables.analytics });
    const ports = { log, keys, readers, publication, facts, ...tables, ...imports };

    const [projecting, building] = [await openDuty('projector', frame), await openDuty('snapshot-builder', frame)];
    await backstage(frame, [projector(frame, ports, projecting), snapshotBuilder(frame, ports, building)]);
    const { address: edge } = await contentQueryEdge(frame, [contentQuery(frame, ports), collector(frame, ports), ...beside]);
    const needed = [checks.definitions(readers), checks.analytics(tables.analytics), checks.spool(facts)];
    const adminAddress = await adminPort(frame, admin(frame, ports), needed);
    await imports.imports.resume();
    const reader = engine?.reader.url;
    lock.describe({ edge, admin: adminAddress, analytics: analyticsUrl, ...(reader === undefined ? {} : { tables: reader }) });
    const clientKey = (clientId: string, name: string) => keyFor(clientId, name, frame, log);
    return { edge, admin: adminAddress, tables: reader, adminKey, clientKey, stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function keyFor(clientId: string, name: string, { folder }: Pick<ProcessFrame, 'folder'>, log: EventLog): Promise<string> {
  const file = `key.${clientId}`;
  const key = folder.kept(file, () => `vk_${clientId}-${randomBytes(4).toString('hex')}_${randomBytes(32).toString('base64url')}`);
  const chosen = await registerChosenKey(log, key, { clientId, name });
  if (isRejected(chosen)) throw new StartRefused(`${chosen.message}; without the file ${file} in ${folder.path} a new one is made`);
  return key;
}

/** Before anything is begun. @throws StartRefused. */
async function assertPortsFree(settings: Settings): Promise<void> {
  await assertPortFree('VITRINE_EDGE_PORT', settings.VITRINE_EDGE_PORT, settings.VITRINE_HOST);
  await assertPortFree('VITRINE_ADMIN_PORT', settings.VITRINE_ADMIN_PORT, settings.VITRINE_HOST);
  if (settings.VITRINE_ANALYTICS !== 'chdb:') return;
  await assertPortFree('VITRINE_ANALYTICS_PORT', settings.VITRINE_ANALYTICS_PORT, '127.0.0.1');
  await assertPortFree('VITRINE_ANALYTICS_NATIVE_PORT', settings.VITRINE_ANALYTICS_NATIVE_PORT, '127.0.0.1');
}
