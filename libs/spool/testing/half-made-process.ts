/**
 * A process of its own with a spool whose log is away, for tests: `node half-made-process.js <spool folder>` puts three facts, of which the second does not
 * fit into the first segment and the third does, and says which were taken.
 */
import { writeSync } from 'node:fs';
import type { EventLog } from '#libs/event-log';
import { openSpool } from '../spool.js';

const away = () => {
  throw new Error('away');
};
// Asked for these two alone.
const log = { readStream: away, append: away } as Pick<EventLog, 'readStream' | 'append'> as EventLog;
// Segments of 64 KiB.
const spool = await openSpool({ folder: process.argv[2] ?? '', node: 'n1', log, bytesMax: 512 * 1024, onReport: () => undefined });
for (const [n, length] of [60_000, 20_000, 10].entries()) {
  try {
    await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n, text: 'x'.repeat(length) } }]);
    writeSync(1, `taken ${n}\n`);
  } catch (error) {
    writeSync(1, `${(error as { code?: string }).code} ${n}\n`);
  }
}
// As a kill leaves it.
process.exit(0);
