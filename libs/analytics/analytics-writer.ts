import type { Position } from '#libs/event-log';
import type { FirstRecorded, Rows } from '#libs/projections';

/** An event that could not become rows: what it was, where it stands and why. The event itself stays in the log. */
export interface DeadLetter {
  readonly position: Position;
  readonly eventId: string;
  readonly clientId: string;
  readonly stream: string;
  readonly type: string;
  /** One line. */
  readonly reason: string;
}

/**
 * One set of tables as the projector writes them. Everything here may be done twice: rows and dead letters are known by their log position.
 * @throws AnalyticsUnavailable from every verb: try again.
 */
export interface AnalyticsWriter {
  /** Everything in the log up to here is in the tables; null: nothing yet. */
  checkpoint(): Promise<Position | null>;
  /** Answers for these message keys of each client, from the tables. */
  firstRecorded(keys: ReadonlyMap<string, readonly string[]>): Promise<FirstRecorded>;
  /** Inserts the rows, and only when all are acknowledged moves the checkpoint to `upTo`. @throws RowsRefused */
  write(rows: Rows, upTo: Position): Promise<void>;
  deadLetters(letters: readonly DeadLetter[]): Promise<void>;
  /**
   * Makes the customers' states anew of those whom the rows written touched, client by client, where it is due: answers do not depend on it, only how
   * fast they come. `all`: also where little was written. It may go on beside `write`, and may be cut short: the signal ends it within seconds,
   * where all rows of a large client take minutes. @throws also the signal's reason.
   */
  refreshStates(which?: 'due' | 'all', signal?: AbortSignal): Promise<void>;
}

/** The tables that are read, and those that a rebuild fills beside them. */
export interface ProjectionTables {
  /** The tables that are read, brought to the newest version of their schema. */
  live(): Promise<AnalyticsWriter>;
  /** Empty tables beside the live ones; what an unfinished rebuild left there is dropped. */
  beside(): Promise<AnalyticsWriter>;
  /**
   * Puts each table from beside into the place of the live one (each in one step, the checkpoint last) and drops the old ones.
   * When it was cut short, a rebuild from its beginning puts everything in order. Before that the customers' states are made in the new tables, which may
   * take minutes: the signal ends it within seconds. `mayGoOn` is asked before each step. False: it may not, and the rest is as it was.
   * @throws also the signal's reason.
   */
  exchange(mayGoOn: () => boolean, signal?: AbortSignal): Promise<boolean>;
  /** Closes what it opened itself. */
  close(): Promise<void>;
}

/** The tables take one of these rows never (a number too large, a text that is no time); the others are wanted without it. */
export class RowsRefused extends Error {
  readonly code = 'ROWS_REFUSED';
}
