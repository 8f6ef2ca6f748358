import type { Position } from '#libs/event-log';
import { audienceSegmentIds, type ClientDefinitions, scopeOf, segmentCriteria } from '#libs/projections';
import {
  type Announcement,
  type AudienceBuilder,
  type AudienceImage,
  encodeIncrement,
  loadAudience,
  Overlay,
  overlayCustomersMax,
  SnapshotCorrupt,
  SnapshotMissing,
  SnapshotTooLarge,
  versionOf,
} from '#libs/snapshots';
import type { BuilderParts } from './builder-parts.js';
import { Judging, type Question } from './judging.js';
import type { KeptOverlays } from './kept-overlays.js';
import { PublishedRecord } from './published-record.js';

export const touchedMaxDefault = 10_000;
/** A full build that nobody asked for (many customers touched) takes at most this share of the time. */
const unaskedShare = 0.2;
/** Increments on one image: each is a file and a round trip to those who start anew. */
const sequenceMax = 5_000;

/** Why the audience is built whole. */
type Why = 'first' | 'definitions' | 'requested' | 'interval' | 'touched' | 'increments';

/** What one step sees: the definitions and the tables hold all of the log up to `position`. */
interface Sight {
  readonly announced: Announcement | null;
  readonly definitions: ClientDefinitions;
  readonly position: Position;
}

/** Keeps one client's audience: whole builds at their interval and when they are due, increments in between. One step at a time. */
export class AudienceKeeper {
  private readonly judging: Judging;
  private readonly record: PublishedRecord;
  /** The change of the definitions that the announced audience is known to have been built after. */
  private builtFor: Position | undefined;
  private unaskedNotBefore = 0;
  /** As of when the last judgement was, and the image (by its time) on which it was. */
  private judged: { readonly builtAt: string; readonly asOf: Date } | undefined;
  private criteria: { readonly of: ClientDefinitions; readonly question: Omit<Question, 'asOf'> } | undefined;

  constructor(
    private readonly parts: BuilderParts,
    private readonly clientId: string,
    private readonly overlays: KeptOverlays,
  ) {
    this.judging = new Judging(parts.analytics, parts.hash);
    this.record = new PublishedRecord(parts.log, clientId, 'audience');
  }

  async step(): Promise<void> {
    const sight = await this.look();
    if (sight === undefined) return;
    const why = this.whyWhole(sight);
    if (why !== undefined) return this.buildWhole(sight, why);
    const announced = sight.announced!;
    const overlay = await this.overlayOf(announced);
    if (overlay === undefined || overlay.segmentIds.join() !== this.questionOf(sight).segmentIds.join())
      return this.buildWhole(sight, 'definitions');
    this.builtFor = sight.definitions.audienceChangedAt;
    this.parts.metrics.announced(announced);
    await this.catchUp(sight, announced, overlay);
  }

  /** Positions are read before any question is asked, so that what is said to be in an audience is. Undefined: not yet. */
  private async look(): Promise<Sight | undefined> {
    const { clientId, parts } = this;
    const announced = await parts.publication.current(clientId, 'audience');
    await this.record.catchUp(announced);
    const projectedTo = await parts.analytics.projectedTo();
    const { position: definedTo, definitions } = parts.definitionsOf(clientId);
    if (definitions === undefined || definedTo === null || projectedTo === null) return undefined;
    const position = smaller(definedTo, projectedTo);
    // Tables that went back are being rebuilt: an audience from them would miss what nodes already answer by.
    const behind = announced !== null && position < announced.position;
    parts.metrics.waiting(clientId, behind);
    return behind ? undefined : { announced, definitions, position };
  }

  private whyWhole({ announced, definitions, position }: Sight): Why | undefined {
    if (announced === null) return 'first';
    const { audienceChangedAt, requestedAt, client } = definitions;
    if (this.builtFor === undefined ? announced.position < audienceChangedAt : this.builtFor !== audienceChangedAt) return 'definitions';
    const requested = requestedAt.audience;
    if (requested !== null && requested > announced.position && position >= requested) return 'requested';
    if (this.parts.clock().getTime() - Date.parse(announced.builtAt) >= client.snapshotIntervalSeconds * 1000) return 'interval';
    return announced.increment >= sequenceMax ? 'increments' : undefined;
  }

  /** Judges again who was touched since, and whose events of the future are due since; says at least that nothing changed. */
  private async catchUp(sight: Sight, announced: Announcement, overlay: Overlay): Promise<void> {
    const { clientId, parts } = this;
    const measured = parts.metrics.begin('audience', 'increment');
    const { touchedMax = touchedMaxDefault } = parts.options;
    const { builtAt } = announced;
    const dueAfter = this.judged?.builtAt === builtAt ? this.judged.asOf : new Date(builtAt);
    // Before the question, and the same for the judgement: what becomes due in between is in the next span.
    const asOf = parts.clock();
    const span = { after: announced.position, upTo: sight.position, dueAfter, dueUpTo: asOf };
    const touched = await parts.analytics.touched({ clientId, ...span, max: touchedMax });
    if (touched.more) return this.buildUnasked(sight, 'touched');
    if (overlay.changed + touched.customerIds.length > overlayCustomersMax / 2) return this.buildUnasked(sight, 'increments');
    const question = { ...this.questionOf(sight), asOf };
    const changes = touched.customerIds.length === 0 ? [] : await this.judging.again(question, overlay, touched.customerIds);
    if (changes.length === 0) {
      this.judged = { builtAt, asOf };
      if (sight.position === announced.position) return;
      await parts.publication.progress(clientId, 'audience', sight.position);
      parts.metrics.announced({ ...announced, position: sight.position });
      return;
    }
    const place = { base: announced.version, sequence: overlay.sequence + 1 };
    let bytes: Uint8Array;
    try {
      bytes = encodeIncrement({ ...place, segments: question.segmentIds.length }, changes);
    } catch (error) {
      if (error instanceof SnapshotTooLarge) return this.buildUnasked(sight, 'touched');
      throw error;
    }
    const increment = { clientId, ...place, position: sight.position, builtAt: asOf.toISOString(), bytes };
    await parts.publication.publishIncrement(increment);
    overlay.apply(bytes);
    this.judged = { builtAt, asOf };
    measured();
    if (touched.first !== null) await this.measureFreshness(touched.first);
    parts.metrics.published({ ...announced, increment: place.sequence, position: sight.position }, 'increment');
  }

  private async measureFreshness(first: Position): Promise<void> {
    const { parts, clientId } = this;
    const earliest = await parts.log.readAt(first);
    if (earliest !== undefined) parts.metrics.fresh(clientId, earliest.recordedAt, parts.clock());
  }

  private async buildUnasked(sight: Sight, why: Why): Promise<void> {
    if (this.parts.clock().getTime() >= this.unaskedNotBefore) await this.buildWhole(sight, why);
  }

  private async buildWhole(sight: Sight, why: Why): Promise<void> {
    const { clientId, parts } = this;
    const { announced, definitions, position } = sight;
    const measured = parts.metrics.begin('audience', 'full');
    const asOf = parts.clock();
    const builder = await this.judging.everyone({ ...this.questionOf(sight), asOf });
    const { bytes, customers, memberships } = await this.imageOf(builder, announced, asOf);
    const about = { clientId, kind: 'audience' as const, customers, memberships };
    const now = await parts.publication.publish({ ...about, image: bytes, position, builtAt: asOf.toISOString() });
    measured();
    parts.metrics.published(now, 'full');
    const ended = parts.clock().getTime();
    this.unaskedNotBefore = ended + (ended - asOf.getTime()) * (1 / unaskedShare - 1);
    this.builtFor = definitions.audienceChangedAt;
    this.judged = { builtAt: now.builtAt, asOf };
    this.overlays.put(clientId, new Overlay(await loadAudience(bytes), now.version), bytes.length);
    if (why === 'requested' || now.version !== announced?.version) await this.record.write(now);
  }

  /**
   * The same content as before is the same version: it has the edition of what is announced. Where nothing is, nodes may have kept increments of a
   * publication that is gone, and where the version has increments already, it would come back with them: there the edition is a new one.
   */
  private async imageOf(builder: AudienceBuilder, announced: Announcement | null, asOf: Date): Promise<AudienceImage> {
    const before = announced === null ? undefined : await this.overlayOf(announced);
    if (before !== undefined) {
      const image = await builder.imageInSlices(before.base.edition);
      if (!(await this.hasIncrements(announced, versionOf(image.bytes).version))) return image;
    }
    return builder.imageInSlices(Math.max(asOf.getTime(), (before?.base.edition ?? 0) + 1));
  }

  private async hasIncrements(announced: Announcement | null, version: string): Promise<boolean> {
    if (announced?.version === version) return announced.increment > 0;
    return (await this.parts.publication.increments(this.clientId, version, 0)).length > 0;
  }

  /** The announced audience, from memory or fetched. Undefined when it cannot be had: then it is built again. */
  private async overlayOf(announced: Announcement): Promise<Overlay | undefined> {
    const { clientId, parts } = this;
    const kept = this.overlays.get(clientId);
    try {
      const overlay =
        kept?.baseVersion === announced.version && kept.sequence <= announced.increment
          ? kept
          : new Overlay(await loadAudience(await parts.publication.fetch(announced)), announced.version);
      if (overlay.sequence < announced.increment) {
        for (const { bytes } of await parts.publication.increments(clientId, announced.version, overlay.sequence)) overlay.apply(bytes);
      }
      this.overlays.put(clientId, overlay, announced.bytes);
      return overlay.sequence === announced.increment ? overlay : undefined;
    } catch (error) {
      if (!(error instanceof SnapshotCorrupt || error instanceof SnapshotMissing)) throw error;
      parts.report(`the announced audience of ${clientId} cannot be read and is built again`, error);
      return undefined;
    }
  }

  /** What the definitions ask; the same object for as long as they are the same. */
  private questionOf({ definitions }: Sight): Omit<Question, 'asOf'> {
    if (this.criteria?.of !== definitions) {
      const question = {
        scope: scopeOf(definitions.client),
        segments: segmentCriteria(definitions),
        segmentIds: audienceSegmentIds(definitions),
      };
      this.criteria = { of: definitions, question };
    }
    return this.criteria.question;
  }
}

function smaller(a: Position, b: Position): Position {
  if (a < b) return a;
  return b;
}
