import { randomUUID } from 'node:crypto';
import { type BehaviourFact, type BehaviourType, type ContentClickedFact, type ContentServedFact, eventTypeOf } from '#libs/domain';
import type { EventLog, JsonObject, NewEvent } from '#libs/event-log';

/** mulberry32: the same numbers from the same seed, so that a failure can be had again. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const clients = ['golf', 'tennis', 'chess'];
const acts: readonly BehaviourType[] = [
  'Page Viewed',
  'Product Viewed',
  'Product Added',
  'Order Completed',
  'Order Refunded',
  'Content Clicked',
];

/** What happens in a few shops: repeated messages, reloaded orders, refunds before their orders, times out of order, clicks reported twice, events nobody can read. */
export class RandomHistory {
  private readonly draw: () => number;
  private readonly sent: BehaviourFact[] = [];
  private readonly served: ContentServedFact[] = [];
  private count = 0;

  constructor(seed: number) {
    this.draw = random(seed);
  }

  below(limit: number): number {
    return Math.floor(this.draw() * limit);
  }

  /** Appends so many events, in appends of random sizes to streams of several nodes. */
  async append(log: EventLog, events: number): Promise<void> {
    for (let left = events; left > 0; ) {
      const size = Math.min(left, 1 + this.below(60));
      const clientId = clients[this.below(clients.length)]!;
      const served = this.draw() < 0.2;
      const stream = `${served ? 'served' : 'behaviour'}-${clientId}.node${this.below(2)}.2026-11-0${1 + this.below(3)}`;
      const batch = Array.from({ length: size }, () => event(clientId, served ? this.answer(clientId) : this.act(clientId)));
      await log.append(stream, batch, 'any');
      left -= size;
    }
  }

  private act(clientId: string): Happening {
    const chance = this.draw();
    const before = this.sent[this.below(this.sent.length)];
    if (before !== undefined && chance < 0.15) return { type: eventTypeOf(before.type), data: before };
    if (chance < 0.16) return { type: 'PageViewed', schema: 99, data: { from: 'the future' } };
    if (chance < 0.17) return { type: 'SegmentDefined', data: { of: 'no table' } };
    if (chance < 0.22 && this.served.length > 0) return { type: 'ContentClicked', data: this.click() };
    const type = acts[this.below(acts.length)]!;
    const fact: BehaviourFact = {
      type,
      messageId: `${clientId}-${this.count++}`,
      customerId: `customer-${this.below(40)}`,
      sessionId: this.draw() < 0.7 ? `session-${this.below(90)}` : null,
      time: this.time(),
      properties: this.properties(type),
    };
    this.sent.push(fact);
    return { type: eventTypeOf(type), data: fact };
  }

  private properties(type: BehaviourType): BehaviourFact['properties'] {
    if (type === 'Content Clicked') {
      const answer = this.served[this.below(this.served.length)];
      return answer === undefined ? {} : { decisionId: answer.decisionId, campaignId: answer.campaignId };
    }
    if (type !== 'Order Completed' && type !== 'Order Refunded')
      return { url: `https://shop.example/p/${this.below(9)}`, product_id: `p${this.below(9)}` };
    const products = Array.from({ length: this.below(4) }, () => ({
      product_id: `p${this.below(9)}`,
      quantity: String(1 + this.below(3)),
      price: `${this.below(90)}.25`,
    }));
    return {
      ...(this.draw() < 0.8 ? { order_id: `order-${this.below(300)}` } : {}),
      ...(this.draw() < 0.5 ? { total: `${this.below(500)}.5` } : {}),
      ...(this.draw() < 0.2 ? { coupon: 'TEN' } : {}),
      products,
    };
  }

  private answer(clientId: string): Happening {
    const data: ContentServedFact = {
      decisionId: `${clientId}-decision-${this.count++}`,
      campaignId: 'spring',
      customerId: `customer-${this.below(40)}`,
      sessionId: null,
      placementId: 'hero',
      contentId: 'ten-off',
      segmentId: null,
      ruleId: null,
      group: null,
      reason: 'DEFAULT',
      playbook: 'p1',
      audience: null,
      sampleRate: 1,
      time: this.time(),
      form: 'json',
      request: { country: null, device: 'desktop', browser: null, url: null, referrer: null, context: {} },
    };
    this.served.push(data);
    return { type: 'ContentServed', data };
  }

  private click(): ContentClickedFact {
    const { decisionId, campaignId, customerId, placementId, contentId } = this.served[this.below(this.served.length)]!;
    const none = { sessionId: null, segmentId: null, ruleId: null, group: null };
    return {
      messageId: `click-${this.count++}`,
      decisionId,
      campaignId,
      customerId,
      placementId,
      contentId,
      ...none,
      time: this.time(),
      via: 'address',
    };
  }

  private time(): string {
    return new Date(Date.UTC(2026, 10, 1) + this.below(20 * 86_400_000)).toISOString();
  }
}

interface Happening {
  readonly type: string;
  readonly schema?: number;
  readonly data: object;
}

function event(clientId: string, { type, schema = 1, data }: Happening): NewEvent {
  // Facts are JSON by their types; interfaces have no index signature to say so.
  return { id: randomUUID(), type, data: data as JsonObject, metadata: { schema, clientId, actor: 'node:spec' } };
}
