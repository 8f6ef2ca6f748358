#!/usr/bin/env node
/** `vitrine <verb>`: builds what is needed on first use, then runs the command-line app. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/apps/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('../tools/build.mjs', import.meta.url))], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(1);
}
await import(main.href);
