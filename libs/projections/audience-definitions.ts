/** What an audience is judged by: of the definitions, that which the questions to the tables take. */
import { type Criteria, findCycle, inDependencyOrder, segmentsReferredTo } from '#libs/domain';
import type { ClientDefinition, ClientDefinitions } from './definitions.js';

/** The scope of questions about a client's customers (`ClientScope` of `#libs/analytics`). */
export function scopeOf(client: ClientDefinition): Pick<ClientDefinition, 'clientId' | 'timeZone' | 'origins' | 'currency'> {
  const { clientId, timeZone, origins, currency } = client;
  return { clientId, timeZone, origins, currency };
}

/** The segments that customers are told to be in, sorted: the bits of an audience. */
export function audienceSegmentIds({ segments }: Pick<ClientDefinitions, 'segments'>): readonly string[] {
  return [...segments.values()]
    .filter((segment) => segment.status === 'active')
    .map((segment) => segment.segmentId)
    .sort();
}

/**
 * The criteria of all segments by id, safe to be resolved by reference. Archived ones are there for those that still refer to them. Two
 * admins at the same instant can close a cycle that neither saw (docs/adr/0004): nobody is in a segment of a cycle until one is revised.
 */
export function segmentCriteria({ segments }: Pick<ClientDefinitions, 'segments'>): Readonly<Record<string, Criteria>> {
  const criteriaOf = (segmentId: string) => segments.get(segmentId)?.criteria;
  const criteria: Record<string, Criteria> = Object.create(null);
  const inCycles = cyclesPossible(segments.keys(), criteriaOf);
  for (const [segmentId, segment] of segments) {
    criteria[segmentId] = inCycles && findCycle(segmentId, criteriaOf) !== undefined ? { any: [] } : segment.criteria;
  }
  return criteria;
}

/** In an order of dependency nobody refers to a later one, unless there is a cycle. One pass, where looking from every segment is quadratic. */
function cyclesPossible(segmentIds: Iterable<string>, criteriaOf: (segmentId: string) => Criteria | undefined): boolean {
  const before = new Set<string>();
  for (const segmentId of inDependencyOrder(segmentIds, criteriaOf)) {
    for (const other of segmentsReferredTo(criteriaOf(segmentId) ?? { any: [] })) {
      if (!before.has(other) && criteriaOf(other) !== undefined) return true;
    }
    before.add(segmentId);
  }
  return false;
}
