/**
 * Starts the whole split deployment on this machine and leaves it running until Ctrl-C: ClickHouse, the event log, every app in a process of
 * its own, two content-query nodes behind HAProxy (which has to be installed). Its data is gone afterwards.
 *
 *   npm run build && node tools/split.mjs [file | esdb]
 *
 * `file`: one shared file log (the default). `esdb`: the EventStoreDB test server of libs/event-log/testing.
 */
import { once } from 'node:events';

const eventLog = process.argv[2] ?? 'file';
if (!['file', 'esdb'].includes(eventLog)) {
  console.error('usage: node tools/split.mjs [file | esdb]');
  process.exit(1);
}
const { Split } = await import('../dist/test/split.js');
const split = await Split.start({ eventLog });
console.log(`  edge    ${split.edge}\n  admin   ${split.admin}/graphiql   API key: ${split.adminKey}\n  tables  ${split.tables}`);
for (const [name, part] of [...split.servers, ...split.apps]) console.log(`  ${name.padEnd(18)} process ${part.pid}`);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await split.dispose();
