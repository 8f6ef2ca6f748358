import { contentQueryForms } from '#libs/features/content-query';
import { contentQuery } from '../composition/features.js';
import { contentQueryEdge, opsPort } from '../composition/http-apps.js';
import { openFacts, openLog, openSnapshots } from '../composition/ports.js';
import { runProcess } from '../composition/run-process.js';

/** A content-query node: ready as soon as it has snapshots, also while everything else is away. */
await runProcess('content-query', async (frame) => {
  const log = await openLog(frame);
  const publication = await openSnapshots(frame, { nodeId: frame.nodeId });
  const facts = await openFacts(frame, log, { forms: contentQueryForms, givesWay: true });
  const { address, ready } = await contentQueryEdge(frame, [contentQuery(frame, { publication, facts })]);
  return { edge: address, ops: await opsPort(frame, [ready]) };
});
