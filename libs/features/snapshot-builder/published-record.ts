import { randomUUID } from 'node:crypto';
import { snapshotCodec, snapshotStream } from '#libs/domain';
import type { EventLog, NewEvent, RecordedEvent } from '#libs/event-log';
import type { Announcement, SnapshotKind } from '#libs/snapshots';

/**
 * Writes into the log what was published, of one client and kind: an event per new version and per request, none for progress, which
 * would feed itself. The announcement comes first; what a crash or an absent log leaves unwritten is written later.
 */
export class PublishedRecord {
  private pending: NewEvent | undefined;
  private checked = false;
  private readonly stream: string;

  constructor(
    private readonly log: Pick<EventLog, 'append' | 'readStream'>,
    private readonly clientId: string,
    kind: SnapshotKind,
  ) {
    this.stream = snapshotStream(clientId, kind);
  }

  /** Writes what is still owed. @throws EventLogUnavailable, RevisionConflict when another builder wrote: it is tried again. */
  async catchUp(announced: Announcement | null): Promise<void> {
    if (!this.checked && announced !== null && this.pending === undefined) {
      const last = await this.last();
      if (last?.data.version !== announced.version) this.pending = this.eventOf(announced);
    }
    this.checked = true;
    if (this.pending === undefined) return;
    const last = await this.last();
    // An append whose answer was lost may have been done.
    if (last?.id !== this.pending.id) await this.log.append(this.stream, [this.pending], last?.revision ?? 'noStream');
    this.pending = undefined;
  }

  async write(announced: Announcement): Promise<void> {
    this.pending = this.eventOf(announced);
    await this.catchUp(announced);
  }

  private eventOf({ kind, version, position, builtAt, bytes, sha256, customers, memberships }: Announcement): NewEvent {
    const published = { kind, version, position: String(position), builtAt, bytes, sha256, customers, memberships };
    const { type, schema, data } = snapshotCodec.encode({ type: 'SnapshotPublished', ...published });
    return { id: randomUUID(), type, data, metadata: { schema, clientId: this.clientId, actor: 'system' } };
  }

  private async last(): Promise<RecordedEvent | undefined> {
    for await (const event of this.log.readStream(this.stream, { direction: 'backwards', maxCount: 1 })) return event;
    return undefined;
  }
}
