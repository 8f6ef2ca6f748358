/** The runner of imports, and the first API key: what the admin of a process has beside its ports. */
import { randomBytes } from 'node:crypto';
import type { Analytics } from '#libs/analytics';
import type { CustomerKeys } from '#libs/customer-keys';
import { isRejected } from '#libs/domain';
import type { EventLog } from '#libs/event-log';
import { registerChosenKey } from '#libs/features/admin/keys';
import { ImportRunner, UploadStore } from '#libs/imports';
import type { FactQueue } from '#libs/spool';
import type { ProcessFrame } from './frame.js';
import { StartRefused } from './free-port.js';
import type { Readers } from './readers.js';

export interface Imports {
  readonly imports: ImportRunner;
  readonly uploads: UploadStore;
}

type Ports = {
  readonly log: EventLog;
  readonly facts: FactQueue;
  readonly analytics: Analytics;
  readonly keys: CustomerKeys;
  readonly readers: Readers;
};

export function openImports(
  { settings, folder, closing, clock, report }: Pick<ProcessFrame, 'settings' | 'folder' | 'closing' | 'clock' | 'report'>,
  ports: Ports,
): Imports {
  const { readers, ...rest } = ports;
  const uploads = new UploadStore(folder.uploads, settings.VITRINE_UPLOAD_BYTES_MAX);
  const imports = new ImportRunner({
    ...rest,
    uploads,
    clock,
    definitions: readers.definitions,
    rejectsFolder: folder.imports,
    onNote: (importId, detail, error) => report(`import ${importId}: ${detail}`, error),
  });
  closing.add(() => imports.close());
  return { imports, uploads };
}

/** `VITRINE_ADMIN_KEY`, or a generated one that the data folder keeps; known to the log when this returns. */
export async function firstKey({ settings, folder }: Pick<ProcessFrame, 'settings' | 'folder'>, log: EventLog): Promise<string> {
  const key = settings.VITRINE_ADMIN_KEY ?? folder.kept('admin-key', () => `vk_first_${randomBytes(32).toString('base64url')}`);
  const chosen = await registerChosenKey(log, key);
  if (isRejected(chosen)) throw new StartRefused(chosen.message);
  return key;
}
