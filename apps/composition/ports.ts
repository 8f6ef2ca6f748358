/** The one place where an adapter is chosen for each port, by the address in the settings. What is opened is closed with the process. */
import { randomBytes } from 'node:crypto';
import { type CustomerKeys } from '#libs/customer-keys';
import { openEmbeddedCustomerKeys } from '#libs/customer-keys/embedded';
import { openNatsCustomerKeys } from '#libs/customer-keys/nats';
import type { EventLog } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { observeLeadership, observeSpool, type ReadinessCheck } from '#libs/features/ops';
import { type AcquireLeadership, lockFileLeadership } from '#libs/leadership';
import { openNatsLeadership } from '#libs/leadership/nats';
import type { SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { type ImageHandler, openNatsSnapshotBuilder, openNatsSnapshots, serveImages } from '#libs/snapshots/nats';
import { openSpool, type Spool, type SpoolOptions } from '#libs/spool';
import type { ProcessFrame } from './frame.js';

type Frame = Pick<ProcessFrame, 'settings' | 'folder' | 'closing' | 'report' | 'nodeId' | 'registry'>;

export async function openLog({ settings, folder, closing }: Pick<Frame, 'settings' | 'folder' | 'closing'>): Promise<EventLog> {
  const address = settings.VITRINE_EVENT_LOG;
  const log = address.startsWith('file:')
    ? await openFileLog({ folder: pathOf(address) ?? folder.log })
    : await (await import('#libs/event-log/eventstoredb')).openEventStoreDb({ connectionString: address });
  closing.add(() => log.close());
  return log;
}

/** `VITRINE_SECRET`, or a generated one that the data folder keeps: processes apart never come here without the setting. */
export function secretOf({ settings, folder }: Pick<Frame, 'settings' | 'folder'>): string {
  return settings.VITRINE_SECRET ?? folder.kept('secret', () => randomBytes(32).toString('base64url'));
}

/** On NATS where the snapshots are: collectors on several machines share them. */
export async function openKeys(frame: Frame): Promise<CustomerKeys> {
  const secret = secretOf(frame);
  const url = natsOf(frame);
  const keys =
    url === undefined
      ? await openEmbeddedCustomerKeys({ folder: frame.folder.keys, secret })
      : await openNatsCustomerKeys({ url, secret, report: frame.report });
  frame.closing.add(() => keys.close());
  return keys;
}

/** Snapshots as nodes and the admin have them; a node gives its name. */
export async function openSnapshots(frame: Frame, about: { readonly nodeId?: string } = {}): Promise<SnapshotPublication> {
  const url = natsOf(frame);
  const publication = url === undefined ? await openFiles(frame) : await openNatsSnapshots({ url, report: frame.report, ...about });
  frame.closing.add(() => publication.close());
  return publication;
}

/** Snapshots as their builder has them; with NATS, `imagesUrl` is where `imagesOf` is served. */
export async function openBuilderSnapshots(frame: Frame, imagesUrl: string): Promise<SnapshotPublication> {
  const url = natsOf(frame);
  if (url === undefined) return openSnapshots(frame);
  const { settings, folder, closing, report } = frame;
  const publication = await openNatsSnapshotBuilder({
    url,
    folder: folder.snapshots,
    imagesUrl: settings.VITRINE_IMAGES_URL ?? imagesUrl,
    retentionHours: settings.VITRINE_SNAPSHOT_RETENTION_HOURS,
    report,
  });
  closing.add(() => publication.close());
  return publication;
}

/** What the builder's operations port has to serve; undefined when nodes read the images from a folder. */
export function imagesOf(frame: Frame): ImageHandler | undefined {
  return natsOf(frame) === undefined ? undefined : serveImages(frame.folder.snapshots);
}

export interface Duty {
  readonly acquireLeadership: AcquireLeadership;
  /** Whether it can be known who leads: while it cannot, nobody does. */
  readonly ready: ReadinessCheck;
}

/** Of all processes with this duty one works, and the others stand by; `tell` is called when this one does. */
export async function openDuty(duty: 'projector' | 'snapshot-builder', frame: Frame, tell = frame.report): Promise<Duty> {
  const { folder, report, closing, registry } = frame;
  const standBy = (holder: string) => tell(`${holder} is the ${duty}; this process stands by`);
  const observed = (acquire: AcquireLeadership) => observeLeadership(registry, duty, acquire);
  const url = natsOf(frame);
  if (url === undefined) {
    const lock = lockFileLeadership(folder.lockOf(duty), standBy);
    return { acquireLeadership: observed(lock), ready: { name: 'leadership', check: () => true } };
  }
  const leadership = await openNatsLeadership({ url, report });
  closing.add(() => leadership.close());
  return {
    acquireLeadership: observed(leadership.of(duty, standBy)),
    ready: { name: 'leadership', check: () => leadership.reach().then(() => true) },
  };
}

function openFiles({ settings, folder }: Frame): Promise<SnapshotPublication> {
  return openFileSnapshots({
    folder: pathOf(settings.VITRINE_SNAPSHOTS) ?? folder.snapshots,
    retentionHours: settings.VITRINE_SNAPSHOT_RETENTION_HOURS,
  });
}

function natsOf({ settings }: Pick<Frame, 'settings'>): string | undefined {
  return settings.VITRINE_SNAPSHOTS.startsWith('file:') ? undefined : settings.VITRINE_SNAPSHOTS;
}

/** The disk queue of this process in front of the log. `features`: what those that write to it need of it. */
export async function openFacts(
  { settings, folder, closing, report, nodeId, registry }: Frame,
  log: EventLog,
  features: Pick<SpoolOptions, 'forms' | 'givesWay'> = {},
): Promise<Spool> {
  const facts = await openSpool({
    folder: folder.spoolOf(nodeId),
    node: nodeId,
    log,
    ...features,
    bytesMax: settings.VITRINE_SPOOL_BYTES_MAX,
    onReport: (incident) => report(`spool: ${incident.kind}`, 'cause' in incident ? incident.cause : undefined),
  });
  closing.add(() => facts.close());
  observeSpool(registry, facts);
  return facts;
}

/** The path of `file:<path>`; undefined for `file:` alone, and for what is no `file:`. */
export function pathOf(address: string): string | undefined {
  if (!address.startsWith('file:')) return undefined;
  const path = address.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  return path === '' ? undefined : path;
}
