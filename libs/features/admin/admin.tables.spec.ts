import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { customerHash, encodeIncrement, segmentSet } from '#libs/snapshots';
import { AdminUnderTest, uploadBytesMax } from './testing/admin-under-test.js';

const mapping = {
  format: 'csv',
  delimiter: ',',
  header: true,
  rows: [
    {
      when: { column: 'what', equals: 'order' },
      type: 'Order Completed',
      customerId: 'who',
      time: { column: 'at', format: 'iso' },
      messageId: ['id'],
      properties: { order_id: 'id', total: 'total' },
    },
    {
      when: { column: 'what', equals: 'view' },
      type: 'Product Viewed',
      customerId: 'who',
      time: { column: 'at', format: 'iso' },
      messageId: ['id'],
      properties: { product_id: 'id' },
    },
  ],
};

const csv = `id,who,what,at,total
o1,ann,order,2026-03-01T10:00:00Z,10.50
o2,ann,order,2026-04-01T10:00:00Z,4.25
v1,ann,view,2026-03-01T09:00:00Z,
v2,bob,view,2026-03-02T09:00:00Z,
v3,cid,view,2026-05-02T09:00:00Z,
v3,cid,view,2026-05-02T09:00:00Z,
x1,dan,nothing,2026-05-02T09:00:00Z,
o4,eve,order,yesterday,1
`;

const buyers = { field: 'orders.count', op: 'gte', value: 1 };

describe('the admin over the tables', () => {
  let admin: AdminUnderTest;
  let golfKey: string;
  let tennisKey: string;
  let imported: { importId: string; position: string };
  const golf = { clientId: 'golf' };

  beforeAll(async () => {
    admin = await AdminUnderTest.start();
    await admin.command('registerClient', 'RegisterClientInput!', { ...golf, name: 'Golf', currency: 'GBP' });
    await admin.command('registerClient', 'RegisterClientInput!', { clientId: 'tennis', name: 'Tennis' });
    golfKey = (await admin.createKey('golf')).token;
    tennisKey = (await admin.createKey('tennis')).token;
    const { body } = await admin.upload(csv, golfKey);
    const input = { ...golf, uploadId: body.uploadId, mapping };
    const started = await admin.command('startImport', 'StartImportInput!', input, 'position import { importId status }', { key: golfKey });
    imported = { importId: started.import.importId, position: await done(started.import.importId) };
  });
  afterAll(() => admin?.stop());

  async function done(importId: string): Promise<string> {
    for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 30))) {
      const answer = await admin.ask('query ($id: ID!) { import(importId: $id) { status error } }', { id: importId });
      if (answer.import.status === 'FAILED') throw new Error(answer.import.error);
      if (answer.import.status === 'DONE') return String(await admin.log.lastPosition());
    }
    throw new Error('the import has not ended within 20 s');
  }

  describe('imports', () => {
    it('count every row once', async () => {
      const fields = 'status read imported duplicate rejected skipped error';
      const answer = await admin.ask(
        `query ($id: ID!) { import(importId: $id) { ${fields} } }`,
        { id: imported.importId },
        { key: golfKey },
      );
      expect(answer.import).toEqual({ status: 'DONE', read: 8, imported: 5, duplicate: 1, rejected: 1, skipped: 1, error: null });
    });

    it('and uploads are of one client alone', async () => {
      const query = 'query ($id: ID!) { import(importId: $id) { status } }';
      expect(await admin.ask(query, { id: imported.importId }, { key: tennisKey })).toEqual({ import: null });
      expect(await admin.ask(query, { id: 'nothing' })).toEqual({ import: null });
      const { body } = await admin.upload(csv, golfKey);
      const refusals = (clientId: string, key: string, uploadId: string = body.uploadId) =>
        admin.refusals('startImport', 'StartImportInput!', { clientId, uploadId, mapping }, { key });
      expect(await refusals('tennis', tennisKey)).toEqual(['UPLOAD_UNKNOWN']);
      expect(await refusals('golf', tennisKey)).toEqual(['CLIENT_UNKNOWN']);
      expect(await refusals('golf', golfKey, '../../etc/passwd')).toEqual(['UPLOAD_UNKNOWN']);
      expect(
        await admin.refusals(
          'startImport',
          'StartImportInput!',
          { ...golf, uploadId: body.uploadId, mapping: { format: 'xml' } },
          { key: golfKey },
        ),
      ).toEqual(['MAPPING_INVALID']);
    });

    it('need a key and a file of a size that is taken', async () => {
      expect(await admin.upload(csv, '')).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      expect(await admin.upload('x'.repeat(uploadBytesMax))).toMatchObject({ status: 201, body: { uploadId: expect.any(String) } });
      const large = await admin.upload('x'.repeat(uploadBytesMax + 1)).catch((error: Error) => error);
      // The server answers and hangs up while the file is still coming: a client may see either.
      if (!(large instanceof Error)) expect(large).toMatchObject({ status: 413, body: { code: 'UPLOAD_TOO_LARGE' } });
    });
  });

  describe('review', () => {
    it('previews a segment, as of now and of earlier', async () => {
      const query =
        'query ($criteria: Criteria!, $asOf: DateTime) { segmentPreview(clientId: "golf", criteria: $criteria, asOf: $asOf) { size share sample } }';
      const after = { after: imported.position };
      const now = await admin.ask(query, { criteria: buyers }, after);
      expect(now.segmentPreview).toEqual({ size: 1, share: 1 / 3, sample: ['ann'] });
      const early = await admin.ask(query, { criteria: { all: [] }, asOf: '2026-03-01T12:00:00+01:00' }, after);
      expect(early.segmentPreview).toMatchObject({ size: 1, sample: ['ann'] });
      const listed = await admin.ask(query, { criteria: { customers: ['zoe', 'ann'] } }, after);
      expect(listed.segmentPreview).toEqual({ size: 2, share: 1 / 3, sample: ['ann', 'zoe'] });
      const none = await admin.ask('{ segmentPreview(clientId: "tennis", criteria: {all: []}) { size share sample } }', {}, after);
      expect(none.segmentPreview).toEqual({ size: 0, share: 0, sample: [] });
    });

    it('lists customers in pages with their fields', async () => {
      const query =
        'query ($after: String, $filter: Criteria) { customers(clientId: "golf", first: 2, after: $after, filter: $filter) { totalCount edges { node { customerId fields segmentIds } } pageInfo { hasNextPage endCursor } } }';
      const first = (await admin.ask(query, {}, { after: imported.position })).customers;
      expect(first.totalCount).toBe(3);
      expect(first.edges.map(({ node }: { node: { customerId: string } }) => node.customerId)).toEqual(['ann', 'bob']);
      expect(first.edges[0].node.fields).toMatchObject({
        'orders.count': 2,
        'orders.total': '14.7500',
        'orders.last': '2026-04-01T10:00:00.000Z',
        'views.count': 1,
      });
      const second = (await admin.ask(query, { after: first.pageInfo.endCursor })).customers;
      expect(second).toMatchObject({ totalCount: 3, edges: [{ node: { customerId: 'cid' } }], pageInfo: { hasNextPage: false } });
      expect((await admin.ask(query, { filter: buyers })).customers.totalCount).toBe(1);
    });

    it('sums up a period', async () => {
      const fields =
        'customers newCustomers purchasers visits productViews cartAdds orders revenue currency bySource { source customers purchasers orders revenue }';
      const { customerSummary } = await admin.ask(
        `{ customerSummary(clientId: "golf", period: {from: "2026-03-01T00:00:00Z", to: "2026-04-01T00:00:00Z"}) { ${fields} } }`,
        {},
        { after: imported.position },
      );
      expect(customerSummary).toEqual({
        customers: 2,
        newCustomers: 2,
        purchasers: 1,
        visits: 2,
        productViews: 2,
        cartAdds: 0,
        orders: 1,
        revenue: expect.stringMatching(/^10\.50*$/),
        currency: 'GBP',
        bySource: [{ source: 'unknown', customers: 2, purchasers: 1, orders: 1, revenue: expect.stringMatching(/^10\.50*$/) }],
      });
      const backwards =
        '{ customerSummary(clientId: "golf", period: {from: "2026-04-01T00:00:00Z", to: "2026-03-01T00:00:00Z"}) { customers } }';
      expect(await admin.errorCodes(backwards)).toEqual(['PERIOD_INVALID']);
    });

    it('takes hostile texts for texts', async () => {
      const injected = "ann') OR 1=1 -- \\' {client:String}";
      const criteria = {
        any: [
          { field: 'arrival.source', op: 'eq', value: injected },
          { field: `attributes.${injected}`, op: 'exists', value: true },
        ],
      };
      const query = 'query ($criteria: Criteria!) { segmentPreview(clientId: "golf", criteria: $criteria) { size } }';
      const answer = await admin.graphql(query, { criteria });
      if (answer.errors === undefined) expect(answer.data.segmentPreview.size).toBe(0);
      else expect(answer.errors[0].extensions.code).toBe('CRITERIA_INVALID');
      const plain = await admin.ask(query, { criteria: { field: 'arrival.source', op: 'eq', value: injected } });
      expect(plain.segmentPreview.size).toBe(0);
    });
  });

  describe('snapshots', () => {
    it('are null before the first, then sizes and memberships come from the newest audience', async () => {
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 'buyers', name: 'Buyers', criteria: buyers });
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 'all', name: 'All', criteria: { all: [] } });
      const query =
        '{ segments(clientId: "golf") { edges { node { segmentId size } } } customers(clientId: "golf") { edges { node { customerId segmentIds } } } snapshots(clientId: "golf") { totalCount } snapshotStatus(clientId: "golf") { audience { version } playbook { version } } }';
      expect(await admin.ask(query)).toMatchObject({
        segments: { edges: [{ node: { segmentId: 'buyers', size: null } }, { node: { segmentId: 'all', size: null } }] },
        snapshots: { totalCount: 0 },
        snapshotStatus: { audience: null, playbook: null },
      });
      const { audience, playbook } = await admin.publishSnapshots('golf');
      const answer = await admin.ask(query);
      expect(answer).toMatchObject({
        segments: { edges: [{ node: { segmentId: 'buyers', size: 1 } }, { node: { segmentId: 'all', size: 3 } }] },
        snapshots: { totalCount: 2 },
        snapshotStatus: { audience: { version: audience }, playbook: { version: playbook } },
      });
      const byId = Object.fromEntries(
        answer.customers.edges.map(({ node }: { node: { customerId: string; segmentIds: string[] } }) => [
          node.customerId,
          [...node.segmentIds].sort(),
        ]),
      );
      expect(byId).toEqual({ ann: ['all', 'buyers'], bob: ['all'], cid: ['all'] });
      const listed = await admin.ask(
        '{ snapshots(clientId: "golf", first: 1) { edges { node { kind version builtFrom builtAt bytes sha256 customers memberships } } pageInfo { hasNextPage } } }',
      );
      expect(listed.snapshots).toEqual({
        edges: [
          {
            node: {
              kind: 'AUDIENCE',
              version: audience,
              builtFrom: expect.stringMatching(/^\d+$/),
              builtAt: expect.stringMatching(/Z$/),
              bytes: expect.any(Number),
              sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
              customers: 3,
              memberships: expect.any(Number),
            },
          },
        ],
        pageInfo: { hasNextPage: true },
      });
    });

    it('count whom increments added, under the version that answers name', async () => {
      const current = await admin.publication.current('golf', 'audience');
      if (current === null) throw new Error('the spec before this one publishes an audience');
      const { version, position } = current;
      const bytes = encodeIncrement({ base: version, sequence: 1, segments: 2 }, [
        { hash: customerHash('dan'), set: segmentSet(['all', 'buyers'], []) },
      ]);
      const builtAt = new Date().toISOString();
      await admin.publication.publishIncrement({ clientId: 'golf', base: version, sequence: 1, position, builtAt, bytes });
      const { snapshotStatus } = await admin.ask('{ snapshotStatus(clientId: "golf") { audience { version customers memberships } } }');
      expect(snapshotStatus.audience).toEqual({ version: `${version}+1`, customers: 4, memberships: 3 });
    });

    it('are live when every node that serves the client has loaded them', async () => {
      const { position } = await admin.command('requestSnapshot', 'RequestSnapshotInput!', { ...golf, kind: 'PLAYBOOK' });
      const live = async (asked: string, kind = 'PLAYBOOK') =>
        (
          await admin.ask('query ($p: Position!, $k: SnapshotKind) { isLive(clientId: "golf", position: $p, kind: $k) }', {
            p: asked,
            k: kind,
          })
        ).isLive;
      expect(await live(position)).toBe(false);
      const acknowledge = (nodeId: string, kind: 'audience' | 'playbook', at: bigint) =>
        admin.publication.acknowledge({
          nodeId,
          clientId: 'golf',
          kind,
          version: 'v',
          position: at as never,
          loadedAt: new Date().toISOString(),
        });
      await acknowledge('n1', 'playbook', BigInt(position));
      expect(await live(position)).toBe(true);
      expect(await live(position, 'AUDIENCE')).toBe(false);
      await acknowledge('n2', 'playbook', BigInt(position) - 1n);
      expect(await live(position)).toBe(false);
      expect(await live(String(BigInt(position) - 1n))).toBe(true);
      await acknowledge('n2', 'playbook', BigInt(position) + 1_000_000n);
      expect(await live(position)).toBe(true);
      expect(await live(String(BigInt(position) + 1_000_000n))).toBe(false);
      const { snapshotStatus } = await admin.ask('{ snapshotStatus(clientId: "golf") { nodes { nodeId kind version loadedAt } } }');
      expect(snapshotStatus.nodes.map(({ nodeId }: { nodeId: string }) => nodeId).sort()).toEqual(['n1', 'n2']);
      expect(await admin.errorCodes('{ isLive(clientId: "golf", position: "now") }')).not.toEqual([]);
    });
  });

  describe('explanations', () => {
    const query =
      'query ($id: ID!) { explainDecision(decisionId: $id) { recorded { decisionId clientId campaignId customerId contentId segmentId ruleId group reason playbook audience time } recomputed { contentId ruleId reason } agrees steps } }';

    async function served(decisionId: string, more: object): Promise<string> {
      const receipt = await admin.facts.put([
        {
          category: 'served',
          clientId: 'golf',
          type: 'ContentServed',
          data: {
            decisionId,
            campaignId: 'spring',
            customerId: 'ann',
            sessionId: null,
            placementId: null,
            contentId: 'offer',
            segmentId: 'buyers',
            ruleId: 'r1',
            group: null,
            reason: 'TARGETING_MATCH',
            audience: null,
            sampleRate: 1,
            time: '2026-06-01T10:00:00.000Z',
            form: 'json',
            request: { url: null, referrer: null, device: 'desktop', browser: null, country: null, context: {} },
            ...more,
          },
        },
      ]);
      return String(await receipt.appended());
    }

    it('compute the answer again from what it names, for its own client alone', async () => {
      await admin.command('registerContent', 'RegisterContentInput!', { ...golf, contentId: 'offer', type: 'TEXT', body: 'ten off' });
      await admin.command('createCampaign', 'CreateCampaignInput!', { ...golf, campaignId: 'spring', name: 'Spring' });
      const rules = [{ ruleId: 'r1', priority: 1, segmentId: 'buyers', contentId: 'offer' }];
      await admin.command('setCampaignRules', 'SetCampaignRulesInput!', { ...golf, campaignId: 'spring', rules });
      await admin.command('startCampaign', 'CampaignInput!', { ...golf, campaignId: 'spring' });
      const { audience, playbook } = await admin.publishSnapshots('golf');
      const after = await served('d-1', { audience, playbook });
      const { explainDecision } = await admin.ask(query, { id: 'd-1' }, { key: golfKey, after });
      expect(explainDecision).toEqual({
        recorded: {
          decisionId: 'd-1',
          clientId: 'golf',
          campaignId: 'spring',
          customerId: 'ann',
          contentId: 'offer',
          segmentId: 'buyers',
          ruleId: 'r1',
          group: null,
          reason: 'TARGETING_MATCH',
          playbook,
          audience,
          time: '2026-06-01T10:00:00.000Z',
        },
        recomputed: { contentId: 'offer', ruleId: 'r1', reason: 'TARGETING_MATCH' },
        agrees: true,
        steps: expect.arrayContaining([expect.stringContaining('r1')]),
      });
      expect(await admin.ask(query, { id: 'd-1' }, { key: tennisKey, after })).toEqual({ explainDecision: null });
      const wrong = await served('d-2', { audience, playbook, customerId: 'bob' });
      expect((await admin.ask(query, { id: 'd-2' }, { after: wrong })).explainDecision).toMatchObject({
        recomputed: { contentId: null, ruleId: null, reason: 'DEFAULT' },
        agrees: false,
      });
      const gone = await served('d-3', { playbook: '0123456789abcdef' });
      expect((await admin.ask(query, { id: 'd-3' }, { after: gone })).explainDecision).toMatchObject({ recomputed: null, agrees: null });
    });

    it('say what a customer would be shown now, and record nothing', async () => {
      const would = (customerId: string, more = '') =>
        admin.ask(
          `query ($who: ID!) { previewDecision(clientId: "golf", campaignId: "spring", customerId: $who${more}) { contentId content { type body } segmentId ruleId group reason steps } }`,
          { who: customerId },
          { key: golfKey },
        );
      const { totalCount } = (await admin.ask('{ customers(clientId: "golf") { totalCount } }')).customers;
      expect((await would('ann')).previewDecision).toMatchObject({
        contentId: 'offer',
        content: { type: 'TEXT', body: 'ten off' },
        segmentId: 'buyers',
        ruleId: 'r1',
        group: null,
        reason: 'TARGETING_MATCH',
        steps: ['The customer is in: buyers, all.', expect.stringContaining('Rule r1')],
      });
      expect((await would('never-seen', ', context: {cart_items: 3}')).previewDecision).toMatchObject({
        contentId: null,
        reason: 'DEFAULT',
      });
      expect(await admin.ask('{ previewDecision(clientId: "golf", campaignId: "none", customerId: "ann") { reason } }')).toEqual({
        previewDecision: null,
      });
      expect(await admin.errorCodes('{ previewDecision(clientId: "golf", campaignId: "spring", customerId: "") { reason } }')).toEqual([
        'ID_INVALID',
      ]);
      expect((await admin.ask('{ customers(clientId: "golf") { totalCount } }')).customers.totalCount).toBe(totalCount);
    });

    it('of unknown answers are null', async () => {
      for (const id of ['nothing', "' OR 1=1", 'x'.repeat(5000), ''])
        expect(await admin.ask(query, { id })).toEqual({ explainDecision: null });
    });
  });

  // The last: the tables do not come back.
  it('says nothing of where the tables were when they are away, and goes on without them', async () => {
    await admin.engine.stop();
    const answer = await admin.graphql('{ customers(clientId: "golf") { totalCount } }');
    expect(answer.errors).toHaveLength(1);
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|password|SELECT/);
    expect(await admin.ask('{ client(clientId: "golf") { name } }')).toEqual({ client: { name: 'Golf' } });
  });
});
