import { describe, expect, it } from '@jest/globals';
import { type Criteria, customerFields } from '#libs/domain';
import { fieldsOf, type OracleEvent } from '../testing/oracle.js';
import { dependsOnAnswers } from './depends-on-answers.js';

const scope = { clientId: 'shop', timeZone: 'Europe/Berlin', origins: [], currency: 'EUR' };
const asOf = new Date('2026-11-23T12:00:00Z');
const time = '2026-11-23T11:00:00.000Z';

function asked(...given: Criteria[]): boolean {
  const segments = Object.fromEntries(given.map((criteria, index) => [`s${index}`, criteria]));
  return dependsOnAnswers({ scope, segments, segmentIds: ['s0'] });
}

/** Something that a field of the type may be compared with. */
const comparisons = {
  number: { op: 'gte', value: 1 },
  money: { op: 'gte', value: '1' },
  time: { op: 'newerThan', value: '7d' },
  text: { op: 'eq', value: 'news' },
  boolean: { op: 'eq', value: true },
} as const;

describe('segments that answers can change', () => {
  it('are those with a field that an answer changes, field by field as plain code computes them', () => {
    const viewed: OracleEvent = { type: 'Product Viewed', customerId: 'ann', sessionId: null, time, properties: {}, position: 1 };
    const served: OracleEvent = { type: 'Content Served', customerId: 'ann', time, sampleRate: 0.5, position: 2 };
    const before = fieldsOf('ann', { events: [viewed], scope, asOf });
    const after = fieldsOf('ann', { events: [viewed, served], scope, asOf });
    const known = Object.entries(customerFields);
    for (const [field, type] of known) {
      expect(Object.keys(before)).toContain(field);
      expect([field, asked({ field, ...comparisons[type] })]).toEqual([field, before[field] !== after[field]]);
    }
    expect(known.filter(([field, type]) => asked({ field, ...comparisons[type] })).map(([field]) => field)).toEqual(['content.served']);
  });

  it('are found through references, windows and negations, and only where they are asked for', () => {
    const plain: Criteria = { field: 'orders.count', op: 'gte', value: 1, within: '30d' };
    const byAnswers: Criteria = { field: 'content.served', op: 'lt', value: 3, within: '6h' };
    expect(asked({ not: { any: [plain, { all: [byAnswers] }] } })).toBe(true);
    expect(asked({ segment: 's1' }, { not: { segment: 's2' } }, byAnswers)).toBe(true);
    expect(asked(plain, byAnswers)).toBe(false);
    expect(asked({ any: [{ customers: ['ann'] }, { field: 'attributes.content.served', op: 'eq', value: 'x' }] })).toBe(false);
    expect(asked({ all: [] })).toBe(false);
    expect(asked({ segment: 'gone' })).toBe(false);
  });
});
