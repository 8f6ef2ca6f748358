import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLogContract } from '../testing/event-log.contract.js';
import { openFileLog } from './file-log.js';

eventLogContract('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-log-'));
  let log = await openFileLog({ folder });
  return {
    log,
    async reopen() {
      await log.close();
      log = await openFileLog({ folder });
      return log;
    },
    async dispose() {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
});
