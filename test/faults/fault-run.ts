import { setTimeout as pause } from 'node:timers/promises';
import type { Part } from '../part.js';
import type { Split } from '../split.js';
import { until } from '../system.js';
import type { Wire } from '../wire.js';

export interface Fault {
  /** A process is killed and started again, or stands still; connections are reset and refused, or stay and say nothing. */
  readonly kind: 'kill' | 'freeze' | 'cut' | 'mute';
  /** A process, or the wires of one (`projector → all`, `all → clickhouse`). */
  readonly what: string;
  /** As `Date.now()`: from when on it did not answer, and when it could again. */
  readonly from: number;
  to: number;
  /** Until when it took connections, which then broke: a killed process until it is really gone, a frozen one until it goes on. */
  tookUntil: number;
}

type Planned = Pick<Fault, 'kind' | 'what'> & { readonly make: (fault: Fault) => Promise<void>; readonly apps: readonly string[] };

const frozenMs = 2_000;
const cutMsMax = 3_000;
/** Past the lease of a leader and the limits of most calls. */
const muteMsMax = 5_000;

/** Faults in an order and for times that the random numbers say, one after another. */
export class FaultRun {
  readonly faults: Fault[] = [];

  constructor(
    private readonly split: Split,
    private readonly random: () => number,
  ) {}

  /** Every part is killed once, half of them stand still, and all wires of each part, and to each, are cut or muted. */
  async round(): Promise<void> {
    const names = [...this.parts().keys()];
    const freezes = this.shuffled(names).slice(0, Math.ceil(names.length / 2));
    const broken = this.bundles().map((bundle) => this.broken(this.random() < 0.5 ? 'cut' : 'mute', bundle));
    await this.make([...names.map((name) => this.killed(name)), ...freezes.map((name) => this.frozen(name)), ...broken]);
  }

  /** Every part is killed once; two stand still; of its wires some are cut, some muted. */
  async shortRound(): Promise<void> {
    const names = [...this.parts().keys()];
    const [cut, mute] = [this.shuffled(this.bundles()).slice(0, 3), this.shuffled(this.bundles()).slice(0, 2)];
    await this.make([
      ...names.map((name) => this.killed(name)),
      ...this.shuffled(names)
        .slice(0, 2)
        .map((name) => this.frozen(name)),
      ...cut.map((bundle) => this.broken('cut', bundle)),
      ...mute.map((bundle) => this.broken('mute', bundle)),
    ]);
  }

  private async make(planned: readonly Planned[]): Promise<void> {
    for (const { kind, what, apps, make } of this.shuffled(planned)) {
      const fault: Fault = { kind, what, from: Date.now(), to: Number.POSITIVE_INFINITY, tookUntil: Number.POSITIVE_INFINITY };
      this.faults.push(fault);
      await make(fault);
      fault.to = Date.now();
      fault.tookUntil = Math.min(fault.tookUntil, fault.to);
      await this.settle(apps);
      for (const [name, part] of this.parts()) {
        if (!part.isRunning) throw new Error(`${name} ended after ${kind} of ${what}: ${part.complaints.slice(-3_000)}`);
      }
    }
  }

  private killed(name: string): Planned {
    const part = this.parts().get(name) as Part;
    const make = async (fault: Fault) => {
      await part.end('SIGKILL');
      fault.tookUntil = Date.now();
      await pause(this.random() * 2_500);
      await part.start();
    };
    return { kind: 'kill', what: name, apps: this.appsOf([name]), make };
  }

  private frozen(name: string): Planned {
    const part = this.parts().get(name) as Part;
    const make = async () => {
      part.freeze();
      try {
        await pause(frozenMs);
      } finally {
        part.thaw();
      }
    };
    return { kind: 'freeze', what: name, apps: this.appsOf([name]), make };
  }

  private broken(kind: 'cut' | 'mute', { what, wires }: Bundle): Planned {
    const make = async () => {
      const ms = 300 + this.random() * (kind === 'cut' ? cutMsMax : muteMsMax);
      await Promise.all(wires.map((wire) => wire.become(kind)));
      try {
        await pause(ms);
      } finally {
        await Promise.all(wires.map((wire) => wire.become('whole')));
      }
    };
    return { kind, what, apps: this.appsOf(wires.map(({ from }) => from)), make };
  }

  /** All but HAProxy, which is this deployment's stand-in for what a company has in front. */
  private parts(): ReadonlyMap<string, Part> {
    return new Map([...this.split.apps, ...this.split.servers].filter(([name]) => name !== 'haproxy'));
  }

  /** All wires to one, and all wires from one. */
  private bundles(): Bundle[] {
    const { wires } = this.split;
    const ends = (of: (wire: Wire) => string) => [...new Set(wires.map(of))];
    return [
      ...ends(({ to }) => to).map((to) => ({ what: `all → ${to}`, wires: wires.filter((wire) => wire.to === to) })),
      ...ends(({ from }) => from).map((from) => ({ what: `${from} → all`, wires: wires.filter((wire) => wire.from === from) })),
    ];
  }

  private appsOf(names: readonly string[]): string[] {
    return [...new Set(names)].filter((name) => this.split.apps.has(name));
  }

  /** HAProxy asks a node twice a second whether it is ready, and needs one good answer: with less time, both nodes would be away at once. */
  private async settle(apps: readonly string[]): Promise<void> {
    for (const app of apps) await until(`${app} is ready again`, 30_000, () => this.split.isReady(app));
    await pause(1_200 + this.random() * 1_000);
  }

  private shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((value) => ({ value, by: this.random() }))
      .sort((left, right) => left.by - right.by)
      .map(({ value }) => value);
  }
}

interface Bundle {
  readonly what: string;
  readonly wires: readonly Wire[];
}
