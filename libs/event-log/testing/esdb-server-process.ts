/** The test server as a process of its own: `node esdb-server-process.js [--port 2113] [--file log.jsonl]`; says its connection string on stdout and ends on SIGTERM. */
import { parseArgs } from 'node:util';
import { EsdbDatabase } from './esdb-server/database.js';
import { startEsdbServer } from './esdb-server/server.js';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, file: { type: 'string' } } });
const server = await startEsdbServer({ port: Number(values.port), database: new EsdbDatabase(values.file) });
process.once('SIGTERM', async () => {
  await server.stopAbruptly();
  process.exit(0);
});
console.log(server.connectionString);
