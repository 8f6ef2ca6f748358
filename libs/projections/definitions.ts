/** The state of all definitions, folded from the log: what admin, builders and collectors know of clients, contents, segments and campaigns. */
import type { Criteria, PlaybookContent, PlaybookRule } from '#libs/domain';
import type { Position } from '#libs/event-log';

export interface ClientDefinition {
  readonly clientId: string;
  readonly name: string;
  readonly timeZone: string;
  readonly currency: string;
  readonly origins: readonly string[];
  readonly sampleRate: number;
  readonly snapshotIntervalSeconds: number;
  readonly snapshotMaxAgeSeconds: number | null;
}

export interface SegmentDefinition {
  readonly segmentId: string;
  readonly name: string;
  readonly criteria: Criteria;
  readonly status: 'active' | 'archived';
}

export interface CampaignDefinition {
  readonly campaignId: string;
  readonly name: string;
  readonly status: 'draft' | 'running' | 'paused' | 'ended';
  readonly defaultContentId: string | null;
  readonly startsAt: string | null;
  readonly endsAt: string | null;
  /** By rising priority. */
  readonly rules: readonly PlaybookRule[];
}

/** All of one client, in the order of definition. */
export interface ClientDefinitions {
  readonly client: ClientDefinition;
  readonly contents: ReadonlyMap<string, PlaybookContent>;
  readonly segments: ReadonlyMap<string, SegmentDefinition>;
  readonly campaigns: ReadonlyMap<string, CampaignDefinition>;
  /** Position of the newest definition event of this client; of the newest that concerns segments, the time zone or origins (what an audience depends on). */
  readonly changedAt: Position;
  readonly audienceChangedAt: Position;
  /** Position of the newest SnapshotRequested, per kind; null: never. */
  readonly requestedAt: { readonly audience: Position | null; readonly playbook: Position | null };
}
