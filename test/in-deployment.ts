import { afterAll, beforeAll, describe } from '@jest/globals';
import { Split } from './split.js';
import type { Deployment } from './system.js';

/** Suites that one deployment serves one after another. */
export function inDeployment(name: string, start: () => Promise<Deployment>, suites: (deployment: () => Deployment) => void): void {
  describe(name, () => {
    let deployment: Deployment | undefined;
    beforeAll(async () => {
      deployment = await start();
    });
    afterAll(() => deployment?.dispose());
    suites(() => {
      if (deployment === undefined) throw new Error('the deployment is not up');
      return deployment;
    });
  });
}

/** In processes apart, over shared files and over servers; over a real EventStoreDB too where one is to be had, whose log need not be empty. */
export function inSplits(suites: (deployment: () => Deployment) => void): void {
  inDeployment('in processes apart, over shared files', () => Split.start({ eventLog: 'file', snapshots: 'file' }), suites);
  inDeployment('in processes apart, over EventStoreDB and NATS', () => Split.start({ eventLog: 'esdb', snapshots: 'nats' }), suites);
  const server = process.env['VITRINE_TEST_ESDB'];
  if (server === undefined) return;
  if (!/^esdb(\+discover)?:\/\//.test(server)) throw new Error('VITRINE_TEST_ESDB is no esdb:// address');
  const start = () => Split.start({ eventLog: server as `esdb://${string}`, snapshots: 'nats' });
  inDeployment('in processes apart, over the EventStoreDB of VITRINE_TEST_ESDB', start, suites);
}
