import { afterAll, beforeAll, describe, it } from '@jest/globals';
import fc from 'fast-check';
import { requireAgreement } from '../testing/agreement.js';
import { historyCases } from '../testing/histories.js';
import { startShardedDatabase, startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { openAnalytics } from './open-analytics.js';
import { openAnalyticsWriter } from './writer.js';

/** Another seed is another run: `VITRINE_TEST_SEED=7`. A failure names its seed and path; `VITRINE_TEST_PATH` runs that one alone. */
const seed = Number(process.env['VITRINE_TEST_SEED'] ?? 6);
const path = process.env['VITRINE_TEST_PATH'];

describe.each<[string, number, () => Promise<TestDatabase>]>([
  ['in one ClickHouse', 200, startTestDatabase],
  ['over two shards', 60, startShardedDatabase],
])('criteria in SQL, at length, %s', (_, numRuns, start) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await start();
  });
  afterAll(() => database.stop());

  it('choose the customers whom plain code chooses', async () => {
    const [analytics, writer] = [openAnalytics(database.connection), openAnalyticsWriter(database.connection)];
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(historyCases, (one) => {
        runs += 1;
        return requireAgreement(analytics, writer, `c${runs}`, BigInt(runs) * 1_000n, one);
      }),
      { numRuns, seed, endOnFailure: true, ...(path === undefined ? {} : { path }) },
    );
  });
});
