/** The customer fields in plain code, slow and simple: what the tables' SQL is compared with. It shares nothing with it. */
import { DateTime } from 'luxon';
import type { BehaviourFact } from '#libs/domain';
import type { ClientScope } from '../analytics.js';

/** One act of a customer in the log, repeats removed (the first recorded is kept). */
export interface OracleBehaviour extends Pick<BehaviourFact, 'type' | 'customerId' | 'sessionId' | 'time' | 'properties'> {
  /** Place in the log: at the same time, the smaller is the earlier. */
  readonly position: number | bigint;
}

/** A recorded answer. */
export interface OracleServed {
  readonly type: 'Content Served';
  readonly customerId: string;
  readonly time: string;
  readonly sampleRate: number;
  readonly position: number | bigint;
}

export type OracleEvent = OracleBehaviour | OracleServed;

/** Counts are numbers, money ten-thousandths in a bigint, times a Date; null is missing. */
export type FieldValue = number | bigint | Date | string | boolean | null;

/** Both ends belong to it. */
export interface Span {
  readonly from: Date | null;
  readonly to: Date;
}

/** One field of one customer, from that customer's events. */
export function fieldOf(field: string, events: readonly OracleEvent[], scope: ClientScope, span: Span): FieldValue {
  const customer = new CustomerInSpan(events, scope, span);
  const orders = customer.orders();
  const orderTimes = orders.map((order) => new Date(order.time));
  const visits = customer.visits();
  const visitTimes = visits.flat().map((event) => new Date(event.time));
  switch (field) {
    case 'orders.count':
      return orders.length;
    case 'orders.total':
      return sum(orders.map(orderAmount)) - sum(customer.of('Order Refunded').map(refundAmount));
    case 'orders.first':
      return earliest(orderTimes);
    case 'orders.last':
      return latest(orderTimes);
    case 'visits.count':
      return visits.length;
    case 'visits.first':
      return earliest(visitTimes);
    case 'visits.last':
      return latest(visitTimes);
    case 'views.count':
      return customer.of('Product Viewed').length;
    case 'cart.adds':
      return customer.of('Product Added').length;
    case 'cart.removes':
      return customer.of('Product Removed').length;
    case 'cart.abandons':
      return visits.filter((visit) => isAbandoned(visit, span.to)).length;
    case 'arrival.source':
      return customer.arrival()?.source ?? 'unknown';
    case 'arrival.campaign':
      return customer.arrival()?.campaign ?? null;
    case 'coupons.used':
      return orders.filter((order) => (order.properties.coupon ?? '') !== '').length;
    case 'email.known':
      return customer.behaviour().some(({ properties }) => (properties.email ?? properties.email_sealed ?? '') !== '');
    case 'content.served':
      return Math.round(customer.served().reduce((total, answer) => total + 1 / answer.sampleRate, 0));
    case 'content.clicked':
      return customer.of('Content Clicked').length;
    default:
      if (!field.startsWith('attributes.')) throw new Error(`no field ${field}`);
      return customer.attribute(field.slice('attributes.'.length));
  }
}

class CustomerInSpan {
  /** By time; at the same time by place in the log. */
  private readonly inSpan: readonly OracleEvent[];

  constructor(
    private readonly all: readonly OracleEvent[],
    private readonly scope: ClientScope,
    span: Span,
  ) {
    this.inSpan = all.filter((event) => isIn(span, new Date(event.time))).sort(byTime);
  }

  behaviour(): OracleBehaviour[] {
    return this.inSpan.filter(isBehaviour);
  }

  of(type: OracleBehaviour['type']): OracleBehaviour[] {
    return this.behaviour().filter((event) => event.type === type);
  }

  served(): OracleServed[] {
    return this.inSpan.filter((event) => event.type === 'Content Served');
  }

  /** The first recorded of each order id counts, whatever the span: a repeat within it is no order. */
  orders(): OracleBehaviour[] {
    const firstOf = new Map<string, OracleBehaviour>();
    for (const event of this.all.filter(isBehaviour)) {
      const orderId = event.properties.order_id;
      if (event.type !== 'Order Completed' || orderId === undefined) continue;
      const first = firstOf.get(orderId);
      if (first === undefined || event.position < first.position) firstOf.set(orderId, event);
    }
    return this.of('Order Completed').filter(
      (event) => event.properties.order_id === undefined || firstOf.get(event.properties.order_id) === event,
    );
  }

  /** The events of each visit, by time. */
  visits(): OracleBehaviour[][] {
    const visits = new Map<string, OracleBehaviour[]>();
    for (const event of this.behaviour()) {
      if (event.type === 'Order Refunded' || event.type === 'Customer Updated') continue;
      const day = DateTime.fromISO(event.time, { zone: this.scope.timeZone }).toISODate();
      const visit = event.sessionId === null ? `day ${day}` : `session ${event.sessionId}`;
      visits.set(visit, [...(visits.get(visit) ?? []), event]);
    }
    return [...visits.values()];
  }

  arrival(): { source: string; campaign: string | null } | undefined {
    for (const { type, properties } of this.behaviour()) {
      // The properties of a Customer Updated are attributes: a `url` among them is no page.
      if (type === 'Customer Updated') continue;
      const page = readUrl(properties.url);
      const referrer = readUrl(properties.referrer);
      const source = page?.searchParams.get('utm_source');
      if (source) return { source, campaign: page?.searchParams.get('utm_campaign') || null };
      const own = [page, ...this.scope.origins.map(readUrl)].map((url) => (url === undefined ? undefined : hostOf(url)));
      if (referrer !== undefined && !own.includes(hostOf(referrer))) return { source: hostOf(referrer), campaign: null };
      if (page !== undefined) return { source: 'direct', campaign: null };
    }
    return undefined;
  }

  attribute(name: string): string | null {
    const told = this.of('Customer Updated').filter(({ properties }) => Object.hasOwn(properties, name));
    const value = told.at(-1)?.properties[name] ?? null;
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : value === null ? null : String(value);
  }
}

function isBehaviour(event: OracleEvent): event is OracleBehaviour {
  return event.type !== 'Content Served';
}

function isIn(span: Span, time: Date): boolean {
  return time <= span.to && (span.from === null || time >= span.from);
}

function byTime(a: OracleEvent, b: OracleEvent): number {
  const [timeA, timeB] = [Date.parse(a.time), Date.parse(b.time)];
  if (timeA !== timeB) return timeA - timeB;
  return a.position < b.position ? -1 : 1;
}

function isAbandoned(visit: readonly OracleBehaviour[], build: Date): boolean {
  const has = (type: OracleBehaviour['type']) => visit.some((event) => event.type === type);
  const last = latest(visit.map((event) => new Date(event.time)));
  const twelveHours = 12 * 60 * 60 * 1000;
  return has('Product Added') && !has('Order Completed') && last !== null && build.getTime() - last.getTime() > twelveHours;
}

/** In ten-thousandths. */
function orderAmount({ properties }: OracleBehaviour): bigint {
  if (properties.total !== undefined) return tenThousandths(properties.total);
  return rounded(sum((properties.products ?? []).map(lineAmount)));
}

function refundAmount({ properties }: OracleBehaviour): bigint {
  if (properties.total !== undefined) return size(tenThousandths(properties.total));
  return rounded(sum((properties.products ?? []).map((line) => size(lineAmount(line)))));
}

/** In hundred-millionths. */
function lineAmount(line: { readonly price?: string; readonly quantity?: string }): bigint {
  return tenThousandths(line.price ?? '0') * tenThousandths(line.quantity ?? '1');
}

/** Hundred-millionths to ten-thousandths, half away from zero. */
function rounded(amount: bigint): bigint {
  const up = (size(amount) + 5_000n) / 10_000n;
  return amount < 0n ? -up : up;
}

/** Of a plain decimal with at most four digits after the point. */
export function tenThousandths(decimal: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(decimal);
  if (match === null) throw new Error(`no amount: ${decimal}`);
  const [, sign, whole = '', fraction = ''] = match;
  const amount = BigInt(whole + fraction.padEnd(4, '0'));
  return sign === '-' ? -amount : amount;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

function size(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

function earliest(times: readonly Date[]): Date | null {
  return times.reduce<Date | null>((first, time) => (first === null || time < first ? time : first), null);
}

function latest(times: readonly Date[]): Date | null {
  return times.reduce<Date | null>((last, time) => (last === null || time > last ? time : last), null);
}

/** An address with a host, or undefined. */
function readUrl(text: string | undefined): URL | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' ? undefined : url;
}

function hostOf(url: URL): string {
  return url.hostname.toLowerCase().replace(/^www\./, '');
}
