import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readSettings } from '#libs/settings';
import { type ImageLoading, type NodePublication, SharedPublication } from '#libs/snapshots';
import { AnsweringThreads } from './answering-threads.js';
import { Closing } from './closing.js';
import { openFrame, type ProcessFrame } from './frame.js';
import { JointMetrics } from './joint-metrics.js';

const threads = new URL('../../dist/libs/threads/index.js', import.meta.url).href;
const nothing = async (): Promise<never> => {
  throw new Error('nobody asks in these tests');
};
const publication: NodePublication = { fetch: nothing, placeOf: nothing, increments: nothing, watch: nothing, acknowledge: nothing };
const loading: ImageLoading = { audience: nothing, memory: { usedBytes: 0, spareBytes: 0 }, close: async () => undefined };

describe('further threads', () => {
  let folder: string;
  let closing: Closing;
  let frame: ProcessFrame;
  let fatal: Promise<unknown>;
  let reported: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-threads-'));
    closing = new Closing();
    reported = [];
    const settings = readSettings({ VITRINE_DATA: folder, VITRINE_WORKERS: '3' });
    const report = (message: string, error?: unknown) => reported.push(`${message}: ${(error as Error | undefined)?.message}`);
    fatal = new Promise((resolve) => {
      frame = openFrame(settings, { kind: 'content-query', closing, fatal: resolve, nodeId: 'n', report });
    });
  });
  afterEach(async () => {
    await closing.close();
    rmSync(folder, { recursive: true });
  });

  /** A thread's program around what it does; `seat` takes the connections. */
  const start = (program: string) => {
    const file = join(folder, 'thread.mjs');
    writeFileSync(
      file,
      `import { createServer } from 'node:http';
       import { workerData } from 'node:worker_threads';
       import { converse, takeSeat } from ${JSON.stringify(threads)};
       const { seat, ports, nodeId } = workerData;
       const metrics = () => [{ name: 'served', help: 'x', type: 'counter', aggregator: 'sum', values: [{ labels: {}, value: seat.index + 1 }] }];
       const first = converse(ports.control, { metrics, ready: () => (seat.index === 0 ? true : 'no snapshot'), });
       const server = createServer().listen(seat.ownPath);
       ${program}`,
    );
    return AnsweringThreads.start(frame, {
      program: pathToFileURL(file),
      settings: frame.settings,
      loading,
      publication: new SharedPublication(publication, { nodeId: 'n', threads: 3 }),
    });
  };
  const good = `server.once('listening', async () => {
    await takeSeat(server, seat, async () => { await first.ask('ended', []); process.exit(0); });
    await first.ask('up');
  });`;

  it('are up when they can take connections, say what they have, and end when they are told to', async () => {
    const started = await start(good);
    await started.up();
    const ready = started.readyWith({ name: 'snapshots', check: () => true });
    expect(await ready.check()).toBe('worker 3: no snapshot');
    expect(await started.readyWith({ name: 'snapshots', check: () => 'not the first' }).check()).toBe('not the first');
    const metrics = new JointMetrics(frame.registry);
    metrics.add(() => started.metrics());
    expect(await metrics.metrics()).toContain('\nserved 3\n');
    await started.stop();
    expect(reported).toEqual([]);
    expect(await Promise.race([fatal, 'still well'])).toBe('still well');
  });

  it.each([
    ['throws', `throw new RangeError('a bug of worker ' + (seat.index + 2))`, /^a bug of worker 3$/],
    ['exits', 'process.exit(7)', /^worker 3 ended with exit code 7$/],
  ])('end the process when one %s', async (_, bug, message) => {
    // The first says that it is ready when all are up: then it happens.
    const started = await start(`${good}
      if (seat.index === 1) first.ask('ready').then(() => setImmediate(() => { ${bug}; }));`);
    started.readyWith({ name: 'snapshots', check: () => started.up().then(() => 'up') });
    expect(((await fatal) as Error).message).toMatch(message);
  });

  it.each([
    [
      'says so',
      `await first.ask('ended', [{ code: 'SPOOL_UNWRITABLE', message: 'the disk is full' }]); process.exit(1);`,
      'worker 3: the disk is full',
    ],
    ['throws', `throw new RangeError('a bug while it closes');`, 'a bug while it closes'],
  ])('make the end of the process a failure when one that cannot close %s', async (_, closes, message) => {
    const started = await start(`server.once('listening', async () => {
      await takeSeat(server, seat, async () => { if (seat.index === 1) { ${closes} } await first.ask('ended', []); process.exit(0); });
      await first.ask('up');
    });`);
    await started.up();
    await expect(started.stop()).rejects.toThrow(message);
    expect(await closing.close().catch((error: Error) => error.message)).toBe(message);
  });

  it('say what keeps one from starting', async () => {
    const started = await start(`if (seat.index === 0) { ${good} } else {
      await first.ask('ended', [{ code: 'SPOOL_IN_USE', message: 'the spool of ' + nodeId + ' is in use' }]);
      process.exit(1);
    }`);
    await expect(started.up()).rejects.toMatchObject({ code: 'SPOOL_IN_USE', message: 'the spool of n-w3 is in use' });
    expect(reported).toEqual([]);
  });

  it('that still start are ended with the process', async () => {
    const started = await start('await new Promise((resolve) => setInterval(resolve, 2 ** 30));');
    await started.stop();
    await expect(started.up()).rejects.toThrow('ended with exit code');
  });
});
