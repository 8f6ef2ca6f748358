import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnalyticsRefused } from '../analytics.js';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '../embedded/embedded.js';
import { grantsFor } from '../schema/grants.js';
import { migrations } from '../schema/migrations.js';
import { project, recorded } from '../testing/recorded.js';
import { openClickHouse } from './open-clickhouse.js';
import { openProjectionTables } from './projection-tables.js';

/** One grant as (right, on what). */
function rightsOf(grants: readonly string[]): [right: string, on: string][] {
  return grants.flatMap((grant) => {
    const [, rights = '', on = ''] = /^GRANT (.+) ON (\S+)$/.exec(grant) ?? [];
    return rights.split(', ').map((right): [string, string] => [right, on]);
  });
}

const rights = (database: string) => rightsOf(grantsFor(database));
const databaseOf = (index: number) => `d${index}`;

describe('of the documented rights', () => {
  let folder: string;
  let engine: EmbeddedClickHouse;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-rights-'));
    engine = await startEmbeddedClickHouse({
      folder,
      httpPort: 0,
      nativePort: 0,
      onExit: () => undefined,
      users: rights('any').map((_, index) => ({
        name: `without${index}`,
        password: 'secret',
        grants: rights(databaseOf(index))
          .filter((_, other) => other !== index)
          .map(([right, on]) => `GRANT ${right} ON ${on}`),
      })),
    });
  });
  afterAll(async () => {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(rights('shop').map(([right, on], index) => [right, on, index] as const))('%s on %s is needed', async (_right, _on, index) => {
    const owner = openClickHouse({ url: engine.url, database: databaseOf(index) });
    await owner.createDatabase();
    await owner.close();
    const connection = openClickHouse({ url: `http://without${index}:secret@127.0.0.1:${engine.httpPort}`, database: databaseOf(index) });
    const tables = openProjectionTables(connection, migrations);
    const time = '2026-11-20T10:00:00.000Z';
    const viewed = { type: 'Page Viewed', messageId: 'm', customerId: 'ann', sessionId: null, time, properties: {} } as const;
    const everything = async () => {
      await project(await tables.live(), [recorded('golf', 1n, viewed)]);
      await project(await tables.beside(), [recorded('golf', 1n, viewed)]);
      await tables.exchange(() => true);
    };
    await expect(everything()).rejects.toThrow(AnalyticsRefused);
    await tables.close();
    await connection.close();
  });
});
