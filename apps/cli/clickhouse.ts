import { once } from 'node:events';
import type { Settings } from '#libs/settings';
import { Closing } from '../composition/closing.js';
import { openFrame, textOf } from '../composition/frame.js';
import { startEngine } from '../composition/tables.js';

/** Runs the embedded ClickHouse until Ctrl-C, on the same folder, ports and users as standalone's. */
export async function runClickHouse(settings: Settings): Promise<void> {
  let die: (reason: unknown) => void = () => undefined;
  const died = new Promise<never>((_, reject) => {
    die = reject;
  });
  const report = (message: string, error?: unknown) => console.error(error === undefined ? message : `${message}: ${textOf(error)}`);
  const engine = await startEngine(
    openFrame(settings, { kind: 'clickhouse', closing: new Closing(), fatal: (reason) => die(reason), report, nodeId: 'clickhouse' }),
  );
  console.log(`ClickHouse is running.
  for the apps   VITRINE_ANALYTICS=${engine.url}
  for people     ${engine.reader.url}   (native protocol: port ${engine.nativePort}, user reader)`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), died]);
  await engine.stop();
}
