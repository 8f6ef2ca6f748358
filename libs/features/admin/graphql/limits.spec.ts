import { describe, expect, it } from '@jest/globals';
import { type FragmentDefinitionNode, Kind, parse } from 'graphql';
import { costMax, costOf, depthMax } from './limits.js';

function cost(text: string, variables: Record<string, unknown> = {}) {
  const { definitions } = parse(text);
  const operation = definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  const fragments = definitions.filter((one): one is FragmentDefinitionNode => one.kind === Kind.FRAGMENT_DEFINITION);
  if (operation === undefined) throw new Error('no operation');
  return costOf(operation, new Map(fragments.map((one) => [one.name.value, one])), variables);
}

describe('the cost of a query', () => {
  it('is a field each, times the size of the page', () => {
    expect(cost('{ client { name currency } }')).toEqual({ depth: 2, cost: 3 });
    expect(cost('{ segments(first: 10) { edges { node { name } } } }').cost).toBe(1 + 10 * 3);
    expect(cost('query ($n: Int) { segments(first: $n) { edges { node { name } } } }', { n: 100 }).cost).toBe(1 + 100 * 3);
    expect(cost('{ segments { edges { node { name } } } }').cost).toBe(1 + 50 * 3);
    expect(cost('{ segments(first: 999999999) { totalCount } }').cost).toBeLessThan(costMax);
  });

  it('counts questions to the tables by themselves', () => {
    expect(cost('{ segmentPreview { size } }').cost).toBeGreaterThan(500);
  });

  it('takes the largest pages of one list, and a console’s several small ones', () => {
    expect(
      cost('{ customers(first: 1000) { totalCount edges { cursor node { customerId fields segmentIds } } pageInfo { endCursor } } }').cost,
    ).toBeLessThan(costMax);
    expect(cost('{ segments(first: 1000) { edges { cursor node { segmentId name criteria status size } } } }').cost).toBeLessThan(costMax);
  });

  it('sees through fragments, and counts each of a thousand doublings once', () => {
    expect(cost('{ ...a } fragment a on Query { client { ...b } } fragment b on Client { name }').depth).toBe(2);
    const doubling = Array.from({ length: 1000 }, (_, n) => `fragment f${n} on Query { ...f${n + 1} ...f${n + 1} }`).join(' ');
    expect(cost(`{ ...f0 } ${doubling} fragment f1000 on Query { x }`).cost).toBeGreaterThan(costMax);
  });

  it('lets the introspection of the known tools through, and no deeper one', () => {
    const ofType = (levels: number): string => (levels === 0 ? '{ name }' : `{ ofType ${ofType(levels - 1)} }`);
    expect(cost(`{ __schema { types { fields { args { type ${ofType(9)} } } } } }`).depth).toBeLessThanOrEqual(depthMax);
    expect(cost(`{ __schema { types { fields { args { type ${ofType(30)} } } } } }`).depth).toBeGreaterThan(depthMax);
  });
});
