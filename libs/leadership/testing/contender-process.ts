/**
 * A process that wants a role, for tests that kill and stop it: `node contender-process.js <NATS url> <role>`. Prints a line for each thing that
 * happens, with the time in milliseconds: `standing-by`, `leading`, `working` (often, as long as it takes itself for the leader), `lost`.
 */
import { openNatsLeadership } from '../nats/nats-leadership.js';

const [url, role] = process.argv.slice(2) as [string, string];
const say = (what: string) => process.stdout.write(`${what} ${Date.now()}\n`);
const leadership = await openNatsLeadership({ url });
const acquire = leadership.of(role, () => say('standing-by'));
// A parent that was killed itself must not leave this behind.
process.stdin.on('end', () => process.exit(0)).resume();
say('up');
for (;;) {
  const lead = await acquire(new AbortController().signal);
  say('leading');
  // As a writer does: it looks before each write.
  const work = setInterval(() => {
    if (lead.holds()) say('working');
  }, 5);
  await new Promise((resolve) => lead.lost.addEventListener('abort', resolve, { once: true }));
  clearInterval(work);
  say('lost');
  await lead.release();
}
