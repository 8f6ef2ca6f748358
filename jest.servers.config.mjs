/** The long runs: whole data sets, fault runs, real servers: `npm run test:servers`. */
import { shared } from './jest.config.mjs';

export default {
  ...shared,
  testMatch: ['**/*.servers.spec.ts'],
  testTimeout: 1_200_000,
  // Many of them wait for processes more than they work: two at once share two cores well.
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
};
