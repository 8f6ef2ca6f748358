/** Which features stand in which application of a standalone process. */
import type { DynamicModule } from '@nestjs/common';
import { AdminModule } from '#libs/features/admin';
import { CollectorModule } from '#libs/features/collector';
import { ContentQueryModule } from '#libs/features/content-query';
import type { ReadinessCheck } from '#libs/features/ops';
import { lockFileLeadership, ProjectorModule } from '#libs/features/projector';
import { SnapshotBuilderModule } from '#libs/features/snapshot-builder';
import type { DataFolder, Settings } from '#libs/settings';
import type { Report } from './core.js';
import type { Parts } from './parts.js';

/** Behind the doors: the projector and the snapshot builder. */
export function backstageFeatures(
  settings: Settings,
  folder: DataFolder,
  parts: Parts,
  report: Report,
  fatal: (reason: unknown) => void,
): DynamicModule[] {
  const { log, analytics, publication, registry, clock, tables } = parts;
  const acquireLeadership = lockFileLeadership(folder.projectorLock, (holder) => report(`${holder} projects; this process stands by`));
  return [
    ProjectorModule.register({ log, tables, acquireLeadership, registry, clock, onFailure: fatal }),
    SnapshotBuilderModule.register({
      log,
      analytics,
      publication,
      registry,
      clock,
      options: { incrementSeconds: settings.VITRINE_INCREMENT_SECONDS },
      onFailure: fatal,
    }),
  ];
}

/** On the public port: content queries and behaviour. */
export function edgeFeatures(settings: Settings, folder: DataFolder, parts: Parts): DynamicModule[] {
  const { publication, facts, registry, keys, readers, clock, nodeId, secret } = parts;
  const { definitions, apiKeys } = readers;
  return [
    ContentQueryModule.register({
      publication,
      facts,
      registry,
      options: {
        nodeId,
        cacheFolder: folder.cacheOf(nodeId),
        secret,
        publicUrl: settings.VITRINE_PUBLIC_URL,
        countryHeader: settings.VITRINE_COUNTRY_HEADER,
      },
    }),
    CollectorModule.register({
      facts,
      keys,
      definitions,
      apiKeys,
      registry,
      clock,
      options: { requestsPerSecondMax: settings.VITRINE_COLLECT_RATE_MAX },
    }),
  ];
}

/** On the private port. */
export function adminFeature(parts: Parts): DynamicModule {
  const { log, analytics, publication, imports, uploads, registry, clock, readers } = parts;
  return AdminModule.register({ log, analytics, publication, imports, uploads, registry, clock, ...readers, options: {} });
}

/** What the whole process needs for its work; that queries can be answered is asked on the edge. */
export function processChecks({ readers, analytics, facts }: Parts): ReadinessCheck[] {
  return [
    { name: 'definitions', check: () => readers.definitions.caughtUp().then(() => true) },
    { name: 'analytics', check: () => analytics.projectedTo().then(() => true) },
    { name: 'spool', check: () => facts.status.spooledBytes < facts.status.spooledBytesMax || 'the spool is full' },
  ];
}
