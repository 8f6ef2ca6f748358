import { System } from '../system.js';
import { importsSuite } from './imports.suite.js';

for (const name of ['online-retail', 'retailrocket', 'rees46', 'edge-cases']) importsSuite(name, 'one process', () => System.start());
