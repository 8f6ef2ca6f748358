import { inDeployment } from '../in-deployment.js';
import { Split } from '../split.js';
import { loopSuite } from './loop.suite.js';

/** What holds of nodes of one thread holds of nodes of several: over NATS and EventStoreDB's protocol, behind HAProxy. */
inDeployment(
  'in processes apart, with two threads in each content-query node',
  () => Split.start({ eventLog: 'esdb', snapshots: 'nats' }, { VITRINE_WORKERS: '2' }),
  (deployment) => loopSuite(deployment),
);
