import { admin, checks } from '../composition/features.js';
import { adminPort } from '../composition/http-apps.js';
import { firstKey, openImports } from '../composition/imports.js';
import { openFacts, openKeys, openLog, openSnapshots } from '../composition/ports.js';
import { openReaders } from '../composition/readers.js';
import { runProcess } from '../composition/run-process.js';
import { openTables } from '../composition/tables.js';

/** The GraphQL admin; it also runs the imports that are started there. */
await runProcess('admin', async (frame) => {
  const log = await openLog(frame);
  const keys = await openKeys(frame);
  const { analytics } = await openTables(frame);
  await firstKey(frame, log);
  const readers = openReaders(frame, log);
  const publication = await openSnapshots(frame);
  const facts = await openFacts(frame, log);
  const imports = openImports(frame, { log, facts, keys, analytics, readers });
  const needed = [checks.definitions(readers), checks.analytics(analytics), checks.spool(facts)];
  const address = await adminPort(frame, admin(frame, { log, analytics, publication, readers, ...imports }), needed);
  await imports.imports.resume();
  return { admin: address };
});
