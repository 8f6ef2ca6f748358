import { Split } from '../split.js';
import { loopSuite } from './loop.suite.js';

loopSuite('the loop in processes apart, over shared files', () => Split.start({ eventLog: 'file', snapshots: 'file' }));
loopSuite('the loop in processes apart, over EventStoreDB and NATS', () => Split.start({ eventLog: 'esdb', snapshots: 'nats' }));
