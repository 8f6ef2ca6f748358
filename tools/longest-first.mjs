/** The long specs first, so that no worker ends with one alone. Seconds on two cores; what is not named follows by size, the larger first, as jest does in a fresh clone. */
import { statSync } from 'node:fs';

const seconds = [
  // npm run test:servers
  ['test/reference/imports-split', 200],
  ['libs/analytics/clickhouse/criteria', 180],
  ['test/end-to-end/without', 130],
  ['test/end-to-end/apart', 100],
  ['test/reference/imports', 95],
  ['test/faults/faults', 90],
  ['libs/features/projector/kill', 90],
  ['test/deploy/image', 70],
  ['test/end-to-end/workers', 60],
  ['libs/leadership/nats/nats-leadership', 60],
  ['libs/imports/import-kills', 45],
  ['libs/analytics/clickhouse/edge-cases', 35],
  // npm test: files of a few lines that start whole systems
  ['test/end-to-end/demo', 40],
  ['test/end-to-end/commands', 35],
  ['test/end-to-end/loop', 25],
  ['test/end-to-end/start', 20],
  ['test/end-to-end/addresses', 14],
  ['test/end-to-end/clickhouse-killed', 14],
  ['test/end-to-end/left-behind', 10],
  ['test/end-to-end/stop', 8],
];

export default class LongestFirst {
  sort(tests) {
    const cost = ({ path }) => seconds.find(([part]) => path.includes(`${part}.`) || path.includes(`${part}-`))?.[1] ?? 0;
    const size = ({ path }) => statSync(path).size;
    return [...tests].sort((one, other) => cost(other) - cost(one) || size(other) - size(one));
  }

  // The rest of what jest asks of a sequencer.
  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  async cacheResults() {
    // Nothing is remembered.
  }
}
