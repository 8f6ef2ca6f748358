/**
 * Types of the tag's queue, for pages written in TypeScript. Copy this file into your project, or name it in your tsconfig's `include`.
 *
 *     window.vitrine = window.vitrine || [];
 *     window.vitrine.push(['track', 'Product Added', { product_id: 'mug-1', price: 4.5, quantity: 1 }]);
 */

/** A plain decimal with at most 14 digits before the point: a number, or its text where floating point would not do. */
type VitrineAmount = number | string;

interface VitrineProductLine {
  product_id?: string | number;
  quantity?: VitrineAmount;
  price?: VitrineAmount;
  [other: string]: unknown;
}

/** Names that the edge checks; others are kept as they are given. */
interface VitrineProperties {
  product_id?: string | number;
  price?: VitrineAmount;
  quantity?: VitrineAmount;
  /** ISO 4217; another one than the client's is refused where it stands with an amount. */
  currency?: string;
  order_id?: string | number;
  total?: VitrineAmount;
  coupon?: string;
  products?: readonly VitrineProductLine[];
  url?: string;
  referrer?: string;
  query?: string;
  /** Kept enciphered with the customer's own key. */
  email?: string;
  [other: string]: unknown;
}

type VitrineId = string | number;

/** What each kind of behaviour has to say at least. */
type VitrineTrackCall =
  | readonly ['track', 'Page Viewed' | 'Cart Viewed' | 'Checkout Started' | 'Content Viewed' | 'Content Clicked', VitrineProperties?]
  | readonly ['track', 'Products Searched', VitrineProperties & { query: string }]
  | readonly ['track', 'Product Viewed' | 'Product Added' | 'Product Removed', VitrineProperties & { product_id: VitrineId }]
  | readonly ['track', 'Order Completed', VitrineProperties & { order_id: VitrineId }]
  | readonly ['track', 'Email Provided', VitrineProperties & { email: string }];

/** Values for conditions `context.<name>`; compared as numbers where both sides are numbers. */
type VitrineContext = Readonly<Record<string, string | number | boolean | null>>;

type VitrineCall =
  | VitrineTrackCall
  | readonly ['context', VitrineContext]
  | readonly ['page', { url?: string; referrer?: string; context?: VitrineContext }?]
  | readonly ['customer', string | number]
  | readonly ['consent', boolean];

interface VitrineContent {
  contentId: string;
  type: 'image' | 'script' | 'html' | 'xml' | 'json' | 'text' | 'audio' | 'video' | 'stream' | 'survey' | 'article';
  /** Either this or `body`. */
  address?: string;
  body?: string;
  destination: string | null;
  width: number | null;
  height: number | null;
  alt: string | null;
}

/** The edge's answer for one slot. */
interface VitrineDecision {
  decisionId: string;
  clientId: string;
  campaignId: string;
  customerId: string;
  placementId: string | null;
  content: VitrineContent | null;
  segmentId: string | null;
  ruleId: string | null;
  group: string | null;
  reason: 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT' | 'DISABLED' | 'STALE';
  playbook: string;
  audience: string | null;
}

/** The event `vitrine:slot`, dispatched on a slot when it is settled; it bubbles. */
type VitrineSlotEvent = CustomEvent<{
  /** Null when none came. */
  decision: VitrineDecision | null;
  shown: 'content' | 'fallback' | 'nothing';
  /** '' when it shows what was decided; 'data', 'limit', 'unreachable', 'consent', 'disabled', 'no content', 'content', 'unsupported', 'error CODE'. */
  why: string;
}>;

interface VitrineQueue {
  push(...calls: VitrineCall[]): number;
  /** When the page stops waiting, by `performance.now()`. */
  until?: number;
}

interface Window {
  vitrine?: VitrineQueue;
}

interface GlobalEventHandlersEventMap {
  'vitrine:slot': VitrineSlotEvent;
}
