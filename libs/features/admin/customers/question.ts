import type { ClientScope, SegmentCriteria } from '#libs/analytics';
import { type Criteria, type JsonLike, parseCriteria, rejected, segmentReferences } from '#libs/domain';
import { type ClientDefinitions, scopeOf, segmentCriteria } from '#libs/projections';
import { refused } from '../graphql/errors.js';

/** What the tables have to know of a client to judge its customers by these criteria. */
export interface Question {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly criteria: Criteria;
}

/** @throws CRITERIA_INVALID with the path, SEGMENT_UNKNOWN. */
export function questionOf(definitions: ClientDefinitions, given: JsonLike, field: readonly string[]): Question {
  const outcome = parseCriteria(given, 'customer');
  if ('invalid' in outcome) throw refused(rejected('CRITERIA_INVALID', outcome.invalid.message, [...field, ...outcome.invalid.path]));
  for (const { segmentId, path } of segmentReferences(outcome.criteria)) {
    if (!definitions.segments.has(segmentId))
      throw refused(rejected('SEGMENT_UNKNOWN', `there is no segment ${segmentId}`, [...field, ...path]));
  }
  return { ...contextOf(definitions), criteria: outcome.criteria };
}

export function contextOf(definitions: ClientDefinitions): { scope: ClientScope; segments: SegmentCriteria } {
  return { scope: scopeOf(definitions.client), segments: segmentCriteria(definitions) };
}
