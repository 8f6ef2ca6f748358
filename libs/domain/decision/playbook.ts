import type { Criteria } from '../criteria/criteria.js';

export type ContentKind = 'image' | 'script' | 'html' | 'xml' | 'json' | 'text' | 'audio' | 'video' | 'stream' | 'survey' | 'article';

/** Exactly one of address and body is given. Absent values are null. */
export interface PlaybookContent {
  readonly contentId: string;
  readonly type: ContentKind;
  readonly address: string | null;
  readonly body: string | null;
  readonly destination: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly alt: string | null;
}

export interface PlaybookGroup {
  readonly groupId: string;
  /** Ten-thousandths; the groups of a rule sum to 10000. */
  readonly weight: number;
  /** Null: this group is shown nothing. */
  readonly contentId: string | null;
  readonly control: boolean;
}

/** Exactly one of contentId and groups is given. */
export interface PlaybookRule {
  readonly ruleId: string;
  readonly priority: number;
  /** Null: every customer, the unknown too. */
  readonly segmentId: string | null;
  readonly when: Criteria | null;
  readonly contentId: string | null;
  readonly groups: readonly PlaybookGroup[] | null;
}

export interface PlaybookCampaign {
  readonly campaignId: string;
  readonly status: 'draft' | 'running' | 'paused' | 'ended';
  /** RFC 3339 in UTC, or null: no bound. Half open: startsAt ≤ t < endsAt. */
  readonly startsAt: string | null;
  readonly endsAt: string | null;
  readonly defaultContentId: string | null;
  /** By rising priority. */
  readonly rules: readonly PlaybookRule[];
}

/** One client's definitions as nodes load them: the JSON of a playbook snapshot. */
export interface Playbook {
  readonly format: 1;
  readonly clientId: string;
  readonly timeZone: string;
  readonly currency: string;
  readonly origins: readonly string[];
  readonly sampleRate: number;
  readonly snapshotMaxAgeSeconds: number | null;
  readonly contents: Readonly<Record<string, PlaybookContent>>;
  readonly campaigns: Readonly<Record<string, PlaybookCampaign>>;
}

/** What a condition may ask of a request; absent values are null. */
export interface RequestFacts {
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  readonly url: string | null;
  readonly referrer: string | null;
  readonly placementId: string | null;
  readonly device: 'desktop' | 'mobile' | 'tablet' | 'bot';
  /** Family in lower case, such as `firefox`; null when unknown. */
  readonly browser: string | null;
  /** ISO 3166-1 alpha-2, upper case, from a trusted proxy. */
  readonly country: string | null;
  readonly context: Readonly<Record<string, string>>;
}

export type Reason = 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT' | 'DISABLED' | 'STALE';

export interface Decision {
  readonly content: PlaybookContent | null;
  readonly segmentId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly reason: Reason;
}
