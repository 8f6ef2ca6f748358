/** The one place where an adapter is chosen for each port, by the address in the settings. */

import type { EventLog } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import type { DataFolder, Settings } from '#libs/settings';
import type { SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';

export function openLog(settings: Settings, folder: DataFolder): Promise<EventLog> {
  return openFileLog({ folder: logFolder(settings, folder) });
}

export function logFolder(settings: Settings, folder: DataFolder): string {
  return fileAddress(settings.VITRINE_EVENT_LOG) ?? folder.log;
}

export function openSnapshots(settings: Settings, folder: DataFolder): Promise<SnapshotPublication> {
  return openFileSnapshots({
    folder: fileAddress(settings.VITRINE_SNAPSHOTS) ?? folder.snapshots,
    retentionHours: settings.VITRINE_SNAPSHOT_RETENTION_HOURS,
  });
}

/** The path of `file:<path>`; undefined for `file:` alone. */
function fileAddress(address: string): string | undefined {
  const path = address.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  return path === '' ? undefined : path;
}
