/** What criteria refer to: segments, and customers by name. */
import type { Criteria } from './criteria.js';

export interface SegmentReference {
  readonly segmentId: string;
  /** Path within the criteria, to the id. */
  readonly path: readonly string[];
}

/** Every reference, in the order of the tree; a segment named twice is there twice. */
export function segmentReferences(criteria: Criteria): readonly SegmentReference[] {
  const found: SegmentReference[] = [];
  visit(criteria, [], (node, path) => {
    if ('segment' in node) found.push({ segmentId: node.segment, path: [...path, 'segment'] });
  });
  return found;
}

/** The segments that the criteria name themselves. */
export function segmentsReferredTo(criteria: Criteria): ReadonlySet<string> {
  return new Set(segmentReferences(criteria).map((reference) => reference.segmentId));
}

/** The ids on any list in the criteria, also through the segments that they refer to. Unknown segments list nobody; cycles do no harm. */
export function customersListed(criteria: Criteria, segments: Readonly<Record<string, Criteria>>): ReadonlySet<string> {
  const customers = new Set<string>();
  const seen = new Set<string>();
  const todo: Criteria[] = [criteria];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    visit(next, [], (node) => {
      if ('customers' in node) for (const customerId of node.customers) customers.add(customerId);
      if (!('segment' in node) || seen.has(node.segment)) return;
      seen.add(node.segment);
      const referred = Object.hasOwn(segments, node.segment) ? segments[node.segment] : undefined;
      if (referred !== undefined) todo.push(referred);
    });
  }
  return customers;
}

/** A way from the segment back to itself, such as `[a, b, a]`; undefined when there is none. */
export function findCycle(segmentId: string, criteriaOf: (segmentId: string) => Criteria | undefined): readonly string[] | undefined {
  // Breadth first, with the way that led to each: the shortest cycle, without recursion.
  const cameFrom = new Map<string, string>();
  const todo = [segmentId];
  for (const id of todo) {
    const criteria = criteriaOf(id);
    if (criteria === undefined) continue;
    for (const next of segmentsReferredTo(criteria)) {
      if (next === segmentId) return [...way(id, cameFrom), segmentId];
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, id);
      todo.push(next);
    }
  }
  return undefined;
}

/** The segments and all that they refer to, each after those that it refers to itself. Unknown ones are left out, of a cycle one is before another. */
export function inDependencyOrder(
  segmentIds: Iterable<string>,
  criteriaOf: (segmentId: string) => Criteria | undefined,
): readonly string[] {
  const ordered = new Set<string>();
  const entered = new Set<string>();
  // An explicit stack: a chain of thousands of segments must not end in a stack overflow.
  const stack = [...segmentIds].reverse().map((id) => ({ id, leaving: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.leaving) {
      ordered.add(top.id);
      continue;
    }
    const criteria = entered.has(top.id) ? undefined : criteriaOf(top.id);
    if (criteria === undefined) continue;
    entered.add(top.id);
    stack.push({ id: top.id, leaving: true });
    for (const next of [...segmentsReferredTo(criteria)].reverse()) stack.push({ id: next, leaving: false });
  }
  return [...ordered];
}

/** The longest chain of references among these segments and those that they refer to; 1 when nobody refers to another. Of no use in a cycle. */
export function longestChain(segmentIds: Iterable<string>, criteriaOf: (segmentId: string) => Criteria | undefined): number {
  const length = new Map<string, number>();
  let longest = 0;
  for (const id of inDependencyOrder(segmentIds, criteriaOf)) {
    let below = 0;
    for (const next of segmentsReferredTo(criteriaOf(id) ?? { any: [] })) below = Math.max(below, length.get(next) ?? 0);
    length.set(id, below + 1);
    longest = Math.max(longest, below + 1);
  }
  return longest;
}

function way(id: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const steps: string[] = [];
  for (let at: string | undefined = id; at !== undefined; at = cameFrom.get(at)) steps.unshift(at);
  return steps;
}

/** Recursion is safe: the check limits the depth of criteria. */
function visit(node: Criteria, path: readonly string[], see: (node: Criteria, path: readonly string[]) => void): void {
  see(node, path);
  if ('not' in node) visit(node.not, [...path, 'not'], see);
  if ('all' in node) for (const [index, part] of node.all.entries()) visit(part, [...path, 'all', String(index)], see);
  if ('any' in node) for (const [index, part] of node.any.entries()) visit(part, [...path, 'any', String(index)], see);
}
