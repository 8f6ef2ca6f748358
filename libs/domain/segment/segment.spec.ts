import { describe, expect, it } from '@jest/globals';
import type { Criteria } from '../criteria/criteria.js';
import { rejected } from '../decider.js';
import type { Known, KnownSegment } from '../known.js';
import { given } from '../testing/given.js';
import { type SegmentEvent, segment, segmentChainMax, segmentStream, segmentsPerClientMax } from './segment.js';

const bought = { field: 'orders.count', op: 'gte', value: 1 } as const;
const visited = { field: 'visits.count', op: 'gt', value: 1 } as const;
const active = (criteria: Criteria): KnownSegment => ({ criteria, status: 'active' });
function knowing(segments: Record<string, KnownSegment> = {}, campaigns: Known['campaigns'] = new Map()): Known {
  return { contents: new Map(), segments: new Map(Object.entries(segments)), campaigns };
}
const about = { clientId: 'golf', segmentId: 'buyers', known: knowing() };
const define = { type: 'DefineSegment', ...about, name: 'Buyers', criteria: bought as unknown } as const;
const revise = { type: 'ReviseSegment', ...about } as const;
const archive = { type: 'ArchiveSegment', ...about } as const;
const defined: SegmentEvent = { type: 'SegmentDefined', segmentId: 'buyers', name: 'Buyers', criteria: bought };
const archived: SegmentEvent = { type: 'SegmentArchived' };
const refused = (code: string, ...field: string[]) => rejected(code, '', field);

describe('defining a segment', () => {
  it('keeps name and criteria', () => given(segment, []).when(define).then([defined]));

  it('refuses a second of its id, also of an archived one', () => {
    given(segment, [defined]).when(define).then(refused('SEGMENT_EXISTS', 'segmentId'));
    given(segment, [defined, archived]).when(define).then(refused('SEGMENT_EXISTS', 'segmentId'));
  });

  it('refuses what is malformed, with the path', () => {
    given(segment, [])
      .when({ ...define, segmentId: 'a b' })
      .then(refused('ID_INVALID', 'segmentId'));
    given(segment, [])
      .when({ ...define, known: null })
      .then(refused('CLIENT_UNKNOWN', 'clientId'));
    given(segment, [])
      .when({ ...define, name: '' })
      .then(refused('NAME_INVALID', 'name'));
    given(segment, [])
      .when({ ...define, criteria: { all: [bought, { field: 'orders.count', op: 'contains', value: '1' }] } })
      .then(refused('CRITERIA_INVALID', 'criteria', 'all', '1', 'op'));
    given(segment, [])
      .when({ ...define, criteria: { field: 'request.hour', op: 'gte', value: 1 } })
      .then(refused('CRITERIA_INVALID', 'criteria', 'field'));
  });

  it('refuses more than so many that are not archived', () => {
    const status = (n: number) => (n === 0 ? 'archived' : 'active') as 'active' | 'archived';
    const many = (count: number) =>
      knowing(Object.fromEntries(Array.from({ length: count }, (_, n) => [`s${n}`, { criteria: bought, status: status(n) }])));
    given(segment, [])
      .when({ ...define, known: many(segmentsPerClientMax) })
      .then([defined]);
    given(segment, [])
      .when({ ...define, known: many(segmentsPerClientMax + 1) })
      .then(rejected('LIMIT_REACHED', ''));
  });

  it('refuses references to itself, to what is not there, to what is archived', () => {
    given(segment, [])
      .when({ ...define, criteria: { not: { segment: 'buyers' } } })
      .then(refused('SEGMENT_CYCLE', 'criteria', 'not', 'segment'));
    given(segment, [])
      .when({ ...define, criteria: { any: [bought, { segment: 'staff' }] } })
      .then(refused('SEGMENT_UNKNOWN', 'criteria', 'any', '1', 'segment'));
    given(segment, [])
      .when({ ...define, criteria: { segment: 'staff' }, known: knowing({ staff: { criteria: bought, status: 'archived' } }) })
      .then(refused('SEGMENT_ARCHIVED', 'criteria', 'segment'));
    given(segment, [])
      .when({ ...define, criteria: { segment: 'staff' }, known: knowing({ staff: active(visited) }) })
      .then([{ ...defined, criteria: { segment: 'staff' } }]);
  });
});

describe('revising a segment', () => {
  it('changes what is given', () => {
    given(segment, [defined])
      .when({ ...revise, name: 'Good buyers' })
      .then([{ type: 'SegmentRevised', name: 'Good buyers' }]);
    given(segment, [defined])
      .when({ ...revise, criteria: visited })
      .then([{ type: 'SegmentRevised', criteria: visited }]);
  });

  it('with nothing changed, also with the keys in another order, does nothing', () => {
    given(segment, [defined]).when(revise).then([]);
    given(segment, [defined])
      .when({ ...revise, name: 'Buyers', criteria: { value: 1, op: 'gte', field: 'orders.count' } })
      .then([]);
  });

  it('refuses a way back to itself through others', () =>
    given(segment, [defined])
      .when({
        ...revise,
        criteria: { segment: 'a' },
        known: knowing({ buyers: active(bought), a: active({ all: [{ not: { segment: 'b' } }] }), b: active({ segment: 'buyers' }) }),
      })
      .then(refused('SEGMENT_CYCLE', 'criteria')));

  it('refuses a chain of references that becomes too long, also above it', () => {
    const segments: Record<string, KnownSegment> = { top: active({ segment: 'buyers' }), buyers: active(bought), s0: active(bought) };
    for (let n = 1; n < segmentChainMax; n++) segments[`s${n}`] = active({ segment: `s${n - 1}` });
    const refer = (n: number) => given(segment, [defined]).when({ ...revise, criteria: { segment: `s${n}` }, known: knowing(segments) });
    refer(segmentChainMax - 2).then(refused('LIMIT_REACHED', 'criteria'));
    refer(segmentChainMax - 3).then([{ type: 'SegmentRevised', criteria: { segment: `s${segmentChainMax - 3}` } }]);
  });

  it('keeps a reference that was archived under it', () => {
    const known = knowing({ staff: { criteria: bought, status: 'archived' } });
    given(segment, [{ ...defined, criteria: { segment: 'staff' } }])
      .when({ ...revise, criteria: { not: { segment: 'staff' } }, known })
      .then([{ type: 'SegmentRevised', criteria: { not: { segment: 'staff' } } }]);
  });

  it('refuses to revise an archived segment', () =>
    given(segment, [defined, archived])
      .when({ ...revise, criteria: visited })
      .then(refused('SEGMENT_ARCHIVED', 'segmentId')));

  it('refuses to revise what is not there', () => given(segment, []).when(revise).then(refused('SEGMENT_UNKNOWN', 'segmentId')));
});

describe('archiving a segment', () => {
  it('happens once', () => {
    given(segment, [defined]).when(archive).then([archived]);
    given(segment, [defined, archived]).when(archive).then([]);
    given(segment, []).when(archive).then(refused('SEGMENT_UNKNOWN', 'segmentId'));
  });

  it('is refused while another segment refers to it', () => {
    const other = { criteria: { all: [{ not: { segment: 'buyers' } }] } };
    given(segment, [defined])
      .when({ ...archive, known: knowing({ buyers: active(bought), other: { ...other, status: 'active' } }) })
      .then(refused('SEGMENT_IN_USE', 'segmentId'));
    given(segment, [defined])
      .when({ ...archive, known: knowing({ buyers: active(bought), other: { ...other, status: 'archived' } }) })
      .then([archived]);
  });

  it('is refused while a rule of a campaign that has not ended is for it', () => {
    const rules = [{ ruleId: 'r1', segmentId: 'buyers' }];
    for (const status of ['draft', 'running', 'paused'] as const) {
      given(segment, [defined])
        .when({ ...archive, known: knowing({}, new Map([['spring', { status, rules }]])) })
        .then(refused('SEGMENT_IN_USE', 'segmentId'));
    }
    given(segment, [defined])
      .when({ ...archive, known: knowing({}, new Map([['spring', { status: 'ended', rules }]])) })
      .then([archived]);
  });
});

it('has a stream of its own', () => expect(segmentStream('golf', 'a.b')).toBe('segment-golf.a.b'));
