import type { ContentQueryOptions } from '../content-query.module.js';
import { answersSuite } from './answers.suite.js';
import { askedEdge } from './asked-edge.js';
import { callersSuite } from './callers.suite.js';
import { recordsSuite } from './records.suite.js';

/** What a content-query node does over HTTP. */
export function edgeSuite(options: Pick<ContentQueryOptions, 'fastPath'>): void {
  const asked = askedEdge(options);
  answersSuite(asked);
  callersSuite(asked);
  recordsSuite(asked);
}
