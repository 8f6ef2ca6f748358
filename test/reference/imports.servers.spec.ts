import { inDeployment } from '../in-deployment.js';
import { System } from '../system.js';
import { dataSets, importsSuite } from './imports.suite.js';

inDeployment(
  'in one process',
  () => System.start(),
  (system) => {
    for (const name of dataSets) importsSuite(name, system);
  },
);
