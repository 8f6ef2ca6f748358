import type { Criteria } from './criteria/criteria.js';

/**
 * What other streams of the same client say, brought with a command (docs/adr/0004): its contents, segments and campaigns as far as the
 * one who asks has read the log. The projection's `ClientDefinitions` has this shape.
 */
export interface Known {
  readonly contents: ReadonlyMap<string, KnownContent>;
  readonly segments: ReadonlyMap<string, KnownSegment>;
  readonly campaigns: ReadonlyMap<string, KnownCampaign>;
}

export interface KnownContent {
  readonly body: string | null;
}

export interface KnownSegment {
  readonly criteria: Criteria;
  readonly status: 'active' | 'archived';
}

export interface KnownCampaign {
  readonly status: 'draft' | 'running' | 'paused' | 'ended';
  readonly rules: readonly { readonly ruleId: string; readonly segmentId: string | null }[];
}
