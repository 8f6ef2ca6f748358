/** A segment: a named group of customers, by criteria, by a list, or by other segments. */
import type { Criteria } from '../criteria/criteria.js';
import { parseCriteria } from '../criteria/parse.js';
import { findCycle, longestChain, type SegmentReference, segmentReferences } from '../criteria/references.js';
import { type Decider, type Rejected, rejected, unreachable } from '../decider.js';
import { equalJson } from '../json.js';
import type { Known } from '../known.js';
import { clientUnknown, refuseIds, refuseMore, refuseName } from '../refusals.js';

export type SegmentEvent =
  | { readonly type: 'SegmentDefined'; readonly segmentId: string; readonly name: string; readonly criteria: Criteria }
  /** What changed; what did not is absent. */
  | { readonly type: 'SegmentRevised'; readonly name?: string; readonly criteria?: Criteria }
  | { readonly type: 'SegmentArchived' };

interface About {
  readonly clientId: string;
  readonly segmentId: string;
  /** Null: there is no such client. */
  readonly known: Known | null;
}

/** Criteria come unchecked, as they were given. */
export type SegmentCommand =
  | (About & { readonly type: 'DefineSegment'; readonly name: string; readonly criteria: unknown })
  /** What is absent stays as it is. */
  | (About & { readonly type: 'ReviseSegment'; readonly name?: string | undefined; readonly criteria?: unknown })
  | (About & { readonly type: 'ArchiveSegment' });

export type SegmentState =
  | { readonly status: 'none' }
  | { readonly status: 'active' | 'archived'; readonly name: string; readonly criteria: Criteria };

/** Not counting archived ones. */
export const segmentsPerClientMax = 5_000;
/** Segments that refer to segments that refer to …, at most so many in a row: each is a layer of the question to the tables. */
export const segmentChainMax = 50;

export function segmentStream(clientId: string, segmentId: string): string {
  return `segment-${clientId}.${segmentId}`;
}

export const segment: Decider<SegmentState, SegmentCommand, SegmentEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    const { clientId, segmentId, known } = command;
    const badId = refuseIds({ clientId, segmentId });
    if (badId !== undefined) return badId;
    if (known === null) return clientUnknown(clientId);
    if (command.type === 'DefineSegment') {
      if (state.status !== 'none') return rejected('SEGMENT_EXISTS', `there is a segment ${segmentId} already`, ['segmentId']);
      const refusal = refuseName(command.name) ?? refuseMore('segments', activeCount(known), segmentsPerClientMax);
      if (refusal !== undefined) return refusal;
      const criteria = checkedCriteria(command.criteria, segmentId, known, []);
      if ('rejected' in criteria) return criteria;
      return [{ type: 'SegmentDefined', segmentId, name: command.name, criteria }];
    }

    if (state.status === 'none') return rejected('SEGMENT_UNKNOWN', `there is no segment ${segmentId}`, ['segmentId']);
    switch (command.type) {
      case 'ReviseSegment': {
        if (state.status === 'archived') return rejected('SEGMENT_ARCHIVED', `the segment ${segmentId} is archived`, ['segmentId']);
        const name = command.name ?? state.name;
        const refusal = refuseName(name);
        if (refusal !== undefined) return refusal;
        const criteria =
          command.criteria === undefined
            ? state.criteria
            : checkedCriteria(command.criteria, segmentId, known, segmentReferences(state.criteria));
        if ('rejected' in criteria) return criteria;
        const changed = {
          ...(name === state.name ? {} : { name }),
          ...(equalJson(criteria, state.criteria) ? {} : { criteria }),
        };
        return Object.keys(changed).length === 0 ? [] : [{ type: 'SegmentRevised', ...changed }];
      }
      case 'ArchiveSegment': {
        if (state.status === 'archived') return [];
        return refuseInUse(segmentId, known) ?? [{ type: 'SegmentArchived' }];
      }
      default:
        return unreachable(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'SegmentDefined':
        return { status: 'active', name: event.name, criteria: event.criteria };
      case 'SegmentRevised':
        if (state.status === 'none') return state;
        return { ...state, name: event.name ?? state.name, criteria: event.criteria ?? state.criteria };
      case 'SegmentArchived':
        return state.status === 'none' ? state : { ...state, status: 'archived' };
      default:
        return unreachable(event);
    }
  },
};

/** `before`: what the segment refers to already, which may stay even if it was archived meanwhile. */
function checkedCriteria(given: unknown, segmentId: string, known: Known, before: readonly SegmentReference[]): Criteria | Rejected {
  const outcome = parseCriteria(given, 'customer');
  if ('invalid' in outcome) return rejected('CRITERIA_INVALID', outcome.invalid.message, ['criteria', ...outcome.invalid.path]);
  for (const reference of segmentReferences(outcome.criteria)) {
    const field = ['criteria', ...reference.path];
    if (reference.segmentId === segmentId) return rejected('SEGMENT_CYCLE', `${segmentId} refers to itself`, field);
    const other = known.segments.get(reference.segmentId);
    if (other === undefined) return rejected('SEGMENT_UNKNOWN', `there is no segment ${reference.segmentId}`, field);
    if (other.status === 'archived' && !before.some((one) => one.segmentId === reference.segmentId)) {
      return rejected('SEGMENT_ARCHIVED', `the segment ${reference.segmentId} is archived`, field);
    }
  }
  const criteriaOf = (id: string) => (id === segmentId ? outcome.criteria : known.segments.get(id)?.criteria);
  const cycle = findCycle(segmentId, criteriaOf);
  if (cycle !== undefined) return rejected('SEGMENT_CYCLE', cycle.join(' refers to '), ['criteria']);
  // All segments are looked at: those that refer to this one are in the same chain.
  if (longestChain([...known.segments.keys(), segmentId], criteriaOf) > segmentChainMax) {
    return rejected('LIMIT_REACHED', `segments refer to each other at most ${segmentChainMax} in a row`, ['criteria']);
  }
  return outcome.criteria;
}

/** What is archived or ended itself uses nothing any more. */
function refuseInUse(segmentId: string, known: Known): Rejected | undefined {
  for (const [otherId, other] of known.segments) {
    if (otherId === segmentId || other.status === 'archived') continue;
    if (segmentReferences(other.criteria).some((reference) => reference.segmentId === segmentId)) {
      return rejected('SEGMENT_IN_USE', `the segment ${otherId} refers to it`, ['segmentId']);
    }
  }
  for (const [campaignId, campaign] of known.campaigns) {
    const rule = campaign.status === 'ended' ? undefined : campaign.rules.find((one) => one.segmentId === segmentId);
    if (rule !== undefined) {
      return rejected('SEGMENT_IN_USE', `the rule ${rule.ruleId} of the campaign ${campaignId} is for it`, ['segmentId']);
    }
  }
  return undefined;
}

function activeCount(known: Known): number {
  return [...known.segments.values()].filter((one) => one.status === 'active').length;
}
