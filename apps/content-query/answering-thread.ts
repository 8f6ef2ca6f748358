import { contentQueryForms } from '#libs/features/content-query';
import { loadingOver, publicationOver, readSnapshotCache } from '#libs/snapshots';
import { contentQuery } from '../composition/features.js';
import { contentQueryEdgeOfThread } from '../composition/http-apps.js';
import { openFacts, openLog } from '../composition/ports.js';
import { runThread } from '../composition/run-thread.js';

/** A further thread of a content-query node: snapshots and connections come from the first, what it answered goes its own way into the log. */
await runThread('content-query', async (frame, { data, allReady, ended }) => {
  const log = await openLog(frame);
  const facts = await openFacts(frame, log, { forms: contentQueryForms, givesWay: true });
  const publication = publicationOver(data.ports.publication);
  const loading = loadingOver(data.ports.loading);
  frame.closing.add(() => loading.close());
  const images = { loading, cache: readSnapshotCache(data.cacheFolder) };
  return contentQueryEdgeOfThread(frame, contentQuery(frame, { publication, facts }, images), { seat: data.seat, allReady, ended });
});
