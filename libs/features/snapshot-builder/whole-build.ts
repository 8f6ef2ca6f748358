import type { Analytics } from '#libs/analytics';
import type { Position } from '#libs/event-log';
import type { ClientDefinitions } from '#libs/projections';
import type { AudienceBuilder } from '#libs/snapshots';
import type { Judging, Question } from './judging.js';

/** Whom events touched, or whose events were due, in a span of the log and of time. */
export interface Span {
  readonly after: Position;
  readonly upTo: Position;
  readonly dueAfter: Date;
  readonly dueUpTo: Date;
}

/**
 * A build of all customers, which increments do not wait for: whoever was touched while it went on is judged again before it is published, so that it
 * says no less than the increments that went out meanwhile, of which it has none.
 */
export class WholeBuild {
  private builder: AudienceBuilder | undefined;
  /** Judged up to here, as of then. */
  done: { readonly upTo: Position; readonly asOf: Date };
  private clearTo: Position;

  constructor(
    private readonly parts: { readonly analytics: Pick<Analytics, 'touched'>; readonly judging: Judging; readonly touchedMax: number },
    readonly definitions: ClientDefinitions,
    private readonly question: Question,
    position: Position,
  ) {
    this.done = { upTo: position, asOf: question.asOf };
    this.clearTo = position;
  }

  get asOf(): Date {
    return this.question.asOf;
  }

  async judgeAll(): Promise<void> {
    this.builder = await this.parts.judging.everyone(this.question);
  }

  /** Answers how many customers were judged again. */
  async judgeTouched(upTo: Position, asOf: Date): Promise<number> {
    let count = 0;
    const span = { after: this.done.upTo, upTo, dueAfter: this.done.asOf, dueUpTo: asOf };
    for await (const customerIds of touchedIn(this.parts, this.question, span)) {
      const changes = await this.parts.judging.again({ ...this.question, asOf }, this.built, customerIds);
      await this.built.amendInSlices(changes);
      count += customerIds.length;
    }
    this.done = { upTo, asOf };
    return count;
  }

  get built(): AudienceBuilder {
    if (this.builder === undefined) throw new Error('nobody has been judged yet');
    return this.builder;
  }

  /** What the log asks for is known up to there. */
  saw({ audienceChangedAt, requestedAt }: ClientDefinitions, position: Position): void {
    const asked = requestedAt.audience;
    // A request that the tables have not reached will be beyond what is said.
    const isSame = asked === this.definitions.requestedAt.audience || (asked !== null && position < asked);
    if (isSame && audienceChangedAt === this.definitions.audienceChangedAt && position > this.clearTo) this.clearTo = position;
  }

  /** Up to where it may be said to go: whatever else has been asked for since is not in it, nor what tables that went back meanwhile do not have yet. */
  get position(): Position {
    if (this.clearTo < this.done.upTo) return this.clearTo;
    return this.done.upTo;
  }
}

/** However many they are: in pieces of the span of which none has too many. */
async function* touchedIn(
  parts: { readonly analytics: Pick<Analytics, 'touched'>; readonly touchedMax: number },
  question: Question,
  span: Span,
): AsyncGenerator<readonly string[], void, undefined> {
  const { customerIds, more } = await parts.analytics.touched({
    clientId: question.scope.clientId,
    ...span,
    max: parts.touchedMax,
    judgedBy: question,
  });
  if (!more) {
    if (customerIds.length > 0) yield customerIds;
    return;
  }
  for (const half of halvesOf(span)) yield* touchedIn(parts, question, half);
}

/** First what was recorded is parted, with nothing due in all parts but the last; then the times at which something is due. */
function halvesOf(span: Span): readonly [Span, Span] {
  const positions = span.upTo - span.after;
  if (positions > 0n) {
    const middle = (span.after + (positions + 1n) / 2n) as Position;
    return [
      { ...span, upTo: middle, dueUpTo: span.dueAfter },
      { ...span, after: middle },
    ];
  }
  const [from, to] = [span.dueAfter.getTime(), span.dueUpTo.getTime()];
  if (to - from <= 1) throw new Error('more customers are due in one millisecond than can be judged at once');
  const middle = new Date(from + Math.floor((to - from) / 2));
  return [
    { ...span, dueUpTo: middle },
    { ...span, dueAfter: middle },
  ];
}
