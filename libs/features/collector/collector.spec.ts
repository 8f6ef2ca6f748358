import { describe } from '@jest/globals';
import { collectorSuite } from './testing/collector.suite.js';

describe('on the plain socket', () => collectorSuite({ fastPath: true }));
describe('by the HTTP server', () => collectorSuite({ fastPath: false }));
