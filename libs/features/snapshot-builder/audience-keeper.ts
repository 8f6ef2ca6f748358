import type { Position } from '#libs/event-log';
import { audienceSegmentIds, type ClientDefinitions, scopeOf, segmentCriteria } from '#libs/projections';
import {
  type Announcement,
  type AudienceBuilder,
  type AudienceImage,
  encodeIncrementInSlices,
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
import { type Begun, type CatchingUp, greater, type Judged, type Sight, type Standing, smaller, type Why } from './sight.js';
import { WholeBuild } from './whole-build.js';

/** An increment of as many takes 4 MiB and is taken in by nodes in slices: docs/adr/0010 has the figures. */
export const touchedMaxDefault = 450_000;
/** A full build that nobody asked for (many customers touched) takes at most this share of the time. */
const unaskedShare = 0.2;
/** Increments on one image: each is a file and a round trip to those who start anew. */
const sequenceMax = 5_000;
/** Nodes take twice as many: those of the version before, too. */
const overlayChangedMax = overlayCustomersMax / 2;
/** Of a whole build: while increments go on, until no more than so many are to be judged again, and no more often. */
const touchedAtEndMax = 2_000;
const roundsMax = 5;

/**
 * Keeps one client's audience: whole builds at their interval and when they are due (`build`), increments in between and beside them (`step`). One step at
 * a time, and one build.
 */
export class AudienceKeeper {
  private readonly judging: Judging;
  private readonly record: PublishedRecord;
  private standing: Standing | undefined;
  private judged: Judged | undefined;
  /** Time of the image that can take no more increments. */
  private full: string | undefined;
  private building: WholeBuild | undefined;
  private unasked: Why | undefined;
  private told: string | undefined;
  private unaskedNotBefore = 0;
  private criteria: { readonly of: ClientDefinitions; readonly question: Omit<Question, 'asOf'> } | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly parts: BuilderParts,
    private readonly clientId: string,
    private readonly overlays: KeptOverlays,
  ) {
    this.judging = new Judging(parts.analytics, parts.hash);
    this.record = new PublishedRecord(parts.log, clientId, 'audience');
  }

  /** Publishes what changed as an increment. True: a whole build is due, `build` makes it. */
  step(): Promise<boolean> {
    return this.alone(() => this.keep());
  }

  /** Builds everything anew if that is due; steps may be made meanwhile. */
  async build(): Promise<void> {
    const begun = await this.alone(() => this.begin());
    if (begun === undefined) return;
    try {
      await begun.building.judgeAll();
      for (let round = 0; round < roundsMax; round += 1) {
        const sight = await this.look();
        if (sight === undefined || (await begun.building.judgeTouched(sight.position, this.parts.clock())) <= touchedAtEndMax) break;
      }
      await this.alone(() => this.finish(begun));
    } finally {
      this.building = undefined;
    }
  }

  private alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    // Whoever called is told of the failure; the next one begins all the same.
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async keep(): Promise<boolean> {
    const sight = await this.lookAndRecord();
    if (sight === undefined) return false;
    const { announced, definitions, position } = sight;
    const why = this.whyWhole(sight);
    if (announced === null) return true;
    // Until it is built, increments go on by what the announced image was made by, and no announcement goes beyond where something else was asked for.
    const isOther = why === 'definitions' || why === 'requested';
    if (isOther && !(this.stands(announced) && this.hasTold(definitions))) return true;
    const { version, builtAt } = announced;
    if (!isOther) this.standing = { version, builtAt, definitions, clearTo: position };
    const standing = this.standing!;
    const overlay = await this.overlayOf(announced);
    if (overlay === undefined || overlay.segmentIds.join() !== this.questionOf(standing.definitions).segmentIds.join()) {
      this.unasked = 'definitions';
      return true;
    }
    this.parts.metrics.announced(announced);
    const unasked = await this.catchUp({ sight, announced, overlay, standing });
    if (unasked === undefined || this.building !== undefined || this.parts.clock().getTime() < this.unaskedNotBefore)
      return why !== undefined;
    this.unasked = unasked;
    return true;
  }

  /** Positions are read before any question is asked, so that what is said to be in an audience is. Undefined: not yet. */
  private async look(): Promise<Sight | undefined> {
    const { clientId, parts } = this;
    const announced = await parts.publication.current(clientId, 'audience');
    const projectedTo = await parts.analytics.projectedTo();
    const { position: definedTo, definitions } = parts.definitionsOf(clientId);
    if (definitions === undefined || definedTo === null || projectedTo === null) return undefined;
    const position = smaller(definedTo, projectedTo);
    // Tables that went back are being rebuilt: an audience from them would miss what nodes already answer by.
    const behind = announced !== null && position < announced.position;
    parts.metrics.waiting(clientId, behind);
    if (behind) return undefined;
    this.building?.saw(definitions, position);
    return { announced, definitions, position };
  }

  /** Also writes what is still owed to the log. */
  private async lookAndRecord(): Promise<Sight | undefined> {
    await this.record.catchUp(await this.parts.publication.current(this.clientId, 'audience'));
    return this.look();
  }

  /** Whether a step has said before that these are to be built: the first one leaves the increments to the next, so that the build begins at once. */
  private hasTold({ audienceChangedAt, requestedAt }: ClientDefinitions): boolean {
    const asked = `${audienceChangedAt}.${requestedAt.audience}`;
    if (this.told === asked) return true;
    this.told = asked;
    return false;
  }

  /** Whether it is known what the announced image was made by: another builder's is not. */
  private stands({ version, builtAt }: Announcement): boolean {
    return this.standing?.version === version && this.standing.builtAt === builtAt;
  }

  private whyWhole({ announced, definitions, position }: Sight): Why | undefined {
    if (announced === null) return 'first';
    const { audienceChangedAt, requestedAt, client } = definitions;
    const isOther = this.stands(announced)
      ? this.standing?.definitions.audienceChangedAt !== audienceChangedAt
      : announced.position < audienceChangedAt;
    if (isOther) return 'definitions';
    const requested = requestedAt.audience;
    if (requested !== null && requested > announced.position && position >= requested) return 'requested';
    if (this.parts.clock().getTime() - Date.parse(announced.builtAt) >= client.snapshotIntervalSeconds * 1000) return 'interval';
    return announced.increment >= sequenceMax ? 'increments' : undefined;
  }

  /** Judges again who was touched since, and whose events of the future are due since; says at least that nothing changed. Answers why it cannot. */
  private async catchUp({ sight, announced, overlay, standing }: CatchingUp): Promise<Why | undefined> {
    const { clientId, parts } = this;
    const { builtAt } = announced;
    if (this.full === builtAt) return 'increments';
    const measured = parts.metrics.begin('audience', 'increment');
    const { touchedMax = touchedMaxDefault } = parts.options;
    const judged = this.judged?.builtAt === builtAt ? this.judged : { upTo: announced.position, asOf: new Date(builtAt) };
    // Before the question, and the same for the judgement: what becomes due in between is in the next span.
    const asOf = parts.clock();
    const span = { after: greater(announced.position, judged.upTo), upTo: sight.position, dueAfter: judged.asOf, dueUpTo: asOf };
    const question = { ...this.questionOf(standing.definitions), asOf };
    const touched = await parts.analytics.touched({ clientId, ...span, max: touchedMax, judgedBy: question });
    if (touched.more) return 'touched';
    const changes = touched.customerIds.length === 0 ? [] : await this.judging.again(question, overlay, touched.customerIds);
    const position = greater(announced.position, smaller(sight.position, standing.clearTo));
    if (changes.length === 0) {
      this.judged = { builtAt, upTo: sight.position, asOf };
      if (position === announced.position) return undefined;
      await parts.publication.progress(clientId, 'audience', position);
      parts.metrics.announced({ ...announced, position });
      return undefined;
    }
    if (overlay.changed + changes.length > overlayChangedMax) {
      this.full = builtAt;
      return 'increments';
    }
    const place = { base: announced.version, sequence: overlay.sequence + 1 };
    let bytes: Uint8Array;
    try {
      bytes = await encodeIncrementInSlices({ ...place, segments: question.segmentIds.length }, changes);
    } catch (error) {
      if (!(error instanceof SnapshotTooLarge)) throw error;
      // The next step would judge as many again, and find as much.
      this.full = builtAt;
      return 'touched';
    }
    await parts.publication.publishIncrement({ clientId, ...place, position, builtAt: asOf.toISOString(), bytes });
    await overlay.applyInSlices(bytes);
    this.overlays.put(clientId, overlay, announced.bytes);
    this.judged = { builtAt, upTo: sight.position, asOf };
    measured();
    if (touched.first !== null) await this.measureFreshness(touched.first);
    parts.metrics.published({ ...announced, increment: place.sequence, position }, 'increment');
    return undefined;
  }

  private async measureFreshness(first: Position): Promise<void> {
    const { parts, clientId } = this;
    const earliest = await parts.log.readAt(first);
    if (earliest !== undefined) parts.metrics.fresh(clientId, earliest.recordedAt, parts.clock());
  }

  private async begin(): Promise<Begun | undefined> {
    const sight = await this.lookAndRecord();
    if (sight === undefined) return undefined;
    const { announced, definitions, position } = sight;
    if ((this.whyWhole(sight) ?? this.unasked) === undefined) return undefined;
    const measured = this.parts.metrics.begin('audience', 'full');
    const { analytics, clock, options } = this.parts;
    const question = { ...this.questionOf(definitions), asOf: clock() };
    const parts = { analytics, judging: this.judging, touchedMax: options.touchedMax ?? touchedMaxDefault };
    this.building = new WholeBuild(parts, definitions, question, position);
    const requested = definitions.requestedAt.audience;
    const isRequested = requested !== null && announced !== null && requested > announced.position && requested <= position;
    return { building: this.building, isRequested, measured };
  }

  /** Few are to be judged again now; a step that is due waits for that, and for the image. */
  private async finish({ building, isRequested, measured }: Begun): Promise<void> {
    const { clientId, parts } = this;
    const sight = await this.look();
    // What was built is thrown away: there is no saying what the tables had.
    if (sight === undefined) return;
    await building.judgeTouched(sight.position, parts.clock());
    const { announced } = sight;
    const { bytes, customers, memberships } = await this.imageOf(building.built, announced, building.asOf);
    const about = { clientId, kind: 'audience' as const, customers, memberships };
    const { position, definitions } = building;
    const now = await parts.publication.publish({ ...about, image: bytes, position, builtAt: building.asOf.toISOString() });
    measured();
    parts.metrics.published(now, 'full');
    const ended = parts.clock().getTime();
    this.unaskedNotBefore = ended + (ended - building.asOf.getTime()) * (1 / unaskedShare - 1);
    this.unasked = undefined;
    this.standing = { version: now.version, builtAt: now.builtAt, definitions, clearTo: position };
    this.judged = { builtAt: now.builtAt, ...building.done };
    this.overlays.put(clientId, await Overlay.inSlices(await loadAudience(bytes), now.version), bytes.length);
    if (isRequested || now.version !== announced?.version) await this.record.write(now);
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
          : await Overlay.inSlices(await loadAudience(await parts.publication.fetch(announced)), announced.version);
      if (overlay.sequence < announced.increment) {
        const missing = await parts.publication.increments(clientId, announced.version, overlay.sequence);
        for (const { bytes } of missing) await overlay.applyInSlices(bytes);
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
  private questionOf(definitions: ClientDefinitions): Omit<Question, 'asOf'> {
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
