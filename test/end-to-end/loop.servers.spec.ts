import { Split } from '../split.js';
import { loopSuite } from './loop.suite.js';

loopSuite('the loop in processes apart, over shared files', () => Split.start({ eventLog: 'file', snapshots: 'file' }));
loopSuite('the loop in processes apart, over EventStoreDB and NATS', () => Split.start({ eventLog: 'esdb', snapshots: 'nats' }));

/** A real server, where one is to be had; its log need not be empty. */
const server = process.env['VITRINE_TEST_ESDB'];
if (server !== undefined) {
  if (!/^esdb(\+discover)?:\/\//.test(server)) throw new Error('VITRINE_TEST_ESDB is no esdb:// address');
  loopSuite('the loop in processes apart, over the EventStoreDB of VITRINE_TEST_ESDB', () =>
    Split.start({ eventLog: server as `esdb://${string}`, snapshots: 'nats' }),
  );
}
