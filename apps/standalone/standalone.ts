/** All features in one process, started in order and stopped in reverse. */
import type { Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import { admin, checks, collector, contentQuery, projector, snapshotBuilder } from '../composition/features.js';
import { openFrame } from '../composition/frame.js';
import { assertPortFree } from '../composition/free-port.js';
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
  stop(): Promise<void>;
}

/** @throws StartRefused and the like, with one line for a person, when something has to be changed first. */
export async function startStandalone(settings: Settings, fatal: (reason: unknown) => void): Promise<Standalone> {
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
    const facts = await openFacts(frame, log);
    await forwardLeftBehind(frame, log);
    const imports = openImports(frame, { log, facts, keys, readers, analytics: tables.analytics });
    const ports = { log, keys, readers, publication, facts, ...tables, ...imports };

    const [projecting, building] = [await openDuty('projector', frame), await openDuty('snapshot-builder', frame)];
    await backstage(frame, [projector(frame, ports, projecting), snapshotBuilder(frame, ports, building)]);
    const { address: edge } = await contentQueryEdge(frame, [contentQuery(frame, ports), collector(frame, ports)]);
    const needed = [checks.definitions(readers), checks.analytics(tables.analytics), checks.spool(facts)];
    const adminAddress = await adminPort(frame, admin(frame, ports), needed);
    await imports.imports.resume();
    const reader = engine?.reader.url;
    lock.describe({ edge, admin: adminAddress, analytics: analyticsUrl, ...(reader === undefined ? {} : { tables: reader }) });
    return { edge, admin: adminAddress, tables: reader, adminKey, stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Before anything is begun. @throws StartRefused. */
async function assertPortsFree(settings: Settings): Promise<void> {
  await assertPortFree('VITRINE_EDGE_PORT', settings.VITRINE_EDGE_PORT, settings.VITRINE_HOST);
  await assertPortFree('VITRINE_ADMIN_PORT', settings.VITRINE_ADMIN_PORT, settings.VITRINE_HOST);
  if (settings.VITRINE_ANALYTICS !== 'chdb:') return;
  await assertPortFree('VITRINE_ANALYTICS_PORT', settings.VITRINE_ANALYTICS_PORT, '127.0.0.1');
  await assertPortFree('VITRINE_ANALYTICS_NATIVE_PORT', settings.VITRINE_ANALYTICS_NATIVE_PORT, '127.0.0.1');
}
