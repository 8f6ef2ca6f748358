import { setTimeout as pause } from 'node:timers/promises';
import type { Part, Split } from '../split.js';
import { until } from '../system.js';

export interface Fault {
  readonly kind: 'kill' | 'freeze';
  readonly part: string;
  /** As `Date.now()`: from when on it did not answer, and when it could again. */
  readonly from: number;
  to: number;
}

const frozenMs = 2_000;

/** Every part is killed and started again once in a round, and half of them stand still for two seconds, in random order, one after another. */
export class FaultRun {
  readonly faults: Fault[] = [];
  /** Parts that led, lost the lead, ended and were started again. */
  readonly restarted: string[] = [];

  constructor(
    private readonly split: Split,
    private readonly random: () => number,
  ) {}

  async round(): Promise<void> {
    const names = [...this.parts().keys()];
    const kills = names.map((part) => ({ kind: 'kill' as const, part }));
    const freezes = this.shuffled(names)
      .slice(0, Math.ceil(names.length / 2))
      .map((part) => ({ kind: 'freeze' as const, part }));
    for (const { kind, part } of this.shuffled([...kills, ...freezes])) {
      const fault: Fault = { kind, part, from: Date.now(), to: Number.POSITIVE_INFINITY };
      this.faults.push(fault);
      if (kind === 'kill') await this.kill(this.parts().get(part) as Part);
      else await this.freeze(this.parts().get(part) as Part);
      fault.to = Date.now();
      await this.settle(part);
      await this.supervise(`${kind} of ${part}`);
    }
  }

  /** A process that leads no more ends by itself, and counts on being started again; any other end is a fault. */
  private async supervise(after: string): Promise<void> {
    for (const [name, part] of this.parts()) {
      if (part.isRunning) continue;
      if (!/leads no more: its lease was lost/.test(part.complaints.slice(-1_500))) {
        throw new Error(`${name} ended after ${after}: ${part.complaints.slice(-3_000)}`);
      }
      this.restarted.push(`${name} after ${after}`);
      await part.start();
    }
  }

  /** All but HAProxy, which is this deployment's stand-in for what a company has in front. */
  private parts(): ReadonlyMap<string, Part> {
    return new Map([...this.split.apps, ...this.split.servers].filter(([name]) => name !== 'haproxy'));
  }

  private async kill(part: Part): Promise<void> {
    await part.end('SIGKILL');
    await pause(this.random() * 2_500);
    await part.start();
  }

  private async freeze(part: Part): Promise<void> {
    part.freeze();
    try {
      await pause(frozenMs);
    } finally {
      part.thaw();
    }
  }

  /** HAProxy asks a node twice a second whether it is ready, and needs one good answer: with less time, both nodes would be away at once. */
  private async settle(part: string): Promise<void> {
    if (this.split.apps.has(part)) await until(`${part} is ready again`, 20_000, () => this.split.isReady(part));
    await pause(1_200 + this.random() * 1_000);
  }

  private shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((value) => ({ value, by: this.random() }))
      .sort((left, right) => left.by - right.by)
      .map(({ value }) => value);
  }
}
