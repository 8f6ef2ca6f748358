import { type ResolvedEvent } from '@eventstore/db-client';
import { type Position } from '../event-log.js';
import { type Connection } from './connection.js';
import { isSystem, type ServerPosition } from './stored.js';

const pageMax = 1_000;

/** Where the log ends, for everybody who wants to know it: the newest event that is not the server's own. */
export class Tail {
  /** The newest found, and the newest record of any kind at that time: nothing of ours lies between. */
  private known: { readonly position: Position | null; readonly through: bigint } | undefined;
  private latest: { readonly askedMs: number; readonly answer: Promise<Position | null> } | undefined;

  constructor(private readonly connection: Connection) {}

  /** As of a moment after the call. @throws what the client throws. */
  now(): Promise<Position | null> {
    const answer = this.connection.ask(() => this.find());
    this.latest = { askedMs: performance.now(), answer };
    // Who asked gets the error; the kept promise must not be unhandled when nobody else comes.
    answer.catch(() => undefined);
    return answer;
  }

  /** As of at most so long ago; one question for all who ask at about the same time. */
  recent(ageMsMax: number): Promise<Position | null> {
    return this.latest && performance.now() - this.latest.askedMs <= ageMsMax ? this.latest.answer : this.now();
  }

  /** Pages backwards over the server's own records, which can be many: statistics, links of projections. */
  private async find(): Promise<Position | null> {
    let from: ServerPosition | 'end' = 'end';
    let through: bigint | undefined;
    for (let page = 1; ; page = Math.min(page * 32, pageMax)) {
      const records = await this.page(from, page);
      for (const { event } of records) {
        if (!event?.position) continue;
        through ??= event.position.commit;
        if (this.known && event.position.commit <= this.known.through) return this.keep(this.known.position, through);
        // Another program's old transaction may end the log; its commit is where the log has gone to.
        if (!isSystem(event)) return this.keep(event.position.commit as Position, through);
        from = event.position;
      }
      if (records.length < page) return this.keep(null, through ?? 0n);
    }
  }

  private keep(position: Position | null, through: bigint): Position | null {
    this.known = { position, through };
    return position;
  }

  private async page(from: ServerPosition | 'end', maxCount: number): Promise<ResolvedEvent[]> {
    const pull = this.connection.readAll(from, 'backwards', maxCount);
    const { answerMsMax, name } = this.connection;
    try {
      const records: ResolvedEvent[] = [];
      for (let next = await pull.next(answerMsMax, name); next; next = await pull.next(answerMsMax, name)) records.push(next);
      return records;
    } finally {
      pull.close();
    }
  }
}
