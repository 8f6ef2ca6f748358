import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isRejected, type JsonLike, type Rejected } from '#libs/domain';
import { type EventLog, EventLogUnavailable } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import type { ClientDefinitions } from '#libs/projections';
import { ImportRunner, type ImportRunnerParts, uploadAgeMsMax } from './import-runner.js';
import type { ImportView } from './import-view.js';
import { type MemoryPorts, memoryPorts } from './testing/memory-ports.js';
import { UploadStore } from './upload-store.js';

const mapping: JsonLike = {
  format: 'csv',
  rows: [{ type: 'Product Viewed', customerId: 'who', time: { column: 'at' }, messageId: ['id'], properties: { product_id: 'what' } }],
};
const rows = (count: number) =>
  `id,who,at,what\n${Array.from({ length: count }, (_, n) => `m${n},c${n % 50},2026-03-01T10:00:00Z,p\n`).join('')}m,,,\n`;
const owner = { clientId: 'golf', keyId: 'k1' };
const request = { clientId: 'golf', mapping, keyId: 'k1', actor: 'key:k1' };

let folder: string;
let log: EventLog;
let ports: MemoryPorts;
let uploads: UploadStore;
let runners: ImportRunner[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-runner-'));
  log = await openFileLog({ folder: join(folder, 'log') });
  ports = memoryPorts();
  uploads = new UploadStore(join(folder, 'uploads'), 10_000_000);
  runners = [];
});
afterEach(async () => {
  for (const runner of runners) await runner.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

function runner(change: Partial<ImportRunnerParts> = {}): ImportRunner {
  const golf = { client: { clientId: 'golf', currency: 'USD' } } as ClientDefinitions;
  const made = new ImportRunner({
    facts: ports.facts,
    analytics: ports.analytics,
    keys: ports.keys,
    log,
    definitions: {
      client: (clientId) => (clientId === 'golf' || clientId === 'other' ? golf : undefined),
      caughtUp: async () => undefined,
    },
    uploads,
    rejectsFolder: join(folder, 'imports'),
    clock: () => new Date('2026-11-23T12:00:00Z'),
    ...change,
  });
  runners.push(made);
  return made;
}
async function upload(content: string | Buffer) {
  return (await uploads.put(Readable.from([Buffer.from(content)]), owner, 'views.csv')).uploadId;
}
function view(outcome: ImportView | Rejected | undefined): ImportView {
  if (outcome === undefined || isRejected(outcome)) throw new Error(JSON.stringify(outcome));
  return outcome;
}
async function eventsOf(importId: string): Promise<string[]> {
  const types: string[] = [];
  for await (const event of log.readStream(`import-golf.${importId}`)) types.push(event.type);
  return types;
}
/** Puts that never end: what a process that is killed leaves behind. */
function stuckAfter(puts: number): ImportRunnerParts['facts'] {
  let done = 0;
  return { ...ports.facts, put: (facts) => (++done > puts ? new Promise(() => undefined) : ports.facts.put(facts)) };
}
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('waited 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('the imports of a process', () => {
  it('are started, run and reported in the log', async () => {
    const first = runner();
    const started = view(await first.start({ ...request, uploadId: await upload(rows(1000)) }));
    expect(started).toMatchObject({
      clientId: 'golf',
      status: 'running',
      fileName: 'views.csv',
      read: 0,
      startedAt: '2026-11-23T12:00:00.000Z',
    });
    const done = view(await first.ended(started.importId));
    expect(done).toMatchObject({ status: 'done', read: 1001, imported: 1000, rejected: 1, duplicate: 0, skipped: 0, failure: null });
    expect(done).toMatchObject({ rejectedBecause: [{ reason: 'customer', rows: 1 }], events: [{ type: 'Product Viewed', count: 1000 }] });
    expect(await eventsOf(started.importId)).toEqual(['ImportStarted', 'RecordsImported']);
    expect(JSON.parse(readFileSync(first.rejectsFileOf(started.importId), 'utf8'))).toMatchObject({ line: 1002, reason: 'customer' });
    expect(view(await runner().find(started.importId))).toEqual(done);
    expect(await first.find('unknown')).toBeUndefined();
  });

  it('are refused with the reason', async () => {
    const uploadId = await upload(rows(1));
    const refusal = async (change: object) => {
      const outcome = await runner().start({ ...request, uploadId, ...change });
      return isRejected(outcome) ? [outcome.code, ...(outcome.field ?? [])] : outcome;
    };
    expect(await refusal({ clientId: 'unknown' })).toEqual(['CLIENT_UNKNOWN', 'clientId']);
    expect(await refusal({ clientId: 'other' })).toEqual(['UPLOAD_UNKNOWN', 'uploadId']);
    expect(await refusal({ keyId: 'k2' })).toEqual(['UPLOAD_UNKNOWN', 'uploadId']);
    expect(await refusal({ uploadId: '../log' })).toEqual(['UPLOAD_UNKNOWN', 'uploadId']);
    expect(await refusal({ mapping: { format: 'parquet', rows: [] } })).toEqual(['MAPPING_INVALID', 'mapping', 'format']);
    expect(await refusal({ mapping: [] })).toEqual(['MAPPING_INVALID', 'mapping']);
    expect(await refusal({ importId: '../x' })).toEqual(['ID_INVALID', 'importId']);
    expect(await log.lastPosition()).toBeNull();
    view((await runner().start({ ...request, uploadId, importId: 'mine' })) as ImportView);
    expect(await refusal({ importId: 'mine' })).toEqual(['IMPORT_EXISTS', 'importId']);
  });

  it('that a stop interrupts go on at the next start, and report as if nothing had been', async () => {
    const first = runner({ facts: stuckAfter(3) });
    const { importId } = view(await first.start({ ...request, uploadId: await upload(rows(5000)) }));
    await until(() => ports.recorded.length === 1500);
    await first.close();
    expect(await eventsOf(importId)).toEqual(['ImportStarted']);
    const second = runner();
    await second.resume();
    expect(view(await second.ended(importId))).toMatchObject({ status: 'done', read: 5001, imported: 5000, duplicate: 0, rejected: 1 });
    expect(ports.recorded.length).toBe(5000);
    expect(new Set(ports.recorded.map((fact) => fact.data.messageId)).size).toBe(5000);
    const third = runner();
    await third.resume();
    expect(view(await third.find(importId)).status).toBe('done');
  });

  it('run one after the other, and in one process only', async () => {
    const first = runner({ facts: stuckAfter(0) });
    const one = view(await first.start({ ...request, uploadId: await upload(rows(10)) }));
    const two = view(await first.start({ ...request, uploadId: await upload(rows(20)) }));
    await until(() => existsSync(uploads.lockPath(one.uploadId)));
    expect(existsSync(uploads.lockPath(two.uploadId))).toBe(false);
    const second = runner();
    await second.resume();
    expect(view(await second.ended(two.importId))).toMatchObject({ status: 'done', imported: 20 });
    expect(view(await second.find(one.importId)).status).toBe('running');
    await first.close();
    const third = runner();
    await third.resume();
    // Its rows came with the other file, under another import.
    expect(view(await third.ended(one.importId))).toMatchObject({ status: 'done', imported: 0, duplicate: 10 });
    // The second only looked on.
    expect(view(await second.ended(one.importId)).status).toBe('done');
    expect(await eventsOf(two.importId)).toEqual(['ImportStarted', 'RecordsImported']);
  });

  it('that cannot be read fail, and say why', async () => {
    const first = runner();
    const zipped = gzipSync(rows(100));
    const broken = view(await first.start({ ...request, uploadId: await upload(zipped.subarray(0, zipped.length - 9)) }));
    const other = view(await first.start({ ...request, uploadId: await upload('a;b\n1;2\n') }));
    expect(view(await first.ended(broken.importId))).toMatchObject({ status: 'failed', failure: { code: 'SOURCE_UNREADABLE' } });
    expect(view(await first.ended(other.importId))).toMatchObject({ status: 'failed', failure: { code: 'MISSING_COLUMNS' } });
    expect(view(await runner().find(other.importId))).toMatchObject({
      status: 'failed',
      failure: { message: expect.stringContaining('"a;b"') },
    });
  });

  it('take the same upload again, also while it is imported, until it is a day old', async () => {
    let now = new Date();
    const first = runner({ clock: () => now });
    const uploadId = await upload(rows(10));
    const one = view(await first.start({ ...request, uploadId }));
    const two = view(await first.start({ ...request, uploadId }));
    expect(view(await first.ended(one.importId))).toMatchObject({ status: 'done', imported: 10 });
    expect(view(await first.ended(two.importId))).toMatchObject({ status: 'done', imported: 0, duplicate: 10 });
    now = new Date(now.getTime() + uploadAgeMsMax + 60_000);
    const last = view(await first.start({ ...request, uploadId }));
    expect(view(await first.ended(last.importId))).toMatchObject({ status: 'done', duplicate: 10 });
    expect(readdirSync(join(folder, 'uploads'))).toEqual([]);
    expect(await first.start({ ...request, uploadId })).toMatchObject({ code: 'UPLOAD_UNKNOWN' });
  });

  it('try again what may pass', async () => {
    let failures = 1;
    const notes: string[] = [];
    const facts = {
      ...ports.facts,
      put: async (given: Parameters<typeof ports.facts.put>[0]) =>
        failures-- > 0 ? Promise.reject(new Error('EIO')) : ports.facts.put(given),
    };
    const first = runner({ facts, onNote: (_importId, detail) => notes.push(detail) });
    const { importId } = view(await first.start({ ...request, uploadId: await upload(rows(10)) }));
    expect(view(await first.ended(importId))).toMatchObject({ status: 'done', imported: 10 });
    expect(notes).toEqual(['failed and is tried again in 500 ms']);
  });

  it('wait for as long as it takes for what is away or full, and for a bug so often only', async () => {
    const importing = async (error: Error) => {
      let failures = 6;
      const put = (given: Parameters<typeof ports.facts.put>[0]) => (failures-- > 0 ? Promise.reject(error) : ports.facts.put(given));
      const first = runner({ facts: { ...ports.facts, put }, retryAfterMs: [1, 1, 1] });
      const { importId } = view(await first.start({ ...request, uploadId: await upload(rows(10)) }));
      return view(await first.ended(importId));
    };
    expect(await importing(new Error('EIO'))).toMatchObject({ status: 'failed', failure: { code: 'IMPORT_FAILED' } });
    expect(await importing(new EventLogUnavailable('away'))).toMatchObject({ status: 'done', imported: 10 });
    expect(await importing(Object.assign(new Error('no room'), { code: 'SPOOL_UNWRITABLE' }))).toMatchObject({ status: 'done' });
  });

  it('tell how far they are', async () => {
    const first = runner({ facts: stuckAfter(9) });
    const { importId } = view(await first.start({ ...request, uploadId: await upload(rows(9000)) }));
    await until(() => ports.recorded.length === 4500);
    expect(view(await first.find(importId))).toMatchObject({ status: 'running', imported: 4000, duplicate: 0 });
  });
});
