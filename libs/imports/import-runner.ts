import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ImportCommand,
  importCodec,
  importDecider,
  importStream,
  isRejected,
  type JsonLike,
  type Rejected,
  rejected,
} from '#libs/domain';
import { type EventLog, type Position, runCommand } from '#libs/event-log';
import { acquireProcessLock, LockHeld, type ProcessLock } from '#libs/process-lock';
import type { ClientDefinitions } from '#libs/projections';
import { type ImportView, noCounts, viewAfter } from './import-view.js';
import type { GroupLimits } from './open-groups.js';
import { parseMapping } from './parse-mapping.js';
import { type ImportCounts, type ImportPorts, type ImportReport, runImport } from './run-import.js';
import type { UploadStore } from './upload-store.js';

export interface ImportRunnerParts extends Omit<ImportPorts, 'log'> {
  readonly log: EventLog;
  readonly definitions: { client(clientId: string): ClientDefinitions | undefined; caughtUp(): Promise<void> };
  readonly uploads: UploadStore;
  /** A folder for `<importId>.rejected.jsonl` files. */
  readonly rejectsFolder: string;
  readonly clock: () => Date;
  /** `detail` says what a person should know of an import's run; errors that are tried again too. */
  readonly onNote?: (importId: string, detail: string, error?: unknown) => void;
  readonly limits?: GroupLimits;
  /** After how long a run that failed is tried again, each time; then it has failed. Half a second to half a minute, five times, when absent. */
  readonly retryAfterMs?: readonly number[];
}

export interface StartImport {
  readonly clientId: string;
  readonly uploadId: string;
  readonly mapping: JsonLike;
  /** Of the key that asks: it must be the one that put the upload. Undefined: the operator of this machine. */
  readonly keyId?: string;
  /** `key:<keyId>`, `system`. */
  readonly actor: string;
  readonly importId?: string;
}

/** These end an import; anything else is tried again. */
const final: ReadonlySet<unknown> = new Set(['SOURCE_UNREADABLE', 'MISSING_COLUMNS', 'TOO_MANY_OPEN_GROUPS']);
const retryAfterMsDefault = [500, 2_000, 5_000, 15_000, 30_000];
const otherProcessCheckMs = 15_000;
const endedCheckMs = 250;
/** Uploads are removed after so long, but for those whose import is not done: until then a file can be imported again, by another mapping too. */
export const uploadAgeMsMax = 86_400_000;

/** Runs imports, one at a time, and goes on with those that a crash or a stop interrupted. Used by the admin and the command line alike. */
export class ImportRunner {
  private readonly views = new Map<string, ImportView>();
  /** Of imports that run in this process. */
  private readonly progress = new Map<string, ImportCounts>();
  private readonly waiting = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private readTo: Position | null = null;
  private reading: Promise<void> = Promise.resolve();
  private tail: Promise<void> = Promise.resolve();
  private recheck: NodeJS.Timeout | undefined;

  constructor(private readonly parts: ImportRunnerParts) {}

  /** Begins an import and returns; it runs after those begun before. Refusals: CLIENT_UNKNOWN, UPLOAD_UNKNOWN, MAPPING_INVALID, IMPORT_EXISTS. */
  async start(request: StartImport): Promise<ImportView | Rejected> {
    const { clientId, uploadId, mapping, actor } = request;
    if ((await this.client(clientId)) === undefined) return rejected('CLIENT_UNKNOWN', `there is no client ${clientId}`, ['clientId']);
    const upload = await this.parts.uploads.get(uploadId);
    const foreign = upload?.owner.clientId !== null && upload?.owner.clientId !== clientId;
    if (upload === undefined || foreign || (request.keyId !== undefined && request.keyId !== upload.owner.keyId)) {
      return rejected('UPLOAD_UNKNOWN', 'there is no such upload of this key', ['uploadId']);
    }
    const parsed = parseMapping(mapping);
    if ('errors' in parsed) {
      const first = parsed.errors[0];
      const message = parsed.errors.slice(0, 20).map((error) => `${error.path || 'mapping'} ${error.message}`);
      return rejected('MAPPING_INVALID', message.join('; '), [
        'mapping',
        ...(first === undefined || first.path === '' ? [] : first.path.split('.')),
      ]);
    }
    const importId = request.importId ?? randomUUID();
    const { fileName } = upload;
    const startedAt = this.parts.clock().toISOString();
    // parseMapping takes objects only.
    const given = mapping as { readonly [name: string]: JsonLike };
    const done = await this.append(
      clientId,
      importId,
      { type: 'StartImport', clientId, importId, uploadId, fileName, mapping: given, startedAt },
      actor,
    );
    if (isRejected(done)) return done;
    await this.read();
    const view = this.views.get(importId);
    if (view === undefined) throw new Error(`the import ${importId} was started and is not in the log`);
    this.enqueue(view);
    return this.current(view);
  }

  /** At a process's start: goes on with imports whose files are here, and removes old uploads. */
  async resume(): Promise<void> {
    await this.read();
    const unfinished = [...this.views.values()].filter((view) => view.status === 'running');
    for (const view of unfinished) if (!this.waiting.has(view.importId)) this.enqueue(view);
    await this.removeOldUploads();
  }

  /** An import of any client and process; undefined when there is none. Whose it is, is the caller's to check. */
  async find(importId: string): Promise<ImportView | undefined> {
    let view = this.views.get(importId);
    if (view === undefined || (view.status === 'running' && !this.progress.has(importId))) {
      await this.read();
      view = this.views.get(importId);
    }
    return view === undefined ? undefined : this.current(view);
  }

  /** Resolves when an import has ended, in this process or another, or the runner was closed. */
  async ended(importId: string): Promise<ImportView | undefined> {
    for (;;) {
      await this.waiting.get(importId);
      const view = await this.find(importId);
      if (view?.status !== 'running' || this.stopping.signal.aborted) return view;
      await this.pause(endedCheckMs);
    }
  }

  rejectsFileOf(importId: string): string {
    return join(this.parts.rejectsFolder, `${importId}.rejected.jsonl`);
  }

  /** Stops the run under way between two batches; it goes on at the next start. */
  async close(): Promise<void> {
    clearTimeout(this.recheck);
    this.stopping.abort(new Error('the process is stopping'));
    await this.tail;
  }

  private current(view: ImportView): ImportView {
    return view.status === 'running' ? { ...view, ...(this.progress.get(view.importId) ?? noCounts) } : view;
  }

  private enqueue(view: ImportView): void {
    const { importId } = view;
    const run = this.tail.then(async () => {
      if (!this.stopping.signal.aborted) await this.attempt(view);
    });
    // A failure that could not even be written down is told; the import goes on at the next start.
    this.tail = run.catch((error: unknown) => this.note(importId, 'stays unfinished until the next start', error));
    this.waiting.set(importId, this.tail);
    void this.tail.then(() => this.waiting.delete(importId));
  }

  private async attempt(view: ImportView): Promise<void> {
    const upload = await this.parts.uploads.get(view.uploadId);
    // Another machine's import.
    if (upload === undefined) return;
    let lock: ProcessLock;
    try {
      lock = acquireProcessLock(this.parts.uploads.lockPath(view.uploadId));
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error;
      this.recheckLater();
      return;
    }
    try {
      await this.run(view, upload.path);
    } finally {
      this.progress.delete(view.importId);
      lock.release();
    }
  }

  private async run(view: ImportView, file: string): Promise<void> {
    const { importId, clientId } = view;
    // Another process may have ended it since this one last read.
    await this.read();
    if (this.views.get(importId)?.status !== 'running') return;
    const { retryAfterMs = retryAfterMsDefault } = this.parts;
    for (let attempt = 0; ; attempt++) {
      try {
        const report = await this.once(view, file);
        await this.append(clientId, importId, finished(report), 'system');
        break;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        const { code, message } = error as { code?: unknown; message?: unknown };
        // What is away, or full, comes back: nobody should have to start the import again for that.
        const retry = retryAfterMs[attempt] ?? (passes(code) ? retryAfterMs.at(-1) : undefined);
        if (!final.has(code) && retry !== undefined) {
          this.note(importId, `failed and is tried again in ${retry} ms`, error);
          await this.pause(retry);
          continue;
        }
        this.note(importId, 'failed', error);
        const why = final.has(code)
          ? { code: String(code), message: String(message) }
          : { code: 'IMPORT_FAILED', message: 'an unexpected error; the process log says which' };
        await this.append(clientId, importId, { type: 'FailImport', ...why, ...(this.progress.get(importId) ?? noCounts) }, 'system');
        break;
      }
    }
    await this.read();
    await this.removeOldUploads();
  }

  private async removeOldUploads(): Promise<void> {
    const needed = [...this.views.values()].filter(({ status }) => status === 'running').map(({ uploadId }) => uploadId);
    await this.parts.uploads.removeOlder(uploadAgeMsMax, new Set(needed), this.parts.clock());
  }

  private async once(view: ImportView, file: string): Promise<ImportReport> {
    const { importId, clientId } = view;
    const client = await this.client(clientId);
    if (client === undefined) throw new Error(`there is no client ${clientId}`);
    const parsed = parseMapping(view.mapping);
    if ('errors' in parsed) throw new Error(`the mapping can no longer be read: ${JSON.stringify(parsed.errors)}`);
    await mkdir(this.parts.rejectsFolder, { recursive: true, mode: 0o700 });
    const { limits } = this.parts;
    return runImport(
      {
        client: { clientId, currency: client.client.currency },
        importId,
        mapping: parsed.mapping,
        file,
        startedAt: new Date(view.startedAt),
        rejectsFile: this.rejectsFileOf(importId),
        onProgress: (counts) => this.progress.set(importId, { ...counts }),
        onWait: (cause) => this.note(importId, 'waits for the tables', cause),
        signal: this.stopping.signal,
        ...(limits === undefined ? {} : { limits }),
      },
      this.parts,
    );
  }

  private async client(clientId: string): Promise<ClientDefinitions | undefined> {
    const known = this.parts.definitions.client(clientId);
    if (known !== undefined) return known;
    await this.parts.definitions.caughtUp();
    return this.parts.definitions.client(clientId);
  }

  private append(clientId: string, importId: string, command: ImportCommand, actor: string) {
    const stream = importStream(clientId, importId);
    return runCommand(this.parts.log, { decider: importDecider, codec: importCodec, stream, clientId, actor }, command);
  }

  /** Reads on in the log, one reading after the other. */
  private read(): Promise<void> {
    const next = this.reading.then(() => this.readOn());
    this.reading = next.catch(() => undefined);
    return next;
  }

  private async readOn(): Promise<void> {
    for await (const recorded of this.parts.log.readAll({ after: this.readTo, filter: { categories: ['import'] } })) {
      const event = importCodec.decode({ type: recorded.type, schema: recorded.metadata.schema, data: recorded.data });
      this.readTo = recorded.position;
      if (event === undefined) continue;
      const { clientId } = recorded.metadata;
      const importId = recorded.stream.slice(importStream(clientId, '').length);
      const view = viewAfter(this.views.get(importId), clientId, event, recorded.position);
      if (view !== undefined) this.views.set(importId, view);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.stopping;
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }

  /** Should the process that runs it die, this one takes over. */
  private recheckLater(): void {
    clearTimeout(this.recheck);
    if (this.stopping.signal.aborted) return;
    this.recheck = setTimeout(() => {
      this.resume().catch((error: unknown) => this.note('', 'imports of other processes could not be looked at', error));
    }, otherProcessCheckMs);
    this.recheck.unref();
  }

  private note(importId: string, detail: string, error?: unknown): void {
    this.parts.onNote?.(importId, detail, error);
  }
}

function passes(code: unknown): boolean {
  return typeof code === 'string' && (code.endsWith('_UNAVAILABLE') || code === 'SPOOL_FULL' || code === 'SPOOL_UNWRITABLE');
}

function finished(report: ImportReport): ImportCommand {
  const { rejectedBecause, events, position: _, ...counts } = report;
  return {
    type: 'FinishImport',
    ...counts,
    rejectedBecause: Object.entries(rejectedBecause).map(([reason, rows]) => ({ reason, rows })),
    events: Object.entries(events).map(([type, count]) => ({ type, count })),
  };
}
