import { Split } from '../split.js';
import { loopSuite } from './loop.suite.js';

loopSuite('the loop in processes apart, over a shared file log', () => Split.start({ eventLog: 'file' }));
loopSuite('the loop in processes apart, over EventStoreDB', () => Split.start({ eventLog: 'esdb' }));
