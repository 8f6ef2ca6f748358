/**
 * A process of its own with a spool and a file log, for tests: `node spool-process.js <spool folder> <log folder> <first number>` puts facts
 * numbered from there, one to five at a time, of three clients, and says the last number of each put on stdout when it has returned.
 */
import { writeSync } from 'node:fs';
import { openFileLog } from '#libs/event-log/file';
import { openSpool } from '../spool.js';

const [folder = '', logFolder = '', first = '0'] = process.argv.slice(2);
const log = await openFileLog({ folder: logFolder });
// Small segments, so that they are used again often.
const spool = await openSpool({ folder, node: 'n1', log, bytesMax: 512 * 1024 });
for (let n = Number(first); ; ) {
  const facts = Array.from({ length: 1 + (n % 5) }, () => ({
    category: 'behaviour' as const,
    clientId: `c${n % 3}`,
    type: 'PageViewed',
    data: { n: n++, text: 'x'.repeat((n * 37) % 500) },
  }));
  if (spool.status.spooledBytes > 256 * 1024) await spool.drained();
  await spool.put(facts);
  writeSync(1, `${n - 1}\n`);
}
