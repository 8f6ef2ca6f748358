import { type AppendResult as ServerAnswer } from '@eventstore/db-client';
import { type AppendResult, EventLogUnavailable, type Position } from '../event-log.js';
import { type Connection } from './connection.js';
import { isOfType, isRefusal } from './failures.js';
import { onePosition } from './stored.js';
import { type Tail } from './tail.js';

/** Beyond every position: 64-bit fields say -1 as more than this. */
const positionEnd = 2n ** 63n;

/**
 * The position of an append's last event. The server's answer has two numbers, which for several events need not be equal (the first event's
 * and the last's), and what it says for an append that was there already is written down nowhere. So the answer is taken only where it has been
 * seen to be right and the append is surely new; otherwise the event itself is read.
 */
export class AppendPositions {
  /** Newest position known to exist; undefined until the log's end has been asked for. */
  private newest: bigint | undefined;
  /** Whether the answer's commit position is the last event's, for one event and for several: absent until one was compared. */
  private readonly isCommitLast = new Map<'one' | 'several', boolean>();
  /** Streams with an append of which nobody knows whether it was written. */
  private readonly uncertain = new Set<string>();

  constructor(
    private readonly connection: Connection,
    private readonly tail: Tail,
  ) {}

  /** Appends, and finds the position. @throws what the client throws. */
  async append(stream: string, count: 'one' | 'several', append: () => Promise<ServerAnswer>): Promise<AppendResult> {
    this.newest ??= (await this.tail.now()) ?? -1n;
    // Whatever is written from now on lies beyond this.
    const before = this.newest;
    const { position: said, nextExpectedRevision } = await append().catch((error: unknown) => {
      if (!isRefusal(error)) this.uncertain.add(stream);
      throw error;
    });
    const isNew =
      said !== undefined &&
      said.prepare > before &&
      said.commit >= said.prepare &&
      said.commit < positionEnd &&
      !this.uncertain.has(stream);
    const position = isNew && this.isCommitLast.get(count) ? said.commit : await this.read(stream, nextExpectedRevision);
    if (isNew && position !== undefined) this.isCommitLast.set(count, (this.isCommitLast.get(count) ?? true) && said.commit === position);
    if (position !== undefined) this.uncertain.delete(stream);
    // A stream that was deleted is readable again only a moment after its next append.
    const found = position ?? said?.commit;
    if (found === undefined) throw new EventLogUnavailable(`${this.connection.name} did not say where it wrote to ${stream}`);
    if (found > this.newest) this.newest = found;
    return { revision: nextExpectedRevision, position: found as Position };
  }

  private async read(stream: string, revision: bigint): Promise<Position | undefined> {
    const { answerMsMax, name } = this.connection;
    const reading = { isBackwards: false, fromRevision: revision, maxCount: 1 };
    try {
      const pull = await this.connection.begin(() => this.connection.readStream(stream, reading));
      try {
        const event = (await pull.next(answerMsMax, name))?.event;
        return event?.revision === revision && event.position ? onePosition(event.position) : undefined;
      } finally {
        pull.close();
      }
    } catch (error) {
      if (isOfType(error, 'stream-not-found')) return undefined;
      throw error;
    }
  }
}
