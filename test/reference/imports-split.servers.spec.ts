import { Split } from '../split.js';
import { importsSuite } from './imports.suite.js';

for (const name of ['edge-cases', 'online-retail']) {
  importsSuite(name, 'processes apart over shared files', () => Split.start({ eventLog: 'file', snapshots: 'file' }));
  importsSuite(name, 'processes apart over EventStoreDB and NATS', () => Split.start({ eventLog: 'esdb', snapshots: 'nats' }));
}
