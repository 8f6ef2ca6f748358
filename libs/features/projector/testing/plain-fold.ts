/** What the public views have to show, by a plain fold of the log that shares no code with the projection. */
import { type BehaviourFact, type ContentClickedFact, type ContentServedFact } from '#libs/domain';
import type { EventLog, RecordedEvent } from '#libs/event-log';

/** Rows as sorted lines of text, by view. */
export type Tables = Readonly<
  Record<'behaviour' | 'orders' | 'order_items' | 'content_served' | 'dead_letters' | 'customers', readonly string[]>
>;

export async function plainFold(log: EventLog): Promise<Tables> {
  const fold = new Fold();
  for await (const event of log.readAll({ after: null })) fold.apply(event);
  return fold.tables();
}

/** Amounts are in ten-thousandths here. */
function units(decimal: string): bigint {
  const [whole = '0', part = ''] = decimal.split('.');
  return BigInt(whole + part.padEnd(4, '0'));
}

class Fold {
  private readonly seen = new Set<string>();
  private readonly ordersSeen = new Set<string>();
  private readonly lines = {
    behaviour: [] as string[],
    orders: [] as string[],
    order_items: [] as string[],
    content_served: [] as string[],
    dead_letters: [] as string[],
  };
  private readonly customers = new Map<string, { orders: number; total: bigint }>();

  apply({ type, data, metadata, position, id }: RecordedEvent): void {
    const { clientId } = metadata;
    if (metadata.schema > 1) {
      this.lines.dead_letters.push(`${clientId} ${position} ${type}`);
      return;
    }
    if (type === 'ContentServed') {
      const served = data as unknown as ContentServedFact;
      this.lines.content_served.push([clientId, served.customerId, position, id, served.time, served.decisionId].join(' '));
      return;
    }
    if (type === 'SegmentDefined') return;
    const { via } = data as unknown as Partial<ContentClickedFact>;
    const fact = (via === undefined
      ? data
      : { ...data, type: 'Content Clicked', properties: { decisionId: data['decisionId'] } }) as unknown as BehaviourFact;
    if (this.isRepeat(clientId, fact)) return;
    this.lines.behaviour.push([clientId, fact.customerId, position, id, fact.time, fact.type, fact.messageId, via ?? '-'].join(' '));
    const customer = `${clientId} ${fact.customerId}`;
    const its = this.customers.get(customer) ?? { orders: 0, total: 0n };
    this.customers.set(customer, its);
    if (fact.type === 'Order Completed' || fact.type === 'Order Refunded') this.order(customer, its, fact, `${position}`);
  }

  private isRepeat(clientId: string, fact: BehaviourFact): boolean {
    const keys = [`${clientId} ${fact.type} ${fact.messageId}`];
    if (fact.type === 'Content Clicked' && fact.properties['decisionId'] !== undefined)
      keys.push(`${clientId} of ${fact.properties['decisionId']}`);
    if (keys.some((key) => this.seen.has(key))) return true;
    for (const key of keys) this.seen.add(key);
    return false;
  }

  private order(customer: string, its: { orders: number; total: bigint }, { type, properties }: BehaviourFact, position: string): void {
    const products = properties.products ?? [];
    const sum = products.reduce((total, { price, quantity }) => total + (units(price ?? '0') * units(quantity ?? '1')) / 10_000n, 0n);
    const amount = properties.total === undefined ? sum : units(properties.total);
    const orderId = properties.order_id ?? '-';
    if (type === 'Order Completed') {
      const known = properties.order_id === undefined ? position : `${customer} ${orderId}`;
      if (this.ordersSeen.has(known)) return;
      this.ordersSeen.add(known);
      its.orders += 1;
      its.total += amount;
      this.lines.orders.push([customer, position, orderId, amount, properties.coupon ?? '-', products.length].join(' '));
    } else its.total -= amount;
    for (const [item, { product_id, quantity, price }] of products.entries()) {
      this.lines.order_items.push([customer, position, item, type, product_id, units(quantity!), units(price!)].join(' '));
    }
  }

  tables(): Tables {
    const customers = [...this.customers].map(([customer, { orders, total }]) => `${customer} ${orders} ${total}`);
    return Object.fromEntries(
      Object.entries({ ...this.lines, customers }).map(([view, lines]) => [view, lines.sort()]),
    ) as unknown as Tables;
  }
}
