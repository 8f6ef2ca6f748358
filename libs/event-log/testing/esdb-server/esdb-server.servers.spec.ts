import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openEventStoreDb } from '../../eventstoredb/index.js';
import { collect, events, eventually, uniqueName } from '../given-events.js';
import { type EsdbServer, startEsdbServer } from './server.js';

const root = process.cwd();
const reference = join(root, '../shared/reference/eventstoredb');

describe('the test server beside the real one', () => {
  let server: EsdbServer;
  beforeAll(async () => {
    server = await startEsdbServer();
  });
  afterAll(() => server.stopAbruptly());

  it('gives the unmodified client every answer that a real server gave', async () => {
    expect(existsSync(reference)).toBe(true);
    const asked = spawn(
      process.execPath,
      [join(reference, 'scenarios.mjs'), server.connectionString, '--compare', join(reference, 'answers.json')],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    for await (const text of asked.stdout) said += String(text);
    expect(said.trim()).toBe('85 answers as known, 0 differ');
  });
});

describe('the test server as a process', () => {
  it('keeps what it acknowledged when it is killed under writers, for the adapter that repeats its batches', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-esdb-'));
    const start = async (port: string) => {
      const main = join(root, 'dist/libs/event-log/testing/esdb-server-process.js');
      const child = spawn(process.execPath, [main, '--port', port, '--file', join(folder, 'log')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(child.stdout, 'data');
      return { child, connectionString: String(line).trim() };
    };
    let { child, connectionString } = await start('0');
    const port = /:(\d+)\?/.exec(connectionString)?.[1] ?? '';
    const log = await openEventStoreDb({ connectionString, answerMsMax: 2_000 });
    const stop = new AbortController();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const message of log.subscribe({ after: null, signal: stop.signal }))
        if (message.kind === 'events') heard.push(...message.events.map(({ id }) => id));
    })();
    const write = async (stream: string) => {
      const written: string[] = [];
      for (let batches = 0; batches < 40; batches++) {
        const batch = events(25);
        const expected = written.length === 0 ? 'noStream' : BigInt(written.length - 1);
        await eventually(() => log.append(stream, batch, expected).then(() => undefined), 30_000);
        written.push(...batch.map(({ id }) => id));
      }
      return written;
    };
    const streams = [1, 2, 3, 4].map(() => uniqueName('killed'));
    const writing = Promise.all(streams.map(write));
    let done = false;
    void writing.finally(() => {
      done = true;
    });
    let kills = 0;
    for (; kills < 8 && !done; kills++) {
      const before = heard.length;
      await eventually(() => expect(done || heard.length > before + 100).toBe(true), 30_000);
      child.kill('SIGKILL');
      await once(child, 'exit');
      ({ child, connectionString } = await start(port));
    }
    const written = await writing;
    expect(kills).toBeGreaterThan(2);
    for (const [index, stream] of streams.entries())
      expect((await collect(log.readStream(stream))).map(({ id }) => id)).toEqual(written[index]);
    await eventually(() => expect(heard).toHaveLength(4_000));
    expect(new Set(heard).size).toBe(4_000);
    stop.abort();
    await listening;
    await log.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
    await rm(folder, { recursive: true });
  });
});
