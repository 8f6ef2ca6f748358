import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inDeployment } from '../in-deployment.js';
import { Split } from '../split.js';
import { everywhere } from '../system.js';
import { addressesSuite } from './addresses.suite.js';
import { loopSuite } from './loop.suite.js';

/** Specs that run here not as they are, and why. All others of this folder do, also those that are yet to come. */
const others: Readonly<Record<string, string>> = {
  'apart.servers.spec.ts': 'below, over one kind of servers: the edge of a node knows nothing of what is behind its snapshots',
  'commands.spec.ts': 'nothing in it asks an edge',
  'start.spec.ts': 'nothing in it asks an edge',
  'start-apart.servers.spec.ts': 'nothing in it asks an edge',
  'workers.servers.spec.ts': 'its counts are those of the fast path',
  'workers-apart.servers.spec.ts': 'below, with one thread: threads share a port and audiences, whoever reads the requests',
  'without-fast-path.servers.spec.ts': 'this one',
};

// The whole of them once more, by the HTTP server alone. `expectAnswersByItsWay` sees in each that it is so.
everywhere['VITRINE_FAST_PATH'] = 'off';
const here = fileURLToPath(new URL('.', import.meta.url));
const specs = readdirSync(here).filter((name) => name.endsWith('.spec.ts') && others[name] === undefined);
for (const name of specs) await import(`./${name}`);

inDeployment(
  'in processes apart',
  () => Split.start({ eventLog: 'file', snapshots: 'file' }),
  (deployment) => {
    loopSuite(deployment);
    addressesSuite(deployment);
  },
);
