/** What a further thread of a process does around its own parts: as `runProcess`, but told by the first thread and not by signals. */
import 'reflect-metadata';
import { workerData } from 'node:worker_threads';
import type { ReadinessCheck } from '#libs/features/ops';
import { converse } from '#libs/threads';
import type { FirstThreadAnswers, ThreadAnswers, ThreadData } from './answering-threads.js';
import { Closing } from './closing.js';
import { openFrame, type ProcessFrame } from './frame.js';
import { metricsToSend } from './joint-metrics.js';
import { logToOperator } from './operator-log.js';

/** What the thread's parts need of those around them. */
export interface ThreadSurroundings {
  readonly data: ThreadData;
  /** Whether the whole process is ready, for the edge's own answer. */
  readonly allReady: ReadinessCheck;
  /** To be called when no connection will come any more. */
  readonly ended: () => void;
}

/** Runs until `ended` is called, or until it cannot go on. `start` resolves when connections can come, with whether this thread can answer. */
export async function runThread(
  kind: string,
  start: (frame: ProcessFrame, around: ThreadSurroundings) => Promise<ReadinessCheck>,
): Promise<void> {
  logToOperator();
  const data = workerData as ThreadData;
  const closing = new Closing();
  const problems: unknown[] = [];
  let die: (reason: unknown) => void = () => undefined;
  let end: () => void = () => undefined;
  const ending = new Promise<void>((resolve, reject) => {
    [end, die] = [resolve, reject];
  });
  // Thrown below; something may fail for good while the rest still starts.
  ending.catch(() => undefined);
  let own: ReadinessCheck = { name: kind, check: () => 'the thread starts' };
  const frame = openFrame(data.settings, { kind, closing, fatal: (reason) => die(reason), nodeId: data.nodeId });
  const answers: ThreadAnswers = { metrics: () => metricsToSend(frame.registry), ready: async () => answered(await own.check()) };
  const first = converse<FirstThreadAnswers>(data.ports.control, answers);
  const allReady: ReadinessCheck = { name: 'snapshots', check: () => first.ask('ready') };
  try {
    own = await Promise.race([start(frame, { data, allReady, ended: end }), ending.then(() => own)]);
    await first.ask('up');
    await ending;
  } catch (error) {
    problems.push(error);
  }
  await closing.close().catch((error: unknown) => problems.push(error));
  await first.ask('ended', problems.map(described));
  process.exit(problems.length === 0 ? 0 : 1);
}

function answered(outcome: boolean | string): true | string {
  return outcome === false ? 'not ready' : outcome;
}

function described(error: unknown): { code: string | undefined; message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : undefined, message: error.message };
}
