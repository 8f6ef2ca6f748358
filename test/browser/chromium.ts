/** The system's Chromium through playwright-core, which downloads none. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** `chromium` of the PATH. @throws Error that says what to install. */
function executable(): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'chromium'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (found === undefined) throw new Error('these tests need Chromium: apt-get install chromium (no "chromium" in the PATH)');
  return found;
}

/** A browser for which every host under `.test` is this machine. Pages that are left may be kept whole, as in front of a user. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.test 127.0.0.1'],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}
