import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Position, RecordedEvent } from '#libs/event-log';
import type { Projected } from './project-batch.js';

export type ProjectorState = 'standing by' | 'catching up' | 'live' | 'rebuilding' | 'retrying' | 'stopped';
const states: readonly ProjectorState[] = ['standing by', 'catching up', 'live', 'rebuilding', 'retrying', 'stopped'];

/** The metrics of a projector. Times are in seconds, as Prometheus has them. */
export class ProjectorMetrics {
  private readonly events: Counter<'outcome'>;
  private readonly deadLetters: Counter<'type'>;
  private readonly retries: Counter<'code'>;
  private readonly seconds: Histogram;
  private readonly position: Gauge;
  private readonly rebuilds: Counter;
  private readonly state: Gauge<'state'>;
  /** When the newest projected event, or the first of a batch under way, was recorded; undefined when nothing is known to wait. */
  private behindSince: Date | undefined;

  constructor(registry: Registry, clock: () => Date) {
    const registers = [registry];
    this.events = new Counter({
      name: 'vitrine_projector_events_total',
      help: 'Events by what became of them: row, repeat, dead_letter, or none (of no table).',
      labelNames: ['outcome'],
      registers,
    });
    this.deadLetters = new Counter({
      name: 'vitrine_projector_dead_letters_total',
      help: 'Events that could not become rows; the table dead_letters says which and why.',
      labelNames: ['type'],
      registers,
    });
    this.retries = new Counter({
      name: 'vitrine_projector_retries_total',
      help: 'Times that the log or ClickHouse was away.',
      labelNames: ['code'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'vitrine_projector_batch_seconds',
      help: 'From a batch of events to its acknowledged checkpoint.',
      buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
      registers,
    });
    this.position = new Gauge({ name: 'vitrine_projector_position', help: 'Place in the log up to which the tables go.', registers });
    this.rebuilds = new Counter({
      name: 'vitrine_projector_rebuilds_total',
      help: 'Rebuilds of all tables that were finished.',
      registers,
    });
    this.state = new Gauge({ name: 'vitrine_projector_state', help: '1 for the state it is in.', labelNames: ['state'], registers });
    const lag = () => (this.behindSince === undefined ? 0 : Math.max(0, clock().getTime() - this.behindSince.getTime()) / 1000);
    new Gauge({
      name: 'vitrine_projector_lag_seconds',
      help: 'How far the tables are behind: the age of what is being brought in; 0 when nothing is known to wait.',
      registers,
      collect() {
        this.set(lag());
      },
    });
  }

  /** Call the answer when the batch is in the tables. Until then it waits, also while ClickHouse is away. */
  begin(events: readonly RecordedEvent[]): () => void {
    this.behindSince ??= events[0]?.recordedAt;
    return this.seconds.startTimer();
  }

  projected(events: readonly RecordedEvent[], upTo: Position, caughtUp: boolean, { kept, repeats, deadLetters }: Projected): void {
    this.events.inc({ outcome: 'row' }, kept);
    this.events.inc({ outcome: 'repeat' }, repeats);
    this.events.inc({ outcome: 'dead_letter' }, deadLetters.length);
    this.events.inc({ outcome: 'none' }, events.length - kept - repeats - deadLetters.length);
    for (const letter of deadLetters) this.deadLetters.inc({ type: letter.type });
    this.position.set(Number(upTo));
    if (caughtUp) this.behindSince = undefined;
    else this.behindSince = events.at(-1)?.recordedAt ?? this.behindSince;
  }

  rebuilt(): void {
    this.rebuilds.inc();
  }

  retried(code: string): void {
    this.retries.inc({ code });
  }

  is(state: ProjectorState): void {
    for (const one of states) this.state.set({ state: one }, one === state ? 1 : 0);
  }
}
