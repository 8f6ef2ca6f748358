import { inSplits } from '../in-deployment.js';
import { addressesSuite } from './addresses.suite.js';
import { commandsSuite } from './commands.suite.js';
import { loopSuite } from './loop.suite.js';

/**
 * What holds in one process holds in processes apart. Not here: the demo, which `vitrine start` alone sets up, in the one process that it is;
 * `start.spec.ts`, whose lines are those of that command (those of the apps: `start-apart.servers.spec.ts`); `left-behind.spec.ts`, because apart
 * a spool belongs to a process that comes back under its own name, and each process has its own disk; `clickhouse-killed.spec.ts` and the full disk, where
 * the fault runs of `test/faults` do the same and more.
 */
inSplits((system) => {
  loopSuite(system);
  commandsSuite(system);
  // Last: it stops the deployment.
  addressesSuite(system);
});
