import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { snapshotCodec } from '#libs/domain';
import { followLog, type LogFollower, type Position, parsePosition, type RecordedEvent } from '#libs/event-log';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import type { Snapshot } from './snapshot-types.js';

/** Publications remembered per client; older ones are in the log, and their images are gone long before. */
export const publishedMax = 10_000;

/** A publication as the log has it. */
export interface Published extends Snapshot {
  /** Where the event stands in the log: the list's order. */
  readonly place: Position;
}

/** The history of each client's snapshots, folded from `SnapshotPublished`. */
export class PublishedSnapshots {
  private readonly byClient = new Map<string, Published[]>();

  apply(event: RecordedEvent): void {
    const decoded = snapshotCodec.decode({ type: event.type, schema: event.metadata.schema, data: event.data });
    if (decoded?.type !== 'SnapshotPublished') return;
    const { type: _, position, ...snapshot } = decoded;
    const published = this.byClient.get(event.metadata.clientId) ?? [];
    published.push({ ...snapshot, builtFrom: parsePosition(position) ?? event.position, place: event.position });
    // Cut seldom: a shift per event would copy the list each time.
    if (published.length > 2 * publishedMax) published.splice(0, published.length - publishedMax);
    this.byClient.set(event.metadata.clientId, published);
  }

  /** From the oldest on. */
  of(clientId: string): readonly Published[] {
    return this.byClient.get(clientId) ?? [];
  }
}

/** Follows the log for as long as the application runs. */
@Injectable()
export class PublishedHistory implements OnModuleInit, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly logger = new Logger('Admin');
  private follower: LogFollower<PublishedSnapshots> | undefined;

  constructor(@Inject(ADMIN_PARTS) private readonly parts: AdminParts) {}

  onModuleInit(): void {
    this.follower = followLog({
      log: this.parts.log,
      filter: { categories: ['snapshot'], types: ['SnapshotPublished'] },
      initial: new PublishedSnapshots(),
      apply(published, event) {
        published.apply(event);
        return published;
      },
      signal: this.stopping.signal,
      onError: (error, retrying) => this.logger.error(`the history of snapshots ${retrying ? 'waits' : 'has ended'}: ${String(error)}`),
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.follower?.ended;
  }

  /** From the oldest on, with all that is in the log now. @throws EventLogUnavailable. */
  async of(clientId: string): Promise<readonly Published[]> {
    if (this.follower === undefined) throw new Error('asked before the start');
    await this.follower.caughtUp();
    return this.follower.state.of(clientId);
  }
}
