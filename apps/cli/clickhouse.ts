import { once } from 'node:events';
import { startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { openDataFolder, type Settings } from '#libs/settings';

/** Runs the embedded ClickHouse until Ctrl-C, on the same folder, ports and users as standalone's. */
export async function runClickHouse(settings: Settings): Promise<void> {
  const folder = openDataFolder(settings.VITRINE_DATA);
  let gone: (reason: string) => void = () => undefined;
  const died = new Promise<never>((_, reject) => {
    gone = (reason) => reject(new Error(`ClickHouse ended: ${reason}`));
  });
  const engine = await startEmbeddedClickHouse({
    folder: folder.clickhouse,
    httpPort: settings.VITRINE_ANALYTICS_PORT,
    nativePort: settings.VITRINE_ANALYTICS_NATIVE_PORT,
    ...(settings.VITRINE_READER_PASSWORD === undefined ? {} : { readerPassword: settings.VITRINE_READER_PASSWORD }),
    restart: true,
    onRestart: ({ reason, delayMs }) => console.error(`ClickHouse died (${reason}); started again in ${delayMs} ms`),
    onExit: gone,
    onLog: (line) => console.error(line),
  });
  console.log(`ClickHouse is running.
  for the apps   VITRINE_ANALYTICS=${engine.url}
  for people     ${engine.reader.url}   (native protocol: port ${engine.nativePort}, user reader)`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), died]);
  await engine.stop();
}
