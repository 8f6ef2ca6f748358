import { System } from '../system.js';
import { loopSuite } from './loop.suite.js';

loopSuite('the loop in one process', () => System.start());
