import type { Position } from '#libs/event-log';
import { compilePlaybook } from '#libs/projections';
import { type Announcement, playbookImage, SnapshotCorrupt, SnapshotMissing, versionOf } from '#libs/snapshots';
import type { BuilderParts } from './builder-parts.js';
import { PublishedRecord } from './published-record.js';

/** Keeps one client's playbook as the definitions say: a few milliseconds of work, without the tables. */
export class PlaybookKeeper {
  private readonly record: PublishedRecord;
  private compiledFor: Position | undefined;

  constructor(
    private readonly parts: BuilderParts,
    private readonly clientId: string,
  ) {
    this.record = new PublishedRecord(parts.log, clientId, 'playbook');
  }

  async step(): Promise<void> {
    const { clientId, parts } = this;
    const { publication, metrics } = parts;
    const announced = await publication.current(clientId, 'playbook');
    await this.record.catchUp(announced);
    const { position, definitions } = parts.definitionsOf(clientId);
    if (definitions === undefined || position === null) return;
    // The definitions are being read again from the beginning: what is announced is newer.
    if (announced !== null && position < announced.position) return;
    const { playbook: requestedAt } = definitions.requestedAt;
    const requested = requestedAt !== null && (announced === null || requestedAt > announced.position);
    if (announced === null || requested || this.compiledFor !== definitions.changedAt) {
      const measured = metrics.begin('playbook', 'full');
      const image = playbookImage(compilePlaybook(definitions));
      if (requested || announced?.version !== versionOf(image).version || !(await this.canBeHad(announced))) {
        const now = await this.publish(image, position);
        this.compiledFor = definitions.changedAt;
        measured();
        if (requested || announced?.version !== now.version) await this.record.write(now);
        return;
      }
      this.compiledFor = definitions.changedAt;
    }
    metrics.announced(announced);
    if (position > announced.position) {
      await publication.progress(clientId, 'playbook', position);
      metrics.announced({ ...announced, position });
    }
  }

  /** Asked once by a builder that begins: what another one announced, and took with it when it went, is published again. */
  private async canBeHad(announced: Announcement): Promise<boolean> {
    if (this.compiledFor !== undefined) return true;
    try {
      await this.parts.publication.fetch(announced);
      return true;
    } catch (error) {
      if (error instanceof SnapshotMissing || error instanceof SnapshotCorrupt) return false;
      throw error;
    }
  }

  private async publish(image: Uint8Array, position: Position): Promise<Announcement> {
    const { publication, metrics, clock } = this.parts;
    const about = { clientId: this.clientId, kind: 'playbook' as const, customers: null, memberships: null };
    const announced = await publication.publish({ ...about, image, position, builtAt: clock().toISOString() });
    metrics.published(announced, 'full');
    return announced;
  }
}
