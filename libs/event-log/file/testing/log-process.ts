/**
 * A process of its own on a file log, for tests: `node log-process.js write <folder> <name> [<appends>]` or `… tail <folder> <category>`.
 * A writer appends small batches in turn to a stream of its own at the exact revision and to one shared by all with `any`, and says `<n>` on
 * stdout when append n has returned. A tailing process says `<id> <ms since it was recorded>` for each event.
 */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { EventLog, ExpectedRevision, NewEvent } from '../../event-log.js';
import { openFileLog } from '../file-log.js';

const [role, folder = '', name = '', count = 'Infinity'] = process.argv.slice(2);
const log = await openFileLog({ folder, readOnly: role === 'tail' });
if (role === 'write') await write(log, name, Number(count));
else await tail(log, name);
await log.close();

async function write(log: EventLog, name: string, count: number): Promise<void> {
  const own = `own-${name}`;
  let revision: ExpectedRevision = 'noStream';
  let first = 0;
  for await (const event of log.readStream(own, { direction: 'backwards', maxCount: 1 })) {
    revision = event.revision;
    first = Number(event.data.n) + 1;
  }
  for (let n = first; n < first + count; n++) {
    ({ revision } = await log.append(own, batch(name, n), revision));
    await log.append('shared-all', batch(name, n), 'any');
    say(String(n));
  }
}

function batch(name: string, n: number): NewEvent[] {
  const of = 1 + (n % 5);
  return Array.from({ length: of }, (_, index) => ({
    id: randomUUID(),
    type: 'Written',
    data: { name, n, index, of, text: 'x'.repeat((n * 37) % 900) },
    metadata: { schema: 1, clientId: 'golf', actor: 'system' },
  }));
}

async function tail(log: EventLog, category: string): Promise<void> {
  const stop = new AbortController();
  process.stdin.on('end', () => stop.abort()).resume();
  for await (const message of log.subscribe({ after: null, filter: { categories: [category] }, signal: stop.signal })) {
    if (message.kind === 'caughtUp') say('caughtUp');
    else for (const { id, recordedAt } of message.events) say(`${id} ${Date.now() - recordedAt.getTime()}`);
  }
}

/** At once and whole, so that a killed process has said exactly what it meant to. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
