/**
 * A builder for fault tests, as a process: publishes images, increments and progress of client `faults` in the folder of its first argument
 * for ever, as fast as it can, beside others that do the same. Its second argument is the seed. Prints a line per publication.
 */
import { randomBytes } from 'node:crypto';
import type { Position } from '#libs/event-log';
import { StalePublication } from '../errors.js';
import { openFileSnapshots } from '../file/file-snapshots.js';

const [folder = '', seed = '1'] = process.argv.slice(2);
let state = Number(seed) >>> 0;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const publication = await openFileSnapshots({ folder });
const clientId = 'faults';
for (;;) {
  const current = await publication.current(clientId, 'audience');
  const position = ((current?.position ?? 0n) + 1n) as Position;
  const builtAt = new Date().toISOString();
  try {
    const what = current === null ? 0 : random();
    if (what < 0.2) {
      const image = randomBytes(20_000);
      await publication.publish({ clientId, kind: 'audience', image, position, builtAt, customers: 1, memberships: 1 });
    } else if (what < 0.7) {
      const increment = { clientId, base: current!.version, sequence: current!.increment + 1, position, builtAt, bytes: randomBytes(500) };
      await publication.publishIncrement(increment);
    } else await publication.progress(clientId, 'audience', position);
    process.stdout.write('.\n');
  } catch (error) {
    if (!(error instanceof StalePublication)) throw error;
  }
}
