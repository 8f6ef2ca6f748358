import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { isRejected, type JsonLike } from '#libs/domain';
import type { ImportRunner, ImportView } from '#libs/imports';
import type { Settings } from '#libs/settings';
import { textOf } from '../composition/frame.js';
import { StartRefused } from '../composition/free-port.js';
import { openImports } from '../composition/imports.js';
import { openReaders } from '../composition/readers.js';
import { openWorkbench } from './workbench.js';

interface ImportOptions {
  readonly client: string;
  readonly map: string;
  readonly rejects?: string;
}

/** Imports one file into the log, beside a running system or without one, and prints the report as JSON. */
export async function importFile(settings: Settings, file: string, options: ImportOptions): Promise<void> {
  const mapping = readMapping(options.map);
  if (file !== '-' && !existsSync(file)) throw new StartRefused(`there is no file ${file}`);
  const bench = await openWorkbench(settings);
  const { frame, log } = bench;
  const readers = openReaders(frame, log);
  const { imports: runner, uploads } = openImports(frame, { ...bench, readers });
  try {
    const content = file === '-' ? process.stdin : createReadStream(file);
    const upload = await uploads.put(content, { clientId: options.client, keyId: 'cli' }, file === '-' ? 'stdin' : basename(file));
    const started = await runner.start({ clientId: options.client, uploadId: upload.uploadId, mapping, keyId: 'cli', actor: 'cli' });
    if (isRejected(started)) {
      await uploads.remove(upload.uploadId);
      throw new StartRefused(started.message);
    }
    const ended = await whileShown(runner, started.importId);
    // An interrupted one is needed: the next start goes on with it.
    if (ended.status !== 'running') await uploads.remove(upload.uploadId);
    if (options.rejects !== undefined && ended.rejected > 0) await copyFile(runner.rejectsFileOf(started.importId), options.rejects);
    const { importId, status, read, imported, duplicate, rejected, skipped } = ended;
    console.log(
      JSON.stringify({
        importId,
        status: status.toUpperCase(),
        read,
        imported,
        duplicate,
        rejected,
        skipped,
        ...(rejected > 0 ? { rejects: options.rejects ?? runner.rejectsFileOf(importId) } : {}),
      }),
    );
    if (status !== 'done') throw new StartRefused(`the import failed: ${ended.failure?.message ?? 'see the messages above'}`);
  } finally {
    await bench.close();
  }
}

function readMapping(path: string): JsonLike {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as JsonLike;
  } catch (error) {
    throw new StartRefused(`the mapping ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Waits for the end; on a terminal, shows how far it is. */
async function whileShown(runner: ImportRunner, importId: string): Promise<ImportView> {
  const shown = process.stderr.isTTY
    ? setInterval(() => {
        runner.find(importId).then(
          (view) => process.stderr.write(view === undefined ? '' : `\r${view.read} rows read, ${view.imported} imported `),
          (error: unknown) => process.stderr.write(`\r${textOf(error)} `),
        );
      }, 500)
    : undefined;
  const ended = await runner.ended(importId);
  if (shown !== undefined) {
    clearInterval(shown);
    process.stderr.write('\n');
  }
  if (ended === undefined) throw new Error(`the import ${importId} is not in the log`);
  return ended;
}
