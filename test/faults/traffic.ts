import { setTimeout as pause } from 'node:timers/promises';
import type { Deployment } from '../system.js';

interface Message {
  readonly type: string;
  readonly messageId: string;
  readonly customerId: string;
  readonly properties: { readonly order_id?: string; readonly total?: string; readonly product_id?: string };
}

export interface TrafficOptions {
  readonly clientId: string;
  readonly campaignIds: readonly string[];
  /** Known as buyers to every node before the traffic begins: whatever happens, they are answered as such. */
  readonly buyers: readonly string[];
  readonly random: () => number;
}

/** So many queries are under way at any time. */
export const queryLoops = 4;
const behaviourLoops = 2;

/** Steady content queries and behaviour through the edge, and a ledger of what was answered and accepted. */
export class Traffic {
  /** When each answer arrived, by decision; as `Date.now()`. */
  readonly answers = new Map<string, number>();
  readonly failures: { readonly began: number; readonly at: number; readonly what: string }[] = [];
  /** Answers that forgot a buyer. */
  readonly wrong: string[] = [];
  readonly accepted = new Map<string, Message>();
  retries = 0;
  repeats = 0;
  slowestMs = 0;
  private readonly batches: (readonly Message[])[] = [];
  private readonly ending = new AbortController();
  private readonly loops: Promise<void>[];
  private messages = 0;

  constructor(
    private readonly system: Deployment,
    private readonly options: TrafficOptions,
  ) {
    const until = async (step: () => Promise<void>, pauseMs: number) => {
      while (!this.ending.signal.aborted) {
        await step();
        await pause(pauseMs);
      }
    };
    this.loops = [
      ...Array.from({ length: queryLoops }, () => until(() => this.ask(), 25)),
      ...Array.from({ length: behaviourLoops }, () => until(() => this.behave(), 120)),
    ];
  }

  /** Ends the loops after what is under way; behaviour under way is sent until it is accepted. */
  async end(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.loops);
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.options.random() * from.length)] as T;
  }

  private async ask(): Promise<void> {
    const { clientId, campaignIds, buyers, random } = this.options;
    const isBuyer = random() < 0.5;
    const customerId = isBuyer ? this.pick(buyers) : this.visitor();
    const began = Date.now();
    try {
      const response = await fetch(`${this.system.edge}/q/${clientId}/${this.pick(campaignIds)}?c=${customerId}`, {
        signal: AbortSignal.timeout(20_000),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text.slice(0, 200)}`);
      const answer = JSON.parse(text) as { decisionId: string; ruleId: string | null; reason: string };
      this.answers.set(answer.decisionId, Date.now());
      if (isBuyer && answer.ruleId !== 'buyers') this.wrong.push(`${customerId}: ${answer.reason} ${answer.ruleId}`);
      this.slowestMs = Math.max(this.slowestMs, Date.now() - began);
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? ` (${String(error.cause)})` : '';
      this.failures.push({ began, at: Date.now(), what: String(error) + cause });
    }
  }

  private async behave(): Promise<void> {
    const { random } = this.options;
    const again = this.batches.length > 0 && random() < 0.15;
    const batch = again ? this.pick(this.batches) : Array.from({ length: 1 + Math.floor(random() * 4) }, () => this.message());
    await this.sendUntilAccepted(batch);
    if (again) this.repeats += batch.length;
    else this.batches.push(batch);
    for (const message of batch) this.accepted.set(message.messageId, message);
  }

  private async sendUntilAccepted(batch: readonly Message[]): Promise<void> {
    for (;;) {
      try {
        const response = await fetch(`${this.system.edge}/e/${this.options.clientId}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ batch }),
          signal: AbortSignal.timeout(20_000),
        });
        const text = await response.text();
        if (response.status === 202) {
          const { accepted } = JSON.parse(text) as { accepted: number };
          if (accepted !== batch.length) this.wrong.push(`POST /e: ${text}`);
          return;
        }
      } catch {
        // The collector is away, or went away before it answered: a page's tag sends it again, as here.
      }
      this.retries++;
      await pause(100);
    }
  }

  private message(): Message {
    const { random } = this.options;
    const messageId = `m${++this.messages}`;
    const customerId = this.visitor();
    if (random() < 0.6) return { type: 'Product Viewed', messageId, customerId, properties: { product_id: `p${messageId}` } };
    const total = ((1 + Math.floor(random() * 10_000)) / 100).toFixed(2);
    // Without an order's id only the message's id says that a repeat is one.
    const properties = random() < 0.5 ? { total } : { total, order_id: `o-${messageId}` };
    return { type: 'Order Completed', messageId, customerId, properties };
  }

  private visitor(): string {
    return `visitor-${Math.floor(this.options.random() * 200)}`;
  }
}
