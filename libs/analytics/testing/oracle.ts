/**
 * Criteria of customers judged in plain code, from the events: the oracle of property tests, written from the contract alone. Slow on
 * purpose (every field is computed again for every comparison); it shares nothing with the compiler to SQL.
 */
import { DateTime } from 'luxon';
import type { Comparison, Criteria } from '#libs/domain';
import type { ClientScope, SegmentCriteria } from '../analytics.js';
import { type FieldValue, fieldOf, type OracleEvent, type Span, tenThousandths } from './oracle-fields.js';

export type { OracleBehaviour, OracleEvent } from './oracle-fields.js';

/** What a judgement is made from. */
export interface OracleQuestion {
  /** All events of the client, repeats removed. */
  readonly events: readonly OracleEvent[];
  readonly scope: ClientScope;
  /** The criteria of the segments that may be referred to. */
  readonly segments: SegmentCriteria;
  readonly asOf: Date;
}

/** The customers who are in a segment with these criteria. */
export function judge({ criteria, ...question }: OracleQuestion & { readonly criteria: Criteria }): Set<string> {
  const oracle = new Oracle(question);
  return new Set([...oracle.holdable(criteria)].filter((customerId) => oracle.holds(criteria, customerId)));
}

/** The customers whom the log knows: by behaviour, imports or clicks, not by a recorded answer alone. */
export function knownCustomers({ events, asOf }: Pick<OracleQuestion, 'events' | 'asOf'>): Set<string> {
  const known = events.filter((event) => event.type !== 'Content Served' && new Date(event.time) <= asOf);
  return new Set(known.map((event) => event.customerId));
}

/** A customer's fields as the admin shows them. `attributes` are the names to tell of. */
export function fieldsOf(
  customerId: string,
  { events, scope, asOf }: Pick<OracleQuestion, 'events' | 'scope' | 'asOf'>,
  attributes: readonly string[] = [],
): Record<string, string | number | boolean | null> {
  const own = events.filter((event) => event.customerId === customerId);
  const names = [...shownFields, ...attributes.map((name) => `attributes.${name}`)];
  return Object.fromEntries(names.map((name) => [name, shown(fieldOf(name, own, scope, { from: null, to: asOf }))]));
}

const shownFields = [
  'orders.count',
  'orders.total',
  'orders.first',
  'orders.last',
  'visits.count',
  'visits.first',
  'visits.last',
  'views.count',
  'cart.adds',
  'cart.removes',
  'cart.abandons',
  'arrival.source',
  'arrival.campaign',
  'coupons.used',
  'email.known',
  'content.served',
  'content.clicked',
];

/** Customers of whom nothing is known have nothing but what a list says of them. */
const nothing: readonly OracleEvent[] = [];

class Oracle {
  private readonly known: ReadonlySet<string>;
  private readonly eventsOf = new Map<string, OracleEvent[]>();

  constructor(private readonly question: OracleQuestion) {
    this.known = knownCustomers(question);
    for (const event of question.events) {
      this.eventsOf.set(event.customerId, [...(this.eventsOf.get(event.customerId) ?? []), event]);
    }
  }

  /** Whom a segment with these criteria can hold: the known, and those on any list in them, also through the segments they refer to. */
  holdable(criteria: Criteria): Set<string> {
    return new Set([...this.known, ...this.listed(criteria)]);
  }

  holds(criteria: Criteria, customerId: string): boolean {
    if ('all' in criteria) return criteria.all.every((part) => this.holds(part, customerId));
    if ('any' in criteria) return criteria.any.some((part) => this.holds(part, customerId));
    if ('not' in criteria) return !this.holds(criteria.not, customerId);
    if ('customers' in criteria) return criteria.customers.includes(customerId);
    // Whoever can be in the referring segment is judged by the other's criteria like everyone else, also when the other could not hold them.
    if ('segment' in criteria) return this.holds(this.segment(criteria.segment), customerId);
    return this.compares(criteria, customerId);
  }

  private listed(criteria: Criteria): string[] {
    if ('all' in criteria) return criteria.all.flatMap((part) => this.listed(part));
    if ('any' in criteria) return criteria.any.flatMap((part) => this.listed(part));
    if ('not' in criteria) return this.listed(criteria.not);
    if ('customers' in criteria) return [...criteria.customers];
    if ('segment' in criteria) return this.listed(this.segment(criteria.segment));
    return [];
  }

  private segment(segmentId: string): Criteria {
    const { segments } = this.question;
    const criteria = Object.hasOwn(segments, segmentId) ? segments[segmentId] : undefined;
    if (criteria === undefined) throw new Error(`no segment ${segmentId}`);
    return criteria;
  }

  private compares({ field, op, value: wanted, within }: Comparison, customerId: string): boolean {
    const { scope, asOf } = this.question;
    const span: Span = { from: within === undefined ? null : this.beginningOf(within), to: asOf };
    const value = fieldOf(field, this.eventsOf.get(customerId) ?? nothing, scope, span);
    if (op === 'exists') return (value !== null) === wanted;
    if (value === null) return false;
    switch (op) {
      case 'eq':
        return isSame(value, wanted);
      case 'neq':
        return !isSame(value, wanted);
      case 'in':
        return (wanted as readonly (string | number)[]).some((one) => isSame(value, one));
      case 'notIn':
        return !(wanted as readonly (string | number)[]).some((one) => isSame(value, one));
      case 'gt':
        return value > like(value, wanted);
      case 'gte':
        return value >= like(value, wanted);
      case 'lt':
        return value < like(value, wanted);
      case 'lte':
        return value <= like(value, wanted);
      case 'contains':
        return (value as string).includes(wanted as string);
      case 'startsWith':
        return (value as string).startsWith(wanted as string);
      case 'before':
        return value < new Date(wanted as string);
      case 'after':
        return value > new Date(wanted as string);
      case 'newerThan':
        return value >= this.beginningOf(wanted as string);
      case 'olderThan':
        return value < this.beginningOf(wanted as string);
    }
  }

  /** `30d`: midnight in the client's zone 29 days before the build's day; `6h`: exactly so long before the build. */
  private beginningOf(window: string): Date {
    const count = Number(window.slice(0, -1));
    const build = DateTime.fromJSDate(this.question.asOf, { zone: this.question.scope.timeZone });
    if (window.endsWith('h')) return new Date(build.toMillis() - count * 3_600_000);
    // Midnight is looked for again after the step: where the clocks change at midnight, a day begins at one.
    return build
      .startOf('day')
      .minus({ days: count - 1 })
      .startOf('day')
      .toJSDate();
  }
}

function isSame(value: FieldValue, wanted: unknown): boolean {
  return value === like(value, wanted);
}

/** The wanted value in the form of the field's: money exactly, in ten-thousandths. */
function like(value: FieldValue, wanted: unknown): number | bigint | string | boolean {
  return typeof value === 'bigint' ? tenThousandths(String(wanted)) : (wanted as number | string | boolean);
}

function shown(value: FieldValue): string | number | boolean | null {
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'bigint') return value;
  const digits = String(value < 0n ? -value : value).padStart(5, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
