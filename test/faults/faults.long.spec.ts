import { faultSuite } from './faults.suite.js';

for (const [eventLog, snapshots] of [
  ['esdb', 'nats'],
  ['file', 'file'],
] as const) {
  faultSuite({ eventLog, snapshots, wired: true, doubled: true }, async (run) => {
    const end = Date.now() + 120_000;
    do await run.round();
    while (Date.now() < end);
  });
}
