import { inSplits } from '../in-deployment.js';
import { dataSets, importsSuite } from './imports.suite.js';

inSplits((system) => {
  for (const name of dataSets) importsSuite(name, system);
});
