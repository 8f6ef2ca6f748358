/** What a command works with beside a running system, or without one: then it starts ClickHouse and the projector for as long as it works. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Analytics } from '#libs/analytics';
import type { CustomerKeys } from '#libs/customer-keys';
import type { EventLog } from '#libs/event-log';
import { readLock } from '#libs/process-lock';
import type { Settings } from '#libs/settings';
import type { FactQueue } from '#libs/spool';
import { Closing } from '../composition/closing.js';
import { projector } from '../composition/features.js';
import { openFrame, type ProcessFrame, type Report, textOf } from '../composition/frame.js';
import { backstage } from '../composition/http-apps.js';
import { commandNode } from '../composition/left-behind.js';
import { logToOperator } from '../composition/operator-log.js';
import { openDuty, openFacts, openKeys, openLog } from '../composition/ports.js';
import { takeDataFolder } from '../composition/process-folder.js';
import { openTables, openTablesAt } from '../composition/tables.js';

export interface Workbench {
  readonly frame: ProcessFrame;
  readonly log: EventLog;
  readonly keys: CustomerKeys;
  readonly analytics: Analytics;
  /** A writer of its own in the log, gone with the command. */
  readonly facts: FactQueue;
  close(): Promise<void>;
}

const report: Report = (message, error) => console.error(error === undefined ? message : `${message}: ${textOf(error)}`);

/** @throws StartRefused and the like, with one line for a person. */
export async function openWorkbench(settings: Settings): Promise<Workbench> {
  logToOperator();
  const closing = new Closing();
  const nodeId = `${commandNode}${randomBytes(6).toString('hex')}`;
  const frame = openFrame(settings, { kind: 'command', closing, nodeId, report, fatal: (reason) => report('cannot go on', reason) });
  try {
    const running = readLock(frame.folder.lock)?.about['analytics'];
    if (running === undefined) {
      const lock = takeDataFolder(frame.folder);
      closing.add(() => lock.release());
    }
    const log = await openLog(frame);
    const keys = await openKeys(frame);
    const { analytics, tables } = typeof running === 'string' ? await openTablesAt(running, frame) : await openTables(frame);
    if (running === undefined) {
      // Apart, one may be at work already: nothing to tell the person at the command.
      const duty = await openDuty('projector', frame, () => undefined);
      await backstage(frame, [projector(frame, { log, tables }, duty)]);
    }
    let isDrained = true;
    // What could not be forwarded stays, and goes into the log at the system's next start.
    closing.add(() => isDrained && rm(frame.folder.spoolOf(nodeId), { recursive: true, force: true }));
    const facts = await openFacts(frame, log);
    closing.add(async () => {
      isDrained = false;
      await facts.drained();
      isDrained = true;
    });
    return { frame, log, keys, analytics, facts, close: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
