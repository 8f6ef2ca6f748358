import { setTimeout as pause } from 'node:timers/promises';
import { EventLogUnavailable } from '#libs/event-log';
import type { AcquireLeadership, Leadership } from '#libs/leadership';
import { type BuilderSurroundings, SnapshotBuilder } from './snapshot-builder.js';

export interface LeadingBuilderParts extends BuilderSurroundings {
  readonly acquireLeadership: AcquireLeadership;
}

/** What was to be written after the lead was lost: another builder may lead now. */
export class LeadLost extends Error {
  readonly code = 'LEAD_LOST';
}

const backOffMs = 1_000;

/**
 * Builds while this process leads. A lost lead ends the builder, which writes nothing more, also in the middle of a build; when all of it has
 * ended the process stands by, and a new builder begins with the next lead, from what is announced then.
 */
export class LeadingBuilder {
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly parts: LeadingBuilderParts) {}

  /** Returns at once. */
  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    const { acquireLeadership, report, failed } = this.parts;
    try {
      while (!signal.aborted) {
        const leadership = await acquireLeadership(signal);
        try {
          await this.lead(leadership, AbortSignal.any([signal, leadership.lost]));
        } finally {
          await leadership.release();
        }
        if (!signal.aborted) report('the lead is lost: this process publishes nothing more, and stands by');
      }
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
  }

  /** Until the signal; a builder that cannot read the definitions yet is made again. */
  private async lead(leadership: Leadership, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const builder = new SnapshotBuilder(whileHeld(this.parts, leadership));
      const end = () => void builder.stop();
      over.addEventListener('abort', end, { once: true });
      try {
        await builder.start();
        await aborted(over);
      } catch (error) {
        if (over.aborted) return;
        if (!(error instanceof EventLogUnavailable)) throw error;
        this.parts.report(`the definitions cannot be read; again in ${backOffMs} ms`, error);
      } finally {
        over.removeEventListener('abort', end);
        await builder.stop();
        this.parts.metrics.standBy();
      }
      // Only the signal ends the pause early, and the loop asks it.
      await pause(backOffMs, undefined, { signal: over }).catch(() => undefined);
    }
  }
}

/** The same, and each write asks first whether the lead is held: a process that stood still has not been told yet. */
function whileHeld(parts: BuilderSurroundings, leadership: Leadership): BuilderSurroundings {
  const { log, publication } = parts;
  const held =
    <Given extends unknown[], Answer>(write: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      if (!leadership.holds()) throw new LeadLost('this snapshot builder leads no more');
      return write(...given);
    };
  return {
    ...parts,
    log: {
      append: held((...given) => log.append(...given)),
      readStream: (...given) => log.readStream(...given),
      readAt: (position) => log.readAt(position),
      lastPosition: () => log.lastPosition(),
      subscribe: (options) => log.subscribe(options),
    },
    publication: {
      publish: held((snapshot) => publication.publish(snapshot)),
      publishIncrement: held((increment) => publication.publishIncrement(increment)),
      progress: held((clientId, kind, position) => publication.progress(clientId, kind, position)),
      current: (clientId, kind) => publication.current(clientId, kind),
      // A builder's fetch takes another one's image over.
      fetch: held((announcement) => publication.fetch(announcement)),
      increments: (clientId, base, after) => publication.increments(clientId, base, after),
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
