import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Criteria, parseCriteria } from '#libs/domain';
import { parseMapping, runImport } from '#libs/imports';
import { memoryPorts } from '../../imports/testing/memory-ports.js';
import type { Analytics, ClientScope } from '../analytics.js';
import { project, recordedEvent } from '../testing/recorded.js';
import { startGrantedDatabase, startShardedDatabase, type TestDatabase } from '../testing/test-database.js';
import { openAnalytics } from './open-analytics.js';
import { openAnalyticsWriter } from './writer.js';

/** Computed apart from any implementation; it stands beside the clone. */
const shared = (path: string) => resolve('../shared', path);

interface Expected {
  readonly customers: number;
  readonly segments: Readonly<Record<string, { readonly size: number; readonly members: string }>>;
  readonly audience: { readonly customers: number; readonly memberships: number };
  readonly fields: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface DataSet {
  readonly file: string;
  readonly mapping: string;
  readonly import: { readonly events: Readonly<Record<string, number>>; readonly orderItems: number; readonly customers: number };
  readonly timeZone: string;
  readonly currency: string;
  readonly origins: readonly string[];
  readonly criteria: Readonly<Record<string, unknown>>;
  readonly asOf: Readonly<Record<string, Expected>>;
  readonly summaries: readonly ({ readonly filter: unknown; readonly from: string; readonly to: string } & Readonly<
    Record<string, unknown>
  >)[];
}

const dataSet = (JSON.parse(readFileSync(shared('reference/imports/answers.json'), 'utf8')) as Record<string, DataSet>)['edge-cases']!;

function checked(input: unknown): Criteria {
  const parsed = parseCriteria(input, 'customer');
  if ('invalid' in parsed) throw new Error(JSON.stringify(parsed.invalid));
  return parsed.criteria;
}

describe.each<[string, () => Promise<TestDatabase>]>([
  ['in one ClickHouse', startGrantedDatabase],
  ['over two shards', startShardedDatabase],
])('the reference edge cases, %s', (_, start) => {
  const scope: ClientScope = { clientId: 'edge', timeZone: dataSet.timeZone, origins: dataSet.origins, currency: dataSet.currency };
  const segments = Object.fromEntries(Object.entries(dataSet.criteria).map(([id, criteria]) => [id, checked(criteria)]));
  let database: TestDatabase;
  let analytics: Analytics;
  let folder: string;
  beforeAll(async () => {
    database = await start();
    analytics = openAnalytics(database.connection);
    folder = mkdtempSync(join(tmpdir(), 'vitrine-edge-'));
    const mapping = parseMapping(JSON.parse(readFileSync(shared(dataSet.mapping), 'utf8')));
    if ('errors' in mapping) throw new Error(JSON.stringify(mapping.errors));
    const ports = memoryPorts();
    await runImport(
      {
        client: { clientId: scope.clientId, currency: scope.currency },
        importId: 'first',
        mapping: mapping.mapping,
        file: shared(dataSet.file),
        startedAt: new Date(),
        rejectsFile: join(folder, 'rejects.jsonl'),
      },
      ports,
    );
    const events = ports.recorded.map((fact, index) => recordedEvent(fact.clientId, BigInt(index + 1), fact.type, fact.data));
    await project(openAnalyticsWriter(database.connection), events);
  });
  afterAll(async () => {
    await database.stop();
    rmSync(folder, { recursive: true });
  });

  it('is in the tables', async () => {
    const counted = await database.reader.query<{ type: string; n: string }>('SELECT type, count() AS n FROM behaviour GROUP BY type');
    expect(Object.fromEntries(counted.map(({ type, n }) => [type, Number(n)]))).toEqual(dataSet.import.events);
    expect(await database.reader.query('SELECT count() AS n FROM order_items')).toEqual([{ n: String(dataSet.import.orderItems) }]);
    expect(await database.reader.query('SELECT uniqExact(customer_id) AS n FROM behaviour')).toEqual([
      { n: String(dataSet.import.customers) },
    ]);
  });

  describe.each(Object.entries(dataSet.asOf))('as of %s', (at, expected) => {
    const asOf = new Date(at);

    async function members(filter: Criteria): Promise<string[]> {
      const ids: string[] = [];
      for (;;) {
        const page = await analytics.customers({ scope, segments, filter, asOf, after: ids.at(-1) ?? null, first: 30 });
        ids.push(...page.customers.map(({ customerId }) => customerId));
        if (!page.hasNext) return ids;
      }
    }

    it('each segment holds whom it should', async () => {
      const found: Record<string, { size: number; members: string }> = {};
      for (const segment of Object.keys(expected.segments)) {
        const ids = await members({ segment });
        const hash = createHash('sha256');
        for (const id of ids) hash.update(`${id}\n`);
        found[segment] = { size: ids.length, members: hash.digest('hex').slice(0, 16) };
        expect(await analytics.preview({ scope, segments, criteria: { segment }, asOf })).toMatchObject({
          size: ids.length,
          knownCustomers: expected.customers,
          sample: ids.slice(0, 10),
        });
      }
      expect(found).toMatchObject(
        Object.fromEntries(Object.entries(expected.segments).map(([id, { size, members: print }]) => [id, { size, members: print }])),
      );
    });

    it('the audience is in the order of the hash', async () => {
      const segmentIds = Object.keys(segments);
      const { chunks, words } = await analytics.audience({ scope, segments, segmentIds, asOf });
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      const bytes = Buffer.concat(parts);
      const rowBytes = 8 + 8 * words;
      const hashes = Array.from({ length: bytes.length / rowBytes }, (_, row) => bytes.readBigUInt64LE(row * rowBytes));
      expect(hashes).toEqual(hashes.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(hashes.length).toBe(expected.audience.customers);
    });

    it('customers have the fields that they should', async () => {
      const ids = Object.keys(expected.fields);
      const { customers } = await analytics.customers({ scope, segments, filter: { customers: ids }, asOf, after: null, first: 1_000 });
      const found = new Map(customers.map(({ customerId, fields }) => [customerId, fields]));
      for (const [id, fields] of Object.entries(expected.fields)) {
        const shown = Object.fromEntries(Object.keys(fields).map((field) => [field, found.get(id)?.[field] ?? null]));
        expect({ id, fields: shown }).toEqual({ id, fields });
      }
    });
  });

  it.each(dataSet.summaries)('sums up from $from to $to', async ({ filter, from, to, ...expected }) => {
    const summary = await analytics.customerSummary({
      scope,
      segments,
      filter: filter === null ? null : checked(filter),
      period: { from: new Date(from), to: new Date(to) },
      now: new Date(),
    });
    expect(summary).toMatchObject(expected);
  });
});
