/** The edge's answer as the tag reads it: `POST /q/{clientId}`. Absent values are null. */
export interface Content {
  readonly contentId: string;
  readonly type: string;
  /** Either this or `body`. */
  readonly address?: string | null;
  readonly body?: string | null;
  readonly destination: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly alt: string | null;
}

export interface Decision {
  readonly decisionId: string;
  readonly campaignId: string;
  readonly customerId: string;
  readonly placementId: string | null;
  readonly content: Content | null;
  readonly segmentId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly reason: string;
}

/** Of a slot, or of the whole request. */
export interface Refused {
  readonly error: { readonly code?: string };
}

export interface Answer {
  readonly code?: string;
  readonly customerId?: string;
  readonly decisions?: readonly (Decision | Refused)[];
}
