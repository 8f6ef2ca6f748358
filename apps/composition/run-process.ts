/** What every process of a split deployment does around its own parts: settings, one line for each problem, an end in order. */
import 'reflect-metadata';
import { once } from 'node:events';
import { readSettings } from '#libs/settings';
import { Closing } from './closing.js';
import { explain } from './explain.js';
import { openFrame, type ProcessFrame } from './frame.js';
import { StartRefused } from './free-port.js';
import { logToOperator } from './operator-log.js';

/** Kubernetes gives 30 s. */
const closeMsMax = 20_000;

/** Runs until Ctrl-C or SIGTERM (exit code 0), or until it cannot go on (1). `start` returns where the process listens. */
export async function runProcess(kind: string, start: (frame: ProcessFrame) => Promise<Readonly<Record<string, string>>>): Promise<void> {
  logToOperator();
  const closing = new Closing();
  const failures: unknown[] = [];
  try {
    const settings = readSettings(process.env);
    if (settings.VITRINE_SECRET === undefined) {
      throw new StartRefused('VITRINE_SECRET is not set: the processes of one deployment share it, 16 characters or more');
    }
    if (kind !== 'content-query' && settings.VITRINE_WORKERS > 1)
      console.error(`vitrine: VITRINE_WORKERS is for content-query; this ${kind} answers with one thread, and more of them can run`);
    let die: (reason: unknown) => void = () => undefined;
    const dead = new Promise<never>((_, reject) => {
      die = reject;
    });
    const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), dead]).then(() => 'asked' as const);
    const started = await Promise.race([start(openFrame(settings, { kind, closing, fatal: (reason) => die(reason) })), asked]);
    if (started !== 'asked') {
      console.log(JSON.stringify({ running: kind, ...started }));
      await asked;
    }
  } catch (error) {
    failures.push(error);
  }
  // Also keeps the process until all is closed, when nothing else does.
  const late = setTimeout(() => {
    console.error(`vitrine: the ${kind} did not close within ${closeMsMax / 1000} s and is ended; what it had taken in is on the disk`);
    process.exit(1);
  }, closeMsMax);
  await closing.close().catch((error: unknown) => failures.push(error));
  clearTimeout(late);
  for (const failure of failures) for (const line of explain(failure)) console.error(line);
  process.exit(failures.length === 0 ? 0 : 1);
}
