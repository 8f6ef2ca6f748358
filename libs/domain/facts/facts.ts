import type { RequestFacts } from '../decision/playbook.js';

/** The commerce names of `POST /e`, as the field shares them. */
export const behaviourTypes = [
  'Page Viewed',
  'Products Searched',
  'Product Viewed',
  'Product Added',
  'Product Removed',
  'Cart Viewed',
  'Checkout Started',
  'Order Completed',
  'Order Refunded',
  'Email Provided',
  'Customer Updated',
  'Content Viewed',
  'Content Clicked',
] as const;
export type BehaviourType = (typeof behaviourTypes)[number];

/** `Product Viewed` → `ProductViewed`: the event's type in the log. */
export function eventTypeOf(type: BehaviourType): string {
  return type.replaceAll(' ', '');
}

/** These come from a merchant's servers only, and are nobody's visit. */
export const serverOnlyTypes: ReadonlySet<BehaviourType> = new Set(['Order Refunded', 'Customer Updated']);

/**
 * A line of an order. Amounts are decimal strings with at most four digits after the point (`12.5`, `-3`), already checked and rounded.
 */
export interface ProductLine {
  readonly product_id?: string;
  readonly quantity?: string;
  readonly price?: string;
  readonly [other: string]: unknown;
}

/**
 * What a behaviour event says beside who and when. Known names are checked and have these types; others are kept as given.
 * `email` never reaches the log: it is sealed into `email_sealed` with the customer's key before.
 */
export interface BehaviourProperties {
  readonly product_id?: string;
  readonly price?: string;
  readonly quantity?: string;
  readonly currency?: string;
  readonly order_id?: string;
  readonly total?: string;
  readonly coupon?: string;
  readonly products?: readonly ProductLine[];
  readonly url?: string;
  readonly referrer?: string;
  readonly query?: string;
  readonly email?: string;
  readonly email_sealed?: string;
  readonly [other: string]: unknown;
}

/** One act of a customer, checked: the data of `PageViewed` … `ContentViewed` events, and of `ContentClicked` ones that the tag reports. */
export interface BehaviourFact {
  readonly type: BehaviourType;
  readonly messageId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly properties: BehaviourProperties;
}

/** A node's answer to a content query: the data of `ContentServed`. It holds what is needed to compute the answer again. */
export interface ContentServedFact {
  readonly decisionId: string;
  readonly campaignId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
  readonly placementId: string | null;
  readonly contentId: string | null;
  readonly segmentId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly reason: string;
  /** Version of the playbook snapshot that answered. */
  readonly playbook: string;
  /** Version of the audience snapshot, `<image>` or `<image>+<increment>`; null when there was none. */
  readonly audience: string | null;
  /** When that audience was built or last incremented, RFC 3339 in UTC: whether it was too old is to be computed again. Absent without an audience. */
  readonly audienceBuiltAt?: string;
  readonly sampleRate: number;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly form: 'json' | 'redirect' | 'body' | 'click' | 'batch';
  readonly request: Omit<RequestFacts, 'time' | 'placementId'>;
}

/** A click that a node saw (`/k/…`, or the form `click`): the data of `ContentClicked` beside a `via`. */
export interface ContentClickedFact {
  readonly messageId: string;
  readonly decisionId: string;
  readonly campaignId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
  readonly placementId: string | null;
  readonly contentId: string | null;
  readonly segmentId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly time: string;
  readonly via: 'address' | 'form';
}
