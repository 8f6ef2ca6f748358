import { inDeployment } from '../in-deployment.js';
import { System } from '../system.js';
import { addressesSuite } from './addresses.suite.js';

inDeployment('in one process', () => System.start(), addressesSuite);
