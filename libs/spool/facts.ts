import type { JsonObject, Position } from '#libs/event-log';

/** A fact on its way to the log: it goes to the stream `<category>-<clientId>.<node>.<day>`, in the order in which it was put. */
export interface SpooledFact {
  readonly category: 'served' | 'behaviour';
  readonly clientId: string;
  /** The event's type, such as `ContentServed`. */
  readonly type: string;
  readonly data: JsonObject;
  /** Written into the event's metadata beside the schema version, the client, the node and the actor; `importId` for imports. */
  readonly metadata?: JsonObject;
}

/** A fact whose data, and metadata if any, stand as JSON already, each the text of one object: whoever makes it answers for that. */
export interface WrittenFact extends Omit<SpooledFact, 'data' | 'metadata'> {
  readonly dataJson: string;
  readonly metadataJson?: string;
}

/** The disk queue in front of the log, with the forwarder that empties it into the log. */
export interface FactQueue {
  /**
   * Puts facts on the disk; when it has returned they survive `kill -9` and power loss, and will be in the log once, and in order.
   * @throws SpoolFull past `VITRINE_SPOOL_BYTES_MAX` (nothing of the call was taken).
   */
  put(facts: readonly SpooledFact[]): Promise<SpoolReceipt>;
  /** For the content query: takes the fact into a bounded memory queue and returns at once; false when the queue is full (counted as dropped). It reaches the disk with the next flush. */
  offer(fact: SpooledFact): boolean;
  /** Resolves when all that was put or offered before is in the log, with the log's position of the newest. */
  drained(): Promise<Position | null>;
  readonly status: {
    readonly queued: number;
    readonly spooledBytes: number;
    readonly spooledBytesMax: number;
    readonly dropped: number;
    readonly forwarded: number;
    readonly logAvailable: boolean;
  };
  /** Flushes the memory queue to the disk, ends the forwarder after the append under way. What is spooled stays. */
  close(): Promise<void>;
}

export interface SpoolReceipt {
  /** Resolves when these facts are in the log, with the position of the last of them. */
  appended(): Promise<Position>;
}

export class SpoolFull extends Error {
  readonly code = 'SPOOL_FULL';
}
