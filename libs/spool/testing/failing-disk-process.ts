/**
 * A process of its own with a spool whose log is away, for tests: `node failing-disk-process.js <spool folder>` puts facts 0, 1 and 2, each again until the
 * disk has taken it, and says so, or what the disk said instead.
 */
import { writeSync } from 'node:fs';
import type { EventLog } from '#libs/event-log';
import { openSpool } from '../spool.js';

const away = () => {
  throw new Error('away');
};
// Asked for these two alone.
const log = { readStream: away, append: away } as Pick<EventLog, 'readStream' | 'append'> as EventLog;
const spool = await openSpool({ folder: process.argv[2] ?? '', node: 'n1', log, onReport: () => undefined });
for (let n = 0; n < 3; ) {
  try {
    await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n } }]);
    writeSync(1, `taken ${n}\n`);
    n++;
  } catch (error) {
    writeSync(1, `${(error as { code?: string }).code} ${n}\n`);
  }
}
await spool.close();
