/** The one place where an adapter is chosen for each port, by the address in the settings. What is opened is closed with the process. */
import { randomBytes } from 'node:crypto';
import { type CustomerKeys } from '#libs/customer-keys';
import { openEmbeddedCustomerKeys } from '#libs/customer-keys/embedded';
import type { EventLog } from '#libs/event-log';
import { openEventStoreDb } from '#libs/event-log/eventstoredb';
import { openFileLog } from '#libs/event-log/file';
import { type AcquireLeadership, lockFileLeadership } from '#libs/features/projector';
import type { SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { openSpool, type Spool } from '#libs/spool';
import type { ProcessFrame } from './frame.js';

type Frame = Pick<ProcessFrame, 'settings' | 'folder' | 'closing' | 'report' | 'nodeId'>;

export async function openLog({ settings, folder, closing }: Pick<Frame, 'settings' | 'folder' | 'closing'>): Promise<EventLog> {
  const address = settings.VITRINE_EVENT_LOG;
  const log = address.startsWith('file:')
    ? await openFileLog({ folder: pathOf(address) ?? folder.log })
    : await openEventStoreDb({ connectionString: address });
  closing.add(() => log.close());
  return log;
}

/** `VITRINE_SECRET`, or a generated one that the data folder keeps: processes apart never come here without the setting. */
export function secretOf({ settings, folder }: Pick<Frame, 'settings' | 'folder'>): string {
  return settings.VITRINE_SECRET ?? folder.kept('secret', () => randomBytes(32).toString('base64url'));
}

export async function openKeys(frame: Frame): Promise<CustomerKeys> {
  const keys = await openEmbeddedCustomerKeys({ folder: frame.folder.keys, secret: secretOf(frame) });
  frame.closing.add(() => keys.close());
  return keys;
}

export async function openSnapshots({ settings, folder, closing }: Frame): Promise<SnapshotPublication> {
  const publication = await openFileSnapshots({
    folder: pathOf(settings.VITRINE_SNAPSHOTS) ?? folder.snapshots,
    retentionHours: settings.VITRINE_SNAPSHOT_RETENTION_HOURS,
  });
  closing.add(() => publication.close());
  return publication;
}

/** Of all processes with this duty one works, and the others stand by. */
export function leadershipOf(duty: 'projector' | 'snapshot-builder', { folder, report }: Frame): AcquireLeadership {
  return lockFileLeadership(folder.lockOf(duty), (holder) => report(`${holder} is the ${duty}; this process stands by`));
}

/** The disk queue of this process in front of the log. */
export async function openFacts({ settings, folder, closing, report, nodeId }: Frame, log: EventLog): Promise<Spool> {
  const facts = await openSpool({
    folder: folder.spoolOf(nodeId),
    node: nodeId,
    log,
    bytesMax: settings.VITRINE_SPOOL_BYTES_MAX,
    onReport: (incident) => report(`spool: ${incident.kind}`, 'cause' in incident ? incident.cause : undefined),
  });
  closing.add(() => facts.close());
  return facts;
}

/** The path of `file:<path>`; undefined for `file:` alone, and for what is no `file:`. */
export function pathOf(address: string): string | undefined {
  if (!address.startsWith('file:')) return undefined;
  const path = address.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  return path === '' ? undefined : path;
}
