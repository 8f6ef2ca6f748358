import { setTimeout as delay } from 'node:timers/promises';
import { EventLogUnavailable, type LogFilter, type LogMessage, type Position, type RecordedEvent } from '../event-log.js';
import { type Connection, Mark } from './connection.js';
import { EventLogRefused, failureOf, isOfType } from './failures.js';
import { matcherOf, recordedEvent } from './stored.js';
import { type Tail } from './tail.js';

export interface Following {
  readonly connection: Connection;
  readonly tail: Tail;
  readonly progressMs: number;
  /** Without a server for so long it ends with an error: the caller's to know of, who begins again from its own position. */
  readonly outageMsMax: number;
  readonly after: Position | null;
  readonly filter: LogFilter | undefined;
  readonly batchMax: number;
  /** Ends it without an error. */
  readonly stop: AbortSignal;
}

interface Progress {
  /** Everything up to here has been said or does not match. */
  position: Position | null;
  /** What the last `caughtUp` said. */
  said: Position | null | undefined;
  /** When the server last said something, by `performance.now()`. */
  healthyMs: number;
}

const backOffMsMin = 50;
const backOffMsMax = 1_000;

/**
 * A subscription that outlives the server's restarts and changes of leader: the client ends one with an error and does not resume, so it is
 * made again from where we are. @throws EventLogUnavailable after `outageMsMax` without a server, EventLogRefused at once.
 */
export async function* follow(following: Following): AsyncGenerator<LogMessage> {
  const { connection, stop } = following;
  const progress: Progress = { position: following.after, said: undefined, healthyMs: performance.now() };
  let backOffMs = backOffMsMin;
  while (!stop.aborted) {
    const { healthyMs } = progress;
    try {
      yield* listen(following, progress);
    } catch (error) {
      if (stop.aborted) return;
      const failure = failureOf(error, connection.name);
      if (!(failure instanceof EventLogUnavailable) || failure instanceof EventLogRefused) throw failure;
      if (performance.now() - progress.healthyMs > following.outageMsMax) throw failure;
      backOffMs = progress.healthyMs > healthyMs || isOfType(error, 'not-leader') ? backOffMsMin : Math.min(backOffMs * 2, backOffMsMax);
      // Only the signal ends the pause early, and the loop asks it.
      await delay(backOffMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}

/**
 * One subscription at the server; returns when it is to be made anew. The server says that a subscription has caught up, but not where, and of
 * events that do not match only how far it is every 1,024: so the log's end is asked for *before* subscribing – `caughtUp` covers it – and when
 * the log has gone on while there was nothing to say, the subscription is made anew from where it is.
 */
async function* listen(following: Following, progress: Progress): AsyncGenerator<LogMessage> {
  const { connection, tail, progressMs, filter, batchMax, stop } = following;
  const end = await unlessStopped(tail.now(), stop);
  if (end === undefined) return;
  const matches = matcherOf(filter);
  const pull = connection.subscribe(progress.position, filter);
  let isLive = false;
  try {
    while (!stop.aborted) {
      const events: RecordedEvent[] = [];
      while (events.length < batchMax) {
        const said = pull.take();
        if (said === undefined) break;
        progress.healthyMs = performance.now();
        if (said instanceof Mark) {
          isLive ||= said.kind === 'caughtUp';
          advance(progress, said.kind === 'caughtUp' ? end : checkpoint(said));
          continue;
        }
        const recorded = recordedEvent(said);
        if (recorded && matches(recorded)) events.push(recorded);
        if (recorded) advance(progress, recorded.position);
      }
      if (events.length > 0) yield { kind: 'events', events };
      if (events.length === batchMax) continue;
      if (isLive && progress.said !== progress.position) {
        progress.said = progress.position;
        yield { kind: 'caughtUp', position: progress.position };
      }
      const woken = await pull.wait(isLive ? progressMs : connection.answerMsMax, stop);
      if (pull.hasEnded) throw new EventLogUnavailable(`${connection.name} ended a subscription`);
      if (woken || stop.aborted) continue;
      if (!isLive) throw new EventLogUnavailable(`${connection.name} said nothing for ${connection.answerMsMax} ms`);
      progress.healthyMs = performance.now();
      const now = await unlessStopped(tail.recent(progressMs / 2), stop);
      if (now === undefined || (now !== null && (progress.position === null || now > progress.position))) return;
    }
  } finally {
    pull.close();
  }
}

/** Undefined as soon as the signal says so: a silent server must not hold up who wants to end. */
async function unlessStopped<Answer>(answer: Promise<Answer>, stop: AbortSignal): Promise<Answer | undefined> {
  if (stop.aborted) return undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    stop.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([answer, stopped]);
  } finally {
    if (onAbort) stop.removeEventListener('abort', onAbort);
  }
}

/** A checkpoint is a hint, taken in its place among the events; of an old transaction (two numbers) it says nothing that we could keep. */
function checkpoint({ position }: Mark): Position | null {
  return position && position.commit === position.prepare ? (position.commit as Position) : null;
}

function advance(progress: Progress, position: Position | null): void {
  if (position !== null && (progress.position === null || position > progress.position)) progress.position = position;
}
