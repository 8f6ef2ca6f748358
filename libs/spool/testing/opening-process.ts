/** A process of its own that opens a spool whose log is away, for tests: `node opening-process.js <spool folder>` says how many MiB of memory that took at most. */
import { writeSync } from 'node:fs';
import type { EventLog } from '#libs/event-log';
import { openSpool } from '../spool.js';

const away = () => {
  throw new Error('away');
};
// Asked for these two alone.
const log = { readStream: away, append: away } as Pick<EventLog, 'readStream' | 'append'> as EventLog;
const before = process.resourceUsage().maxRSS;
const spool = await openSpool({ folder: process.argv[2] ?? '', node: 'n1', log, onReport: () => undefined });
writeSync(1, `${spool.status.queued} ${Math.round((process.resourceUsage().maxRSS - before) / 1024)}\n`);
await spool.close();
