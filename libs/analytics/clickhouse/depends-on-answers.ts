import type { TouchedQuery } from '../analytics.js';
import { Conditions } from './criteria-conditions.js';
import { CustomerQuery } from './customer-query.js';
import { Parameters } from './parameters.js';
import type { Frame } from './partials.js';

/** The only table of facts with rows of answers: what does not read it answers the same whoever was answered. */
const factsOfAnswers = 'served_facts';

const frame: Frame = { asOf: "now64(3, 'UTC')", localDay: '0', isOwnReferrer: '0' };

/**
 * Whether a recorded answer can change who is in one of these segments: whether the statement that judges by them, made as it is always made, reads the facts
 * of answers. So a field that comes to be made of them is known here without being named.
 */
export function dependsOnAnswers({ scope, segments, segmentIds }: NonNullable<TouchedQuery['judgedBy']>): boolean {
  const parameters = new Parameters();
  const read = new Set<string>();
  const part = (table: string) => {
    read.add(table);
    return table;
  };
  const query = new CustomerQuery(frame, () => [], parameters, { part });
  new Conditions({ query, parameters, asOf: new Date(0), timeZone: scope.timeZone }).segments(segmentIds, segments);
  query.sql();
  return read.has(factsOfAnswers);
}
