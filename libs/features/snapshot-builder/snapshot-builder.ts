import type { EventLog, LogFollower, RecordedEvent } from '#libs/event-log';
import { followLog } from '#libs/event-log';
import { type ClientDefinitions, type Definitions, definitionsFold } from '#libs/projections';
import type { SnapshotKind } from '#libs/snapshots';
import { AudienceKeeper } from './audience-keeper.js';
import type { BuilderParts } from './builder-parts.js';
import { FairQueue } from './fair-queue.js';
import { KeptOverlays } from './kept-overlays.js';
import { PlaybookKeeper } from './playbook-keeper.js';

/** Changes that follow one another at once (a form's several mutations) lead to one playbook. */
const debounceMs = 50;
/** How long one answer about the tables' place serves all clients. An older place is as honest: it promises less. */
const sharedMs = 50;
const playbooksAtOnce = 4;
const audiencesAtOnceDefault = 2;

export interface BuilderSurroundings extends Omit<BuilderParts, 'definitionsOf'> {
  readonly log: BuilderParts['log'] & Pick<EventLog, 'subscribe' | 'lastPosition'>;
  /** The definitions cannot be followed any further: without them it could only repeat what it knew. The process is to end. */
  failed(error: unknown): void;
}

/**
 * Keeps the snapshots of all clients as the log says: playbooks from the definitions, audiences from the tables. It follows the definitions,
 * looks at every client each `incrementSeconds`, and at a changed one at once. Nothing but the publication is kept between starts.
 */
export class SnapshotBuilder {
  private readonly ending = new AbortController();
  private readonly seen = new Map<string, ClientDefinitions | undefined>();
  private readonly playbooks = new Map<string, PlaybookKeeper>();
  private readonly audiences = new Map<string, AudienceKeeper>();
  private readonly queues: Readonly<Record<SnapshotKind | 'wholeAudience', FairQueue>>;
  private readonly parts: BuilderParts;
  private follower: LogFollower<Definitions> | undefined;
  private tick: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;

  constructor(private readonly given: BuilderSurroundings) {
    const { analytics } = given;
    this.parts = {
      ...given,
      analytics: {
        projectedTo: shared(() => analytics.projectedTo(), sharedMs),
        // A whole build of a large client takes minutes: who stops does not wait for it.
        audience: (query) => analytics.audience({ ...query, signal: this.ending.signal }),
        customersByHash: (clientId, hashes) => analytics.customersByHash(clientId, hashes),
        touched: (query) => analytics.touched(query),
      },
      definitionsOf: (clientId) => this.definitionsOf(clientId),
    };
    const overlays = new KeptOverlays(given.options.imageBytesMax);
    const playbookOf = (clientId: string) => kept(this.playbooks, clientId, () => new PlaybookKeeper(this.parts, clientId));
    const audienceOf = (clientId: string) => kept(this.audiences, clientId, () => new AudienceKeeper(this.parts, clientId, overlays));
    const atOnce = given.options.audiencesAtOnce ?? audiencesAtOnceDefault;
    this.queues = {
      playbook: this.queue('playbook', playbooksAtOnce, (clientId) => playbookOf(clientId).step()),
      audience: this.queue('audience', atOnce, async (clientId) => {
        if (await audienceOf(clientId).step()) this.queues.wholeAudience.due(clientId);
      }),
      // Minutes, for a large client: in a queue of their own, so that nobody's increments wait for them.
      wholeAudience: this.queue('audience', atOnce, async (clientId) => {
        await audienceOf(clientId).build();
        this.queues.audience.due(clientId);
      }),
    };
  }

  /** Begins; resolves when the definitions have been read. @throws what the log throws. */
  async start(): Promise<void> {
    const { log, report, failed, options } = this.given;
    this.follower = followLog<Definitions>({
      log,
      filter: { categories: definitionsFold.categories },
      initial: definitionsFold.initial(),
      apply: (definitions: Definitions, event: RecordedEvent) => definitionsFold.apply(definitions, event),
      signal: this.ending.signal,
      onError: (error, retrying) => {
        report(retrying ? 'the event log is away' : 'the definitions cannot be followed any further', error);
        if (!retrying) failed(error);
      },
    });
    await this.follower.caughtUp();
    if (this.ending.signal.aborted) return;
    this.follower.onChange(() => this.lookSoon());
    this.tick = setInterval(() => this.lookAtAll(), options.incrementSeconds * 1000);
    this.lookAtAll();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    clearInterval(this.tick);
    clearTimeout(this.soon);
    await Promise.all([...Object.values(this.queues).map((queue) => queue.stop()), this.follower?.ended]);
  }

  private definitionsOf(clientId: string) {
    return { position: this.follower?.position ?? null, definitions: this.follower?.state.get(clientId) };
  }

  private queue(kind: SnapshotKind, atOnce: number, work: (clientId: string) => Promise<void>): FairQueue {
    return new FairQueue({
      atOnce,
      work,
      failed: (clientId, error, retryMs) => {
        // Cut short, not failed: the next builder begins anew.
        if (this.ending.signal.aborted) return;
        this.given.metrics.failed(clientId, kind, error);
        this.given.report(`the ${kind} of ${clientId} could not be built; again in ${retryMs} ms`, error);
      },
    });
  }

  private lookSoon(): void {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      for (const clientId of this.clientIds()) if (this.seen.get(clientId) !== this.follower?.state.get(clientId)) this.look(clientId);
    }, debounceMs);
  }

  private lookAtAll(): void {
    for (const clientId of this.clientIds()) this.look(clientId);
  }

  private look(clientId: string): void {
    this.seen.set(clientId, this.follower?.state.get(clientId));
    this.queues.playbook.due(clientId);
    this.queues.audience.due(clientId);
  }

  private clientIds(): Iterable<string> {
    return this.follower?.state.clientIds() ?? [];
  }
}

function kept<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** Asks once for all who ask at about the same time. */
function shared<Value>(ask: () => Promise<Value>, ms: number): () => Promise<Value> {
  let asked: { readonly at: number; readonly answer: Promise<Value> } | undefined;
  return () => {
    if (asked === undefined || performance.now() - asked.at > ms) {
      const answer = ask();
      asked = { at: performance.now(), answer };
      answer.catch(() => {
        // Whoever waits for it is told; the next to ask asks anew.
        asked = undefined;
      });
    }
    return asked.answer;
  };
}
