import { customerFields } from '#libs/domain';
import type { Parameters } from './parameters.js';
import {
  abandonedVisits,
  answersServed,
  anyEvents,
  arrival,
  attributeText,
  emailEvents,
  eventsOf,
  type Frame,
  firstEvent,
  latestAttribute,
  orderEdge,
  ordersCompleted,
  ordersWithCoupon,
  type Partial,
  revenue,
  type Span,
  visitEdge,
  visits,
} from './partials.js';

/** How a field's value stands in SQL: counts are UInt64 and money Decimal, never NULL; times, and texts other than arrival.source, are NULL when missing. */
export type FieldKind = 'count' | 'money' | 'time' | 'text' | 'boolean';

export interface FieldSql {
  readonly kind: FieldKind;
  readonly partial: Partial;
  /** The field's value from the merged partial. */
  value(merged: string): string;
}

/** Of every event; not among the fields that criteria know, but what known customers, first events and summaries are told by. */
type InnerField = 'events.count' | 'events.first';

type Definition = (span: Span, frame: Frame) => FieldSql;

const counted = (partialOf: (span: Span, frame: Frame) => Partial): Definition => {
  return (span, frame) => ({ kind: 'count', partial: partialOf(span, frame), value: (merged) => merged });
};
const timed = (partialOf: (span: Span) => Partial): Definition => {
  return (span) => ({ kind: 'time', partial: partialOf(span), value: (merged) => merged });
};

const definitions: Readonly<Record<keyof typeof customerFields | InnerField, Definition>> = {
  'events.count': counted(anyEvents),
  'events.first': timed(firstEvent),
  'orders.count': counted(ordersCompleted),
  'orders.total': (span) => ({ kind: 'money', partial: revenue(span), value: (merged) => merged }),
  'orders.first': timed((span) => orderEdge('min', span)),
  'orders.last': timed((span) => orderEdge('max', span)),
  'visits.count': counted(visits),
  'visits.first': timed((span) => visitEdge('min', span)),
  'visits.last': timed((span) => visitEdge('max', span)),
  'views.count': counted((span) => eventsOf('Product Viewed', span)),
  'cart.adds': counted((span) => eventsOf('Product Added', span)),
  'cart.removes': counted((span) => eventsOf('Product Removed', span)),
  'cart.abandons': counted(abandonedVisits),
  'arrival.source': (span, frame) => ({
    kind: 'text',
    partial: arrival(span, frame),
    value: (merged) => `if(${merged}.1 = '', 'unknown', ${merged}.1)`,
  }),
  'arrival.campaign': (span, frame) => ({ kind: 'text', partial: arrival(span, frame), value: (merged) => `nullIf(${merged}.2, '')` }),
  'coupons.used': counted(ordersWithCoupon),
  'email.known': (span) => ({ kind: 'boolean', partial: emailEvents(span), value: (merged) => `${merged} > 0` }),
  'content.served': counted(answersServed),
  'content.clicked': counted((span) => eventsOf('Content Clicked', span)),
};

/** @throws when there is no such field: criteria were checked before. */
export function fieldSql(field: string, span: Span, frame: Frame, parameters: Parameters): FieldSql {
  if (Object.hasOwn(definitions, field)) return definitions[field as keyof typeof definitions](span, frame);
  if (!field.startsWith('attributes.')) throw new Error(`there is no customer field ${field}`);
  const name = parameters.text(field.slice('attributes.'.length));
  return { kind: 'text', partial: latestAttribute(name, span), value: (merged) => attributeText(merged) };
}
