import { checks, projector } from '../composition/features.js';
import { backstage, opsPort } from '../composition/http-apps.js';
import { openDuty, openLog } from '../composition/ports.js';
import { runProcess } from '../composition/run-process.js';
import { openTables } from '../composition/tables.js';

/** Brings the log into the tables: one process at a time, others stand by. */
await runProcess('projector', async (frame) => {
  const log = await openLog(frame);
  const { tables, analytics } = await openTables(frame);
  const duty = await openDuty('projector', frame);
  await backstage(frame, [projector(frame, { log, tables }, duty)]);
  return { ops: await opsPort(frame, [checks.log(log), checks.analytics(analytics), duty.ready]) };
});
