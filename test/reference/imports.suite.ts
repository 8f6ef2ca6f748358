import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Deployment, until } from '../system.js';

/**
 * Whole real data sets, imported into a running system and asked of it through the admin and ClickHouse, against answers that were computed
 * apart from any implementation. They stand beside the repository; an absent file fails.
 */
const shared = (path: string) => fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface DataSet {
  file: string;
  mapping: string;
  import: { rows: Record<string, number>; events: Record<string, number>; orderItems: number; customers: number };
  timeZone: string;
  currency: string;
  origins?: string[];
  criteria: Record<string, Json>;
  asOf: Record<
    string,
    {
      customers: number;
      segments: Record<string, { size: number; members: string; some: string[] }>;
      audience: { customers: number; memberships: number };
      fields: Record<string, Record<string, Json>>;
    }
  >;
  summaries: ({ filter: Json; from: string; to: string } & Record<string, Json>)[];
}
const answers = JSON.parse(readFileSync(shared('reference/imports/answers.json'), 'utf8')) as Record<string, DataSet>;

const fingerprint = (ids: readonly string[]) => {
  const hash = createHash('sha256');
  for (const id of [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) hash.update(`${id}\n`);
  return hash.digest('hex').slice(0, 16);
};

export const dataSets = ['online-retail', 'retailrocket', 'rees46', 'edge-cases'];

/** Imports the data set for a client of its own, and compares all that the answers know of it. Of segments with more members than `listedMax` the size and some members are asked, not the list. */
export function importsSuite(name: string, deployment: () => Deployment, listedMax = Number.POSITIVE_INFINITY): void {
  describe(name, () => {
    const dataSet = answers[name] as DataSet;
    // A log that is not ours alone may know earlier runs.
    const clientId = `${name}-${randomBytes(6).toString('hex')}`;
    let system: Deployment;

    const runImport = async () => {
      const upload = await fetch(`${system.admin}/uploads`, {
        method: 'POST',
        headers: { authorization: `Bearer ${system.adminKey}`, 'content-type': 'application/octet-stream' },
        body: readFileSync(shared(dataSet.file)),
      });
      expect(upload.ok).toBe(true);
      const { uploadId } = (await upload.json()) as { uploadId: string };
      const mapping = JSON.parse(readFileSync(shared(dataSet.mapping), 'utf8'));
      const started = await system.command(
        'startImport',
        'StartImportInput!',
        { clientId, uploadId, mapping },
        'position import { importId }',
      );
      let state: Record<string, string | number> = {};
      await until('the import is done', 600_000, async () => {
        state = (
          await system.ask('query ($id: ID!) { import(importId: $id) { status read imported duplicate rejected skipped } }', {
            id: started.import.importId,
          })
        ).import;
        return state.status !== 'RUNNING';
      });
      return state;
    };

    const members = async (criteria: Json, asOf: string): Promise<string[]> => {
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const { customers } = (await system.ask(
          'query ($c: ID!, $f: Criteria, $t: DateTime, $a: String) { customers(clientId: $c, filter: $f, asOf: $t, first: 1000, after: $a) { edges { node { customerId } } pageInfo { hasNextPage endCursor } } }',
          { c: clientId, f: criteria, t: asOf, a: after },
        )) as { customers: { edges: { node: { customerId: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } };
        ids.push(...customers.edges.map((edge) => edge.node.customerId));
        after = customers.pageInfo.hasNextPage ? customers.pageInfo.endCursor : null;
      } while (after !== null);
      return ids;
    };

    beforeAll(async () => {
      system = deployment();
      await system.command('registerClient', 'RegisterClientInput!', {
        clientId,
        name,
        timeZone: dataSet.timeZone,
        currency: dataSet.currency,
        origins: dataSet.origins ?? [],
      });
      for (const [segmentId, criteria] of Object.entries(dataSet.criteria))
        await system.command('defineSegment', 'DefineSegmentInput!', { clientId, segmentId, name: segmentId, criteria });
    });

    it('imports the rows as they should be', async () => {
      const { status, ...rows } = await runImport();
      expect({ status, rows }).toEqual({ status: 'DONE', rows: dataSet.import.rows });
      const counted = () =>
        system.select(`SELECT type, toUInt32(count()) AS n FROM behaviour WHERE client_id = '${clientId}' GROUP BY type ORDER BY type`);
      const expected = Object.entries(dataSet.import.events)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([type, n]) => ({ type, n }));
      const { position } = await system.command('requestSnapshot', 'RequestSnapshotInput!', { clientId, kind: 'PLAYBOOK' });
      await until('the tables have seen the import', 120_000, async () => {
        const answer = await system.graphql(
          'query ($c: ID!) { customers(clientId: $c, first: 1) { totalCount } }',
          { c: clientId },
          { after: position },
        );
        return answer.errors === undefined;
      });
      expect(await counted()).toEqual(expected);
      expect((await system.select(`SELECT toUInt32(count()) AS n FROM order_items WHERE client_id = '${clientId}'`))[0].n).toBe(
        dataSet.import.orderItems,
      );
      expect(
        (await system.select(`SELECT toUInt32(uniqExact(customer_id)) AS n FROM behaviour WHERE client_id = '${clientId}'`))[0].n,
      ).toBe(dataSet.import.customers);
    });

    it('adds nothing when the same rows come again', async () => {
      const again = await runImport();
      const { read, rejected, skipped } = dataSet.import.rows as { read: number; rejected: number; skipped: number };
      expect(again).toEqual({ status: 'DONE', read, rejected, skipped, imported: 0, duplicate: read - rejected - skipped });
      const [{ n }] = (await system.select(`SELECT toUInt32(count()) AS n FROM behaviour WHERE client_id = '${clientId}'`)) as [
        { n: number },
      ];
      expect(n).toBe(Object.values(dataSet.import.events).reduce((sum, count) => sum + count, 0));
    });

    describe.each(Object.entries(dataSet.asOf))('as of %s', (asOf, expected) => {
      it('knows the customers', async () => {
        const { customers } = await system.ask(
          'query ($c: ID!, $t: DateTime) { customers(clientId: $c, asOf: $t, first: 1) { totalCount } }',
          { c: clientId, t: asOf },
        );
        expect(customers.totalCount).toBe(expected.customers);
      });

      it.each(Object.entries(expected.segments))('judges the segment %s', async (segmentId, { size, members: print, some }) => {
        const { segmentPreview } = await system.ask(
          'query ($c: ID!, $f: Criteria!, $t: DateTime) { segmentPreview(clientId: $c, criteria: $f, asOf: $t) { size share sample } }',
          { c: clientId, f: dataSet.criteria[segmentId], t: asOf },
        );
        expect(segmentPreview.size).toBe(size);
        expect(segmentPreview.sample.length).toBe(Math.min(10, size));
        if (size > listedMax) {
          const found = await members({ all: [{ segment: segmentId }, { customers: some }] }, asOf);
          expect(found.sort()).toEqual([...some].sort());
          return;
        }
        const ids = await members({ segment: segmentId }, asOf);
        expect(ids).toEqual(expect.arrayContaining(some));
        expect({ size: ids.length, members: fingerprint(ids) }).toEqual({ size, members: print });
      });

      it('says the customers’ fields', async () => {
        const ids = Object.keys(expected.fields);
        const { customers } = await system.ask(
          'query ($c: ID!, $f: Criteria, $t: DateTime) { customers(clientId: $c, filter: $f, asOf: $t, first: 1000) { edges { node { customerId fields } } } }',
          { c: clientId, f: { customers: ids }, t: asOf },
        );
        const found = Object.fromEntries(
          customers.edges.map(({ node }: { node: { customerId: string; fields: Record<string, Json> } }) => [node.customerId, node.fields]),
        );
        for (const [id, fields] of Object.entries(expected.fields)) {
          // A missing attribute is null in the answers; the admin may leave it out.
          const asked = Object.fromEntries(Object.keys(fields).map((field) => [field, found[id]?.[field] ?? null]));
          expect({ id, fields: asked }).toEqual({ id, fields });
        }
      });
    });

    it.each(dataSet.summaries)('sums up from $from to $to', async ({ filter, from, to, ...expected }) => {
      const { customerSummary } = await system.ask(
        'query ($c: ID!, $f: Criteria, $p: PeriodInput) { customerSummary(clientId: $c, filter: $f, period: $p) { customers newCustomers purchasers visits productViews cartAdds orders revenue currency bySource { source customers purchasers orders revenue } } }',
        { c: clientId, f: filter, p: { from, to } },
      );
      expect(customerSummary).toMatchObject({ ...expected, currency: dataSet.currency });
      const sum = (field: string) =>
        customerSummary.bySource.reduce((total: number, row: Record<string, number>) => total + Number(row[field]), 0);
      expect([sum('customers'), sum('purchasers'), sum('orders')]).toEqual([
        expected['customers'],
        expected['purchasers'],
        expected['orders'],
      ]);
    });

    it('builds an audience of all of them', async () => {
      const { position } = await system.command('requestSnapshot', 'RequestSnapshotInput!', { clientId, kind: 'AUDIENCE' });
      await system.live(clientId, position, 'AUDIENCE');
      const { snapshotStatus } = await system.ask(
        'query ($c: ID!) { snapshotStatus(clientId: $c) { audience { customers memberships } } }',
        {
          c: clientId,
        },
      );
      // The image is as of now: at least those known at the last asOf are in it.
      const last = Object.values(dataSet.asOf).at(-1);
      expect(snapshotStatus.audience.customers).toBeGreaterThanOrEqual(last?.audience.customers ?? 0);
      const { segments } = await system.ask(
        'query ($c: ID!) { segments(clientId: $c, first: 100) { edges { node { segmentId size } } } }',
        {
          c: clientId,
        },
      );
      for (const { node } of segments.edges) {
        const { segmentPreview } = await system.ask(
          'query ($c: ID!, $f: Criteria!) { segmentPreview(clientId: $c, criteria: $f) { size } }',
          { c: clientId, f: { segment: node.segmentId } },
        );
        expect({ segment: node.segmentId, size: node.size }).toEqual({ segment: node.segmentId, size: segmentPreview.size });
      }
    });
  });
}
