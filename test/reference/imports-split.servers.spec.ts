import { inSplits } from '../in-deployment.js';
import { dataSets, importsSuite } from './imports.suite.js';

/** Tens of thousands of ids in pages are read in one process (`imports.servers.spec.ts`); here they would cost minutes and show nothing more. */
const listedMax = 10_000;

inSplits((system) => {
  for (const name of dataSets) importsSuite(name, system, listedMax);
});
