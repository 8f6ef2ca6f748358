import { faultSuite } from './faults.suite.js';

faultSuite({ eventLog: 'esdb', snapshots: 'nats', wired: true }, (run) => run.shortRound());
