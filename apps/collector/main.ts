import { checks, collector } from '../composition/features.js';
import { collectorEdge, opsPort } from '../composition/http-apps.js';
import { openFacts, openKeys, openLog } from '../composition/ports.js';
import { openReaders } from '../composition/readers.js';
import { runProcess } from '../composition/run-process.js';

/** Takes behaviour in: ready while its spool has room, once it has read who the clients are; it goes on while the log is away. */
await runProcess('collector', async (frame) => {
  const log = await openLog(frame);
  const keys = await openKeys(frame);
  const readers = openReaders(frame, log);
  const facts = await openFacts(frame, log);
  const needed = [checks.definitionsOnce(readers), checks.spool(facts)];
  return { edge: await collectorEdge(frame, collector(frame, { facts, keys, readers }), needed), ops: await opsPort(frame, needed) };
});
