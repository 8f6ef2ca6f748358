/** All ports of a standalone process, opened in order. */
import { randomBytes } from 'node:crypto';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { isRejected } from '#libs/domain';
import { registerChosenKey } from '#libs/features/admin';
import { ImportRunner, UploadStore } from '#libs/imports';
import type { DataFolder, Settings } from '#libs/settings';
import type { SnapshotPublication } from '#libs/snapshots';
import { openSpool, type Spool } from '#libs/spool';
import type { Closing } from './closing.js';
import { type Core, openCore, type Report } from './core.js';
import { assertPortFree, StartRefused } from './free-port.js';
import { forwardLeftBehind } from './left-behind.js';
import { openSnapshots } from './ports.js';
import { openReaders, type Readers } from './readers.js';

export interface Parts extends Core {
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly nodeId: string;
  readonly adminKey: string;
  readonly readers: Readers;
  readonly publication: SnapshotPublication;
  readonly facts: Spool;
  readonly uploads: UploadStore;
  readonly imports: ImportRunner;
}

/** @throws StartRefused before anything was begun. */
export async function assertPortsFree(settings: Settings): Promise<void> {
  await assertPortFree('VITRINE_EDGE_PORT', settings.VITRINE_EDGE_PORT, settings.VITRINE_HOST);
  await assertPortFree('VITRINE_ADMIN_PORT', settings.VITRINE_ADMIN_PORT, settings.VITRINE_HOST);
  if (settings.VITRINE_ANALYTICS !== 'chdb:') return;
  await assertPortFree('VITRINE_ANALYTICS_PORT', settings.VITRINE_ANALYTICS_PORT, '127.0.0.1');
  await assertPortFree('VITRINE_ANALYTICS_NATIVE_PORT', settings.VITRINE_ANALYTICS_NATIVE_PORT, '127.0.0.1');
}

export async function openParts(
  settings: Settings,
  folder: DataFolder,
  closing: Closing,
  report: Report,
  fatal: (reason: unknown) => void,
): Promise<Parts> {
  const clock = () => new Date();
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const nodeId = folder.kept('node-id', () => `node-${randomBytes(6).toString('hex')}`);
  const core = await openCore(settings, folder, report, fatal);
  closing.add(() => core.close());
  const { log, keys, analytics } = core;

  const adminKey = settings.VITRINE_ADMIN_KEY ?? folder.kept('admin-key', () => `vk_first_${randomBytes(32).toString('base64url')}`);
  const chosen = await registerChosenKey(log, adminKey);
  if (isRejected(chosen)) throw new StartRefused(chosen.message);

  const readers = openReaders(log, report, fatal);
  closing.add(() => readers.close());
  const publication = await openSnapshots(settings, folder);
  closing.add(() => publication.close());
  const facts = await openSpool({
    folder: folder.spoolOf(nodeId),
    node: nodeId,
    log,
    bytesMax: settings.VITRINE_SPOOL_BYTES_MAX,
    onReport: (incident) => report(`spool: ${incident.kind}`, 'cause' in incident ? incident.cause : undefined),
  });
  closing.add(() => facts.close());
  await forwardLeftBehind(core, folder);
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
  closing.add(() => imports.close());
  return { ...core, registry, clock, nodeId, adminKey, readers, publication, facts, uploads, imports };
}
