import { inDeployment } from '../in-deployment.js';
import { System } from '../system.js';
import { addressesSuite } from './addresses.suite.js';
import { loopSuite } from './loop.suite.js';

inDeployment(
  'in one process, without the fast path',
  () => System.start({ VITRINE_FAST_PATH: 'off' }),
  (deployment) => {
    loopSuite(deployment);
    addressesSuite(deployment);
  },
);
