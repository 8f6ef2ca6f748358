import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent, NO_STREAM, STREAM_EXISTS, WrongExpectedVersionError } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EsdbDatabase } from './database.js';
import { type EsdbServer, startEsdbServer } from './server.js';

/** What the comparison with a real server (esdb-server.servers.spec.ts) does not ask. */
describe('the test server', () => {
  let server: EsdbServer;
  let client: EventStoreDBClient;
  beforeAll(async () => {
    server = await startEsdbServer();
    client = EventStoreDBClient.connectionString(server.connectionString);
  });
  afterAll(async () => {
    await client.dispose();
    await server.stopAbruptly();
  });
  const event = () => jsonEvent({ type: 'Asked', data: { n: 1 } });

  it('takes the batch path of the client, with its errors', async () => {
    const first = await client.appendToStream('batch', [event(), event()], { expectedRevision: NO_STREAM });
    expect(first).toMatchObject({ success: true, nextExpectedRevision: 1n });
    await expect(client.appendToStream('batch', event(), { expectedRevision: NO_STREAM })).rejects.toMatchObject({ actualVersion: 1n });
    await expect(client.appendToStream('none', event(), { expectedRevision: STREAM_EXISTS })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
    await client.tombstoneStream('batch');
    await expect(client.appendToStream('batch', event())).rejects.toMatchObject({ type: 'stream-deleted' });
    expect(server.calls).toMatchObject({ features: 1, batchAppend: 1, append: 0 });
  });

  it('forgets ids with a restart, but not what stands at an expected revision', () => {
    const { database } = server;
    const batch = [
      { id: crypto.randomUUID(), type: 'Asked', contentType: 'application/json', data: new Uint8Array(), metadata: new Uint8Array() },
    ];
    const first = database.append('ids', batch, 'no_stream');
    expect(database.append('ids', batch, 'any')).toEqual(first);
    database.forget();
    expect(database.append('ids', batch, 'no_stream')).toEqual(first);
    expect(database.append('ids', batch, 'any')).toMatchObject({ revision: 1n });
  });

  it('keeps its records in a file, without a line that was cut short', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-esdb-'));
    const file = join(folder, 'log');
    const event = { type: 'Asked', contentType: 'application/json', data: Buffer.from('{"é":1}'), metadata: new Uint8Array() };
    const written = new EsdbDatabase(file);
    for (let n = 0; n < 3; n++) written.append('kept', [{ ...event, id: crypto.randomUUID() }], 'any');
    written.delete('gone', 'any');
    written.close();
    const again = new EsdbDatabase(file);
    expect(again.log.map(({ id, position }) => [id, position])).toEqual(written.log.map(({ id, position }) => [id, position]));
    again.close();
    await truncate(file, (await readFile(file)).length - 5);
    const cut = new EsdbDatabase(file);
    expect(cut.visible('kept')).toHaveLength(2);
    expect(cut.append('kept', [{ ...event, id: crypto.randomUUID() }], 1n)).toMatchObject({ revision: 2n });
    cut.close();
    const last = new EsdbDatabase(file);
    expect(last.visible('kept')).toHaveLength(3);
    last.close();
    await rm(folder, { recursive: true });
  });
});
