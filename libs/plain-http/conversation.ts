import type { ReadBytes } from './read-bytes.js';

/** More bytes are needed. */
export const incomplete = -1;
/** Not what is known here: another's, or Node's own parser's. */
export const unrecognised = -2;

/** Answers one kind of request, on all connections of a server. */
export interface Recogniser {
  /** A connection begins. */
  begin(reply: Reply): Conversation;
}

/** One connection, as one recogniser sees it. */
export interface Conversation {
  /**
   * The index behind the request that begins at `from`, which is answered then; or `incomplete`, `unrecognised`, and nothing was done. What is not
   * recognised is asked of the next recogniser; what none recognises is the HTTP server's. Bytes hold until `read` returns.
   */
  read(input: ReadBytes, from: number): number;
  /**
   * To what was read last: the whole response, which holds until the next `read`. Undefined: it comes by `reply`; until then nothing more is asked of the
   * connection.
   */
  readonly response: Buffer | undefined;
  /** After `incomplete`: the bytes of the whole request; 0 where that is not known yet. */
  readonly needs: number;
  /** The response's buffer is still being sent: it is not written again. */
  surrender(): void;
}

/** How a response is given that is not there when its request has been read. */
export interface Reply {
  /** The server has begun to close: a response says `Connection: close`. */
  readonly isLast: boolean;
  /** Once for each such request, on a later turn. The bytes stay as they are. To a connection that is gone nothing is said. */
  give(response: Buffer): void;
}
