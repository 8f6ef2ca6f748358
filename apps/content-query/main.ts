import { contentQueryForms } from '#libs/features/content-query';
import { openImageLoading, openSnapshotCache, SharedPublication, type SnapshotPublication } from '#libs/snapshots';
import type { Spool } from '#libs/spool';
import { AnsweringThreads } from '../composition/answering-threads.js';
import { contentQuery } from '../composition/features.js';
import { forwardOfFormerThreads } from '../composition/former-threads.js';
import type { ProcessFrame } from '../composition/frame.js';
import { StartRefused } from '../composition/free-port.js';
import { contentQueryEdge, opsPort } from '../composition/http-apps.js';
import { JointMetrics } from '../composition/joint-metrics.js';
import { openFacts, openLog, openSnapshots } from '../composition/ports.js';
import { runProcess } from '../composition/run-process.js';

/** What VITRINE_SPOOL_BYTES_MAX is for one thread at least. */
const spoolBytesMin = 1_048_576;

/** A content-query node: ready as soon as it has snapshots, also while everything else is away. */
await runProcess('content-query', async (whole) => {
  const workers = whole.settings.VITRINE_WORKERS;
  const spoolBytesMax = Math.floor(whole.settings.VITRINE_SPOOL_BYTES_MAX / workers);
  if (workers > 1 && spoolBytesMax < spoolBytesMin)
    throw new StartRefused(`VITRINE_SPOOL_BYTES_MAX: each of ${workers} threads takes ${spoolBytesMin} bytes or more of it`);
  // Each thread has its part of what may wait on the disk.
  const frame = workers === 1 ? whole : { ...whole, settings: { ...whole.settings, VITRINE_SPOOL_BYTES_MAX: spoolBytesMax } };
  const metrics = new JointMetrics(frame.registry);
  const log = await openLog(frame);
  const publication = await openSnapshots(frame, { nodeId: frame.nodeId });
  const facts = await openFacts(frame, log, { forms: contentQueryForms, givesWay: true });
  const former = await forwardOfFormerThreads(frame, log, { threads: workers, forms: contentQueryForms });
  metrics.add(() => former.metrics());
  const { address, ready } = await (workers === 1 ? answerAlone : answerInThreads)(frame, { publication, facts, metrics });
  const ops = await opsPort(frame, [ready], undefined, metrics);
  return { edge: address, ops, ...(workers === 1 ? {} : { workers: String(workers) }) };
});

interface Parts {
  readonly publication: SnapshotPublication;
  readonly facts: Spool;
  readonly metrics: JointMetrics;
}

function answerAlone(frame: ProcessFrame, { publication, facts }: Parts): ReturnType<typeof contentQueryEdge> {
  return contentQueryEdge(frame, [contentQuery(frame, { publication, facts })]);
}

async function answerInThreads(frame: ProcessFrame, { publication, facts, metrics }: Parts): ReturnType<typeof contentQueryEdge> {
  const { closing, nodeId, folder, settings } = frame;
  const shared = new SharedPublication(publication, { nodeId, threads: settings.VITRINE_WORKERS });
  closing.add(() => shared.close());
  const loading = openImageLoading();
  closing.add(() => loading.close());
  const images = { loading, cache: await openSnapshotCache(folder.cacheOf(nodeId)) };
  const program = new URL('./answering-thread.js', import.meta.url);
  const threads = await AnsweringThreads.start(frame, { program, settings, loading, publication: shared });
  metrics.add(() => threads.metrics());
  return contentQueryEdge(frame, [contentQuery(frame, { publication: shared.of(0), facts }, images)], threads);
}
