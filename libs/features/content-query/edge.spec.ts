import { describe } from '@jest/globals';
import { edgeSuite } from './testing/edge.suite.js';

describe('with the fast path', () => edgeSuite({ fastPath: true }));
describe('without the fast path', () => edgeSuite({ fastPath: false }));
