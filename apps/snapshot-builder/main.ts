import { checks, snapshotBuilder } from '../composition/features.js';
import { backstage, opsPort } from '../composition/http-apps.js';
import { imagesOf, openBuilderSnapshots, openDuty, openLog } from '../composition/ports.js';
import { runProcess } from '../composition/run-process.js';
import { openTables } from '../composition/tables.js';

/** Builds and publishes snapshots: one process at a time, others stand by. */
await runProcess('snapshot-builder', async (frame) => {
  const log = await openLog(frame);
  const { analytics } = await openTables(frame);
  const duty = await openDuty('snapshot-builder', frame);
  const ops = await opsPort(frame, [checks.log(log), checks.analytics(analytics), duty.ready], imagesOf(frame));
  const publication = await openBuilderSnapshots(frame, ops);
  await backstage(frame, [snapshotBuilder(frame, { log, analytics, publication }, duty)]);
  return { ops };
});
