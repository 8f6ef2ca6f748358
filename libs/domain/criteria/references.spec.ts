import { describe, expect, it } from '@jest/globals';
import type { Criteria } from './criteria.js';
import { customersListed, findCycle, inDependencyOrder, longestChain, segmentReferences, segmentsReferredTo } from './references.js';

const criteria: Criteria = {
  all: [{ segment: 'a' }, { not: { any: [{ segment: 'b' }, { customers: ['c1', 'c2'] }] } }, { segment: 'a' }],
};
const of = (segments: Record<string, Criteria>) => (id: string) => (Object.hasOwn(segments, id) ? segments[id] : undefined);

describe('what criteria refer to', () => {
  it('segments, with the places of the references', () => {
    expect([...segmentsReferredTo(criteria)]).toEqual(['a', 'b']);
    expect(segmentReferences(criteria).map(({ segmentId, path }) => `${segmentId} ${path.join('.')}`)).toEqual([
      'a all.0.segment',
      'b all.1.not.any.0.segment',
      'a all.2.segment',
    ]);
    expect(segmentReferences({ all: [] })).toEqual([]);
  });

  it('customers, also through segments, also through a cycle', () => {
    const segments: Record<string, Criteria> = {
      a: { any: [{ segment: 'deep' }, { segment: 'constructor' }] },
      b: { segment: 'a' },
      deep: { all: [{ customers: ['c3'] }, { segment: 'b' }] },
      apart: { customers: ['c4'] },
    };
    expect([...customersListed(criteria, segments)].sort()).toEqual(['c1', 'c2', 'c3']);
  });
});

describe('a cycle of segments', () => {
  it('is found, the shortest way round', () => {
    expect(findCycle('a', of({ a: { segment: 'a' } }))).toEqual(['a', 'a']);
    const segments = of({
      a: { any: [{ segment: 'b' }, { segment: 'c' }] },
      b: { segment: 'd' },
      d: { segment: 'a' },
      c: { not: { segment: 'a' } },
    });
    expect(findCycle('a', segments)).toEqual(['a', 'c', 'a']);
  });

  it('that the segment itself is not in is none of it', () => {
    expect(findCycle('x', of({ x: { segment: 'a' }, a: { segment: 'b' }, b: { segment: 'a' } }))).toBeUndefined();
    expect(findCycle('x', of({ x: { segment: 'gone' } }))).toBeUndefined();
  });

  it('is looked for along long chains and many ways', () => {
    const chain: Record<string, Criteria> = {};
    for (let n = 0; n < 5000; n++) chain[`s${n}`] = { all: [{ segment: `s${n + 1}` }, { not: { segment: `s${n + 2}` } }] };
    expect(findCycle('s0', of(chain))).toBeUndefined();
    expect(longestChain(Object.keys(chain), of(chain))).toBe(5000);
    chain.s5000 = { segment: 's0' };
    expect(findCycle('s0', of(chain))).toHaveLength(2502);
    expect(inDependencyOrder(Object.keys(chain), of(chain))).toHaveLength(5001);
  });
});

describe('the order of dependency', () => {
  it('has each after those that it refers to, with those not asked for', () => {
    const segments = of({ a: { any: [{ segment: 'b' }, { segment: 'c' }] }, b: { segment: 'c' }, c: { all: [] }, d: { segment: 'gone' } });
    expect(inDependencyOrder(['a'], segments)).toEqual(['c', 'b', 'a']);
    expect(inDependencyOrder(['d', 'c', 'a', 'd'], segments)).toEqual(['d', 'c', 'b', 'a']);
  });
});
