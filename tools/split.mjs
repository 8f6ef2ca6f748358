/**
 * Starts the whole split deployment on this machine and leaves it running until Ctrl-C: ClickHouse, the event log, every app in a process of
 * its own, two content-query nodes behind HAProxy (which has to be installed). Its data is gone afterwards.
 *
 *   npm run build && node tools/split.mjs [files | servers]
 *
 * `files`: one shared file log and folder of snapshots (the default). `servers`: the EventStoreDB test server of libs/event-log/testing, and nats-server.
 */
import { once } from 'node:events';

const engines = { files: { eventLog: 'file', snapshots: 'file' }, servers: { eventLog: 'esdb', snapshots: 'nats' } }[
  process.argv[2] ?? 'files'
];
if (engines === undefined) {
  console.error('usage: node tools/split.mjs [files | servers]');
  process.exit(1);
}
const { Split } = await import('../dist/test/split.js');
const split = await Split.start(engines);
console.log(`  edge    ${split.edge}\n  admin   ${split.admin}/graphiql   API key: ${split.adminKey}\n  tables  ${split.tables}`);
for (const [name, part] of [...split.servers, ...split.apps]) console.log(`  ${name.padEnd(18)} process ${part.pid}`);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await split.dispose();
