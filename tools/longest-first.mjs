/** The long specs of `npm run test:servers` first, so that no worker ends with one alone. Seconds on two cores; what is not named is short. */
const seconds = [
  ['test/reference/imports-split', 200],
  ['libs/analytics/clickhouse/criteria', 180],
  ['test/end-to-end/apart', 100],
  ['test/reference/imports', 95],
  ['test/faults/faults', 90],
  ['libs/features/projector/kill', 90],
  ['test/deploy/image', 70],
  ['libs/leadership/nats/nats-leadership', 60],
  ['libs/imports/import-kills', 45],
  ['libs/analytics/clickhouse/edge-cases', 35],
];

export default class LongestFirst {
  sort(tests) {
    const cost = ({ path }) => seconds.find(([part]) => path.includes(`${part}.`) || path.includes(`${part}-`))?.[1] ?? 0;
    return [...tests].sort((one, other) => cost(other) - cost(one));
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
