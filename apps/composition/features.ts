/**
 * How each feature is made of a process's ports. Each is loaded by the process that has it: GraphQL alone would take as long as the rest of a
 * content-query node's start.
 */
import type { DynamicModule } from '@nestjs/common';
import type { Analytics, ProjectionTables } from '#libs/analytics';
import type { CustomerKeys } from '#libs/customer-keys';
import type { EventLog } from '#libs/event-log';
import { ContentQueryModule, type ContentQueryPorts } from '#libs/features/content-query';
import type { ReadinessCheck } from '#libs/features/ops';
import type { NodePublication, SnapshotPublication } from '#libs/snapshots';
import type { FactQueue, Spool } from '#libs/spool';
import type { ProcessFrame } from './frame.js';
import type { Imports } from './imports.js';
import { type Duty, secretOf } from './ports.js';
import type { Readers } from './readers.js';

/** All ports; a feature takes those that it names. */
interface Ports extends Imports {
  readonly log: EventLog;
  readonly keys: CustomerKeys;
  readonly analytics: Analytics;
  readonly tables: ProjectionTables;
  readonly publication: SnapshotPublication;
  readonly facts: FactQueue;
  readonly readers: Readers;
}

export async function projector(
  { registry, clock, fatal }: ProcessFrame,
  { log, tables }: Pick<Ports, 'log' | 'tables'>,
  { acquireLeadership }: Duty,
): Promise<DynamicModule> {
  const { ProjectorModule } = await import('#libs/features/projector');
  return ProjectorModule.register({ log, tables, acquireLeadership, registry, clock, onFailure: fatal });
}

export async function snapshotBuilder(
  { registry, clock, settings, fatal }: ProcessFrame,
  ports: Pick<Ports, 'log' | 'analytics' | 'publication'>,
  { acquireLeadership }: Duty,
): Promise<DynamicModule> {
  const { SnapshotBuilderModule } = await import('#libs/features/snapshot-builder');
  const { log, analytics, publication } = ports;
  const options = { incrementSeconds: settings.VITRINE_INCREMENT_SECONDS };
  return SnapshotBuilderModule.register({ log, analytics, publication, acquireLeadership, registry, clock, options, onFailure: fatal });
}

export function contentQuery(
  frame: ProcessFrame,
  { publication, facts }: { readonly publication: NodePublication; readonly facts: Spool },
  images?: ContentQueryPorts['images'],
): DynamicModule {
  const { settings, folder, nodeId, registry } = frame;
  return ContentQueryModule.register({
    publication,
    facts,
    registry,
    ...(images === undefined ? {} : { images }),
    options: {
      nodeId,
      cacheFolder: folder.cacheOf(nodeId),
      secret: secretOf(frame),
      publicUrl: settings.VITRINE_PUBLIC_URL,
      countryHeader: settings.VITRINE_COUNTRY_HEADER,
      clients: settings.VITRINE_CLIENTS,
      fastPath: settings.VITRINE_FAST_PATH,
    },
  });
}

export async function collector(
  { settings, registry, clock }: ProcessFrame,
  { facts, keys, readers }: Pick<Ports, 'keys' | 'readers'> & { readonly facts: Spool },
): Promise<DynamicModule> {
  const { CollectorModule } = await import('#libs/features/collector');
  return CollectorModule.register({
    facts,
    keys,
    ...readers,
    registry,
    clock,
    options: { requestsPerSecondMax: settings.VITRINE_COLLECT_RATE_MAX, fastPath: settings.VITRINE_FAST_PATH },
  });
}

export async function admin({ registry, clock }: ProcessFrame, ports: Omit<Ports, 'keys' | 'tables' | 'facts'>): Promise<DynamicModule> {
  const { AdminModule } = await import('#libs/features/admin');
  const { log, analytics, publication, imports, uploads, readers } = ports;
  return AdminModule.register({ log, analytics, publication, imports, uploads, registry, clock, ...readers, options: {} });
}

/** Whether what a process needs for its work is there. */
export const checks = {
  definitions: ({ definitions }: Readers): ReadinessCheck => ({
    name: 'definitions',
    check: () => definitions.caughtUp().then(() => true),
  }),
  /** For a process that goes on by what it has read when the log is away, but has to have read it once. */
  definitionsOnce: ({ definitions, apiKeys }: Readers): ReadinessCheck => {
    let read = false;
    return {
      name: 'definitions',
      check: async () => {
        if (!read) await Promise.all([definitions.caughtUp(), apiKeys.caughtUp()]);
        read = true;
        return true;
      },
    };
  },
  analytics: (analytics: Analytics): ReadinessCheck => ({ name: 'analytics', check: () => analytics.projectedTo().then(() => true) }),
  log: (log: EventLog): ReadinessCheck => ({ name: 'event log', check: () => log.lastPosition().then(() => true) }),
  spool: (facts: FactQueue): ReadinessCheck => ({
    name: 'spool',
    check: () => facts.status.spooledBytes < facts.status.spooledBytesMax || 'the spool is full',
  }),
};
