import { inDeployment } from '../in-deployment.js';
import { System } from '../system.js';
import { loopSuite } from './loop.suite.js';

inDeployment('in one process', () => System.start(), loopSuite);
