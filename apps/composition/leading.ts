import type { ProcessFrame } from './frame.js';
import { leadershipOf } from './ports.js';

/**
 * Begins once this process leads. A process that leads no more ends, and stands by again when it is restarted: so nothing of it can go on
 * beside the next leader.
 */
export function whenLeading(duty: 'snapshot-builder', frame: ProcessFrame, begin: () => Promise<void>): void {
  const ending = new AbortController();
  const turn = (async () => {
    const acquire = await leadershipOf(duty, frame);
    const leadership = await acquire(ending.signal);
    frame.closing.add(() => leadership.release());
    leadership.lost.addEventListener('abort', () =>
      frame.fatal(new Error(`the ${duty} leads no more: its lease was lost; it stands by again when it is started again`)),
    );
    await begin();
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) frame.fatal(error);
  });
  frame.closing.add(() => {
    ending.abort();
    return turn;
  });
}
