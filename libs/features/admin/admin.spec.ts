import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { AdminUnderTest } from './testing/admin-under-test.js';

const everyone = { all: [] };

describe('the admin over HTTP', () => {
  let admin: AdminUnderTest;
  beforeAll(async () => {
    admin = await AdminUnderTest.start();
    await admin.command('registerClient', 'RegisterClientInput!', {
      clientId: 'golf',
      name: 'Golf',
      timeZone: 'Europe/London',
      currency: 'GBP',
    });
    await admin.command('registerClient', 'RegisterClientInput!', { clientId: 'tennis', name: 'Tennis' });
  });
  afterAll(() => admin?.stop());

  describe('keys', () => {
    it.each([
      ['no key', undefined],
      ['another scheme', 'Basic dml0cmluZTp2aXRyaW5l'],
      ['an unknown key', `Bearer vk_0123456789abcdef_${'x'.repeat(43)}`],
      ['an empty key', 'Bearer '],
      ['a long key', `Bearer ${'x'.repeat(5000)}`],
    ])('refuse %s with 401', async (_, authorization) => {
      const { status, body } = await admin.post({ query: '{ __typename }' }, authorization === undefined ? {} : { authorization });
      expect(status).toBe(401);
      expect(body.errors[0].extensions.code).toBe('UNAUTHENTICATED');
      expect(body.data).toBeUndefined();
    });

    it('count from their creation in another process on, and no more after they were revoked', async () => {
      const { keyId, token } = await admin.createKey(null);
      expect((await admin.graphql('{ __typename }', {}, { key: token })).data).toEqual({ __typename: 'Query' });
      await admin.revokeKey(keyId);
      const { status } = await admin.post({ query: '{ __typename }' }, { authorization: `Bearer ${token}` });
      expect(status).toBe(401);
    });

    it('of a client reach nothing of another one, as if there were none', async () => {
      const { token: key } = await admin.createKey('golf');
      await admin.command('defineSegment', 'DefineSegmentInput!', {
        clientId: 'tennis',
        segmentId: 'secret',
        name: 'Secret',
        criteria: everyone,
      });
      expect(await admin.ask('{ client(clientId: "tennis") { name } }', {}, { key })).toEqual({ client: null });
      for (const query of [
        '{ segment(clientId: "tennis", segmentId: "secret") { name } }',
        '{ segments(clientId: "tennis") { totalCount } }',
        '{ segmentPreview(clientId: "tennis", criteria: {all: []}) { size } }',
        '{ campaign(clientId: "tennis", campaignId: "c") { name } }',
        '{ campaigns(clientId: "tennis") { totalCount } }',
        '{ customers(clientId: "tennis") { totalCount } }',
        '{ customerSummary(clientId: "tennis") { customers } }',
        '{ snapshots(clientId: "tennis") { totalCount } }',
        '{ snapshotStatus(clientId: "tennis") { nodes { nodeId } } }',
        '{ isLive(clientId: "tennis", position: "0") }',
        '{ previewDecision(clientId: "tennis", campaignId: "c", customerId: "ann") { reason } }',
        '{ history(entity: {kind: SEGMENT, clientId: "tennis", id: "secret"}) { edges { cursor } } }',
      ]) {
        expect([query, await admin.errorCodes(query, {}, { key })]).toEqual([query, ['CLIENT_UNKNOWN']]);
      }
      const secret = { clientId: 'tennis', segmentId: 'secret' };
      const attempts: [string, string, object][] = [
        ['reviseClient', 'ReviseClientInput!', { clientId: 'tennis', name: 'Mine' }],
        ['registerContent', 'RegisterContentInput!', { clientId: 'tennis', contentId: 'c', type: 'HTML', body: 'x' }],
        ['reviseSegment', 'ReviseSegmentInput!', { ...secret, name: 'Mine' }],
        ['archiveSegment', 'ArchiveSegmentInput!', secret],
        ['createCampaign', 'CreateCampaignInput!', { clientId: 'tennis', campaignId: 'c', name: 'C' }],
        ['requestSnapshot', 'RequestSnapshotInput!', { clientId: 'tennis' }],
      ];
      for (const [name, type, input] of attempts) {
        expect([name, await admin.refusals(name, type, input, { key })]).toEqual([name, ['CLIENT_UNKNOWN']]);
      }
      expect(await admin.refusals('registerClient', 'RegisterClientInput!', { clientId: 'third', name: 'T' }, { key })).toEqual([
        'FORBIDDEN',
      ]);
      expect(await admin.ask('{ client(clientId: "golf") { name } }', {}, { key })).toEqual({ client: { name: 'Golf' } });
    });
  });

  describe('definitions', () => {
    it('are answered as they are after the command, with the position reached', async () => {
      const payload = await admin.command(
        'registerContent',
        'RegisterContentInput!',
        {
          clientId: 'golf',
          contentId: 'ten-off',
          type: 'IMAGE',
          address: 'https://golf.example/10.png',
          width: 728,
          height: 90,
          alt: '10 % off',
        },
        'position content { contentId type address body destination width height alt }',
      );
      expect(payload).toEqual({
        position: expect.stringMatching(/^\d+$/),
        content: {
          contentId: 'ten-off',
          type: 'IMAGE',
          address: 'https://golf.example/10.png',
          body: null,
          destination: null,
          width: 728,
          height: 90,
          alt: '10 % off',
        },
        userErrors: [],
      });
      const revised = await admin.command(
        'reviseContent',
        'RegisterContentInput!',
        { clientId: 'golf', contentId: 'ten-off', type: 'HTML', body: '<b>10 %</b>' },
        'position content { type address body width }',
      );
      expect(revised.content).toEqual({ type: 'HTML', address: null, body: '<b>10 %</b>', width: null });
      expect(BigInt(revised.position)).toBeGreaterThan(BigInt(payload.position));
    });

    it('of a client keep what is not given, and take an age away by null', async () => {
      const fields = 'client { name timeZone origins sampleRate snapshotIntervalSeconds snapshotMaxAgeSeconds currency }';
      await admin.command('registerClient', 'RegisterClientInput!', { clientId: 'bowls', name: 'Bowls', snapshotMaxAgeSeconds: 60 });
      const { client } = await admin.command(
        'reviseClient',
        'ReviseClientInput!',
        { clientId: 'bowls', origins: ['https://bowls.example'], name: null, snapshotMaxAgeSeconds: null },
        fields,
      );
      expect(client).toEqual({
        name: 'Bowls',
        timeZone: 'UTC',
        origins: ['https://bowls.example'],
        sampleRate: 1,
        snapshotIntervalSeconds: 900,
        snapshotMaxAgeSeconds: null,
        currency: 'USD',
      });
    });

    it('of a campaign go through its life, with whole rules', async () => {
      const ids = { clientId: 'golf', campaignId: 'spring' };
      const fields =
        'position campaign { status startsAt endsAt defaultContentId rules { ruleId priority segmentId when contentId groups { groupId weight contentId control } } }';
      await admin.command('defineSegment', 'DefineSegmentInput!', {
        clientId: 'golf',
        segmentId: 'buyers',
        name: 'Buyers',
        criteria: { field: 'orders.count', op: 'gte', value: 1 },
      });
      const created = await admin.command(
        'createCampaign',
        'CreateCampaignInput!',
        { ...ids, name: 'Spring', startsAt: '2026-03-01T00:00:00+01:00', defaultContentId: 'ten-off' },
        fields,
      );
      expect(created.campaign).toMatchObject({ status: 'DRAFT', startsAt: '2026-02-28T23:00:00.000Z', endsAt: null, rules: [] });
      const when = { field: 'request.device', op: 'eq', value: 'mobile' };
      const set = await admin.command(
        'setCampaignRules',
        'SetCampaignRulesInput!',
        {
          ...ids,
          rules: [
            { ruleId: 'r2', priority: 2, when, contentId: 'ten-off' },
            {
              ruleId: 'r1',
              priority: 1,
              segmentId: 'buyers',
              groups: [
                { groupId: 'none', weight: 5000, control: true },
                { groupId: 'ten', weight: 5000, contentId: 'ten-off' },
              ],
            },
          ],
        },
        fields,
      );
      expect(set.campaign.rules).toEqual([
        {
          ruleId: 'r1',
          priority: 1,
          segmentId: 'buyers',
          when: null,
          contentId: null,
          groups: [
            { groupId: 'none', weight: 5000, contentId: null, control: true },
            { groupId: 'ten', weight: 5000, contentId: 'ten-off', control: false },
          ],
        },
        { ruleId: 'r2', priority: 2, segmentId: null, when, contentId: 'ten-off', groups: null },
      ]);
      for (const [name, status] of [
        ['startCampaign', 'RUNNING'],
        ['pauseCampaign', 'PAUSED'],
        ['endCampaign', 'ENDED'],
      ] as const) {
        expect((await admin.command(name, 'CampaignInput!', ids, fields)).campaign.status).toBe(status);
      }
    });
  });

  describe('refusals', () => {
    const golf = { clientId: 'golf' };
    const rule = { ruleId: 'r', priority: 1, contentId: 'known' };
    beforeAll(async () => {
      await admin.command('registerContent', 'RegisterContentInput!', { ...golf, contentId: 'known', type: 'TEXT', body: 'x' });
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 'base', name: 'Base', criteria: everyone });
      await admin.command('defineSegment', 'DefineSegmentInput!', {
        ...golf,
        segmentId: 'above',
        name: 'Above',
        criteria: { segment: 'base' },
      });
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 'gone', name: 'Gone', criteria: everyone });
      await admin.command('archiveSegment', 'ArchiveSegmentInput!', { ...golf, segmentId: 'gone' });
      await admin.command('createCampaign', 'CreateCampaignInput!', { ...golf, campaignId: 'open', name: 'Open' });
      await admin.command('createCampaign', 'CreateCampaignInput!', { ...golf, campaignId: 'over', name: 'Over' });
      await admin.command('endCampaign', 'CampaignInput!', { ...golf, campaignId: 'over' });
    });

    const rules = (...given: object[]) =>
      ['setCampaignRules', 'SetCampaignRulesInput!', { ...golf, campaignId: 'open', rules: given }] as const;
    it.each<readonly [string, string, string, object, string[]?]>([
      ['CLIENT_EXISTS', 'registerClient', 'RegisterClientInput!', { ...golf, name: 'Again' }, ['clientId']],
      ['ID_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: 'a b', name: 'x' }, ['clientId']],
      ['ID_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: '../etc', name: 'x' }],
      ['ID_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: "x'; DROP TABLE customers", name: 'x' }],
      ['ID_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: 'x'.repeat(10_000), name: 'x' }],
      ['ID_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: 'nul\0', name: 'x' }],
      ['NAME_INVALID', 'registerClient', 'RegisterClientInput!', { clientId: 'long', name: 'x'.repeat(10_000) }, ['name']],
      [
        'NAME_INVALID',
        'defineSegment',
        'DefineSegmentInput!',
        { ...golf, segmentId: 'long', name: 'x'.repeat(201), criteria: { all: [] } },
      ],
      ['NAME_INVALID', 'createCampaign', 'CreateCampaignInput!', { ...golf, campaignId: 'long', name: 'x'.repeat(201) }],
      [
        'ID_INVALID',
        'defineSegment',
        'DefineSegmentInput!',
        { ...golf, segmentId: 'ünïcode', name: 'x', criteria: everyone },
        ['segmentId'],
      ],
      ['CLIENT_UNKNOWN', 'reviseClient', 'ReviseClientInput!', { clientId: 'nobody', name: 'x' }, ['clientId']],
      [
        'URL_INVALID',
        'reviseClient',
        'ReviseClientInput!',
        { ...golf, origins: ['https://golf.example', 'javascript:alert(1)'] },
        ['origins', '1'],
      ],
      [
        'URL_INVALID',
        'registerContent',
        'RegisterContentInput!',
        { ...golf, contentId: 'c', type: 'IMAGE', address: 'javascript:alert(1)' },
        ['address'],
      ],
      [
        'URL_INVALID',
        'registerContent',
        'RegisterContentInput!',
        { ...golf, contentId: 'c', type: 'TEXT', body: 'x', destination: 'data:text/html,x' },
        ['destination'],
      ],
      [
        'URL_INVALID',
        'registerContent',
        'RegisterContentInput!',
        { ...golf, contentId: 'c', type: 'IMAGE', address: `https://golf.example/${'x'.repeat(10_000)}` },
        ['address'],
      ],
      ['URL_INVALID', 'reviseClient', 'ReviseClientInput!', { ...golf, origins: [`https://${'x'.repeat(5000)}`] }, ['origins', '0']],
      ['CONTENT_EXISTS', 'registerContent', 'RegisterContentInput!', { ...golf, contentId: 'known', type: 'TEXT', body: 'x' }],
      ['CONTENT_UNKNOWN', 'reviseContent', 'RegisterContentInput!', { ...golf, contentId: 'nothing', type: 'TEXT', body: 'x' }],
      ['SEGMENT_EXISTS', 'defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 'base', name: 'Base', criteria: everyone }],
      ['SEGMENT_UNKNOWN', 'reviseSegment', 'ReviseSegmentInput!', { ...golf, segmentId: 'nothing', name: 'x' }],
      [
        'SEGMENT_UNKNOWN',
        'defineSegment',
        'DefineSegmentInput!',
        { ...golf, segmentId: 's', name: 'x', criteria: { not: { segment: 'nothing' } } },
        ['criteria', 'not', 'segment'],
      ],
      [
        'CRITERIA_INVALID',
        'defineSegment',
        'DefineSegmentInput!',
        { ...golf, segmentId: 's', name: 'x', criteria: { all: [{ field: 'orders.count', op: 'gte', value: 'one' }] } },
        ['criteria', 'all', '0', 'value'],
      ],
      [
        'CRITERIA_INVALID',
        'defineSegment',
        'DefineSegmentInput!',
        { ...golf, segmentId: 's', name: 'x', criteria: 'everyone' },
        ['criteria'],
      ],
      ['CRITERIA_INVALID', 'defineSegment', 'DefineSegmentInput!', { ...golf, segmentId: 's', name: 'x', criteria: nested(500) }],
      ['SEGMENT_CYCLE', 'reviseSegment', 'ReviseSegmentInput!', { ...golf, segmentId: 'base', criteria: { segment: 'above' } }],
      ['SEGMENT_ARCHIVED', 'reviseSegment', 'ReviseSegmentInput!', { ...golf, segmentId: 'gone', name: 'x' }],
      ['SEGMENT_IN_USE', 'archiveSegment', 'ArchiveSegmentInput!', { ...golf, segmentId: 'base' }],
      ['CAMPAIGN_EXISTS', 'createCampaign', 'CreateCampaignInput!', { ...golf, campaignId: 'open', name: 'x' }],
      ['CAMPAIGN_UNKNOWN', 'startCampaign', 'CampaignInput!', { ...golf, campaignId: 'nothing' }],
      ['CAMPAIGN_ENDED', 'startCampaign', 'CampaignInput!', { ...golf, campaignId: 'over' }],
      [
        'CONTENT_UNKNOWN',
        'createCampaign',
        'CreateCampaignInput!',
        { ...golf, campaignId: 'c', name: 'x', defaultContentId: 'nothing' },
        ['defaultContentId'],
      ],
      [
        'PERIOD_INVALID',
        'createCampaign',
        'CreateCampaignInput!',
        { ...golf, campaignId: 'c', name: 'x', startsAt: '2026-02-01T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' },
      ],
      ['PRIORITY_TAKEN', ...rules(rule, { ...rule, ruleId: 'r2' })],
      ['WEIGHTS_DO_NOT_SUM', ...rules({ ruleId: 'r', priority: 1, groups: [{ groupId: 'g', weight: 9999 }] }), ['rules', '0', 'groups']],
      ['RULE_CONTENT', ...rules({ ruleId: 'r', priority: 1 })],
      ['RULE_CONTENT', ...rules({ ...rule, groups: [{ groupId: 'g', weight: 10_000 }] })],
      ['CONTENT_UNKNOWN', ...rules({ ...rule, contentId: 'nothing' })],
      ['SEGMENT_UNKNOWN', ...rules({ ...rule, segmentId: 'nothing' })],
      ['CRITERIA_INVALID', ...rules({ ...rule, when: { field: 'orders.count', op: 'gt', value: 1 } })],
      ['CLIENT_UNKNOWN', 'requestSnapshot', 'RequestSnapshotInput!', { clientId: 'nobody' }],
    ])('%s: %s', async (...row) => {
      // Not as parameters: jest would give `done` in the place of an absent field.
      const [code, name, type, input, field] = row;
      const { data } = await admin.graphql(
        `mutation ($input: ${type}) { ${name}(input: $input) { position userErrors { code message field } } }`,
        { input },
      );
      expect(data[name].userErrors).toEqual([{ code, message: expect.any(String), field: field ?? expect.anything() }]);
      expect(data[name].position).toBeNull();
    });

    it('of queries are the same codes as errors', async () => {
      const preview = 'query ($criteria: Criteria!) { segmentPreview(clientId: "golf", criteria: $criteria) { size } }';
      const bad = { criteria: { any: [{ field: 'orders.counts', op: 'gt', value: 1 }] } };
      const answer = await admin.graphql(preview, bad);
      expect(answer.errors[0].extensions).toMatchObject({ code: 'CRITERIA_INVALID', field: ['criteria', 'any', '0', 'field'] });
      expect(await admin.errorCodes(preview, { criteria: nested(2000) })).toEqual(['CRITERIA_INVALID']);
      expect(await admin.errorCodes(preview, { criteria: { segment: 'nothing' } })).toEqual(['SEGMENT_UNKNOWN']);
      expect(await admin.errorCodes('{ segments(clientId: "nobody") { totalCount } }')).toEqual(['CLIENT_UNKNOWN']);
      expect(await admin.errorCodes('{ segments(clientId: "no body") { totalCount } }')).toEqual(['ID_INVALID']);
      expect(await admin.errorCodes('{ client(clientId: "\' OR 1=1") { name } }')).toEqual(['ID_INVALID']);
      expect(await admin.errorCodes('{ segment(clientId: "golf", segmentId: "../x") { name } }')).toEqual(['ID_INVALID']);
      expect(await admin.ask('{ client(clientId: "nobody") { name } segment(clientId: "golf", segmentId: "nothing") { name } }')).toEqual({
        client: null,
        segment: null,
      });
    });

    it('of malformed input name the fields', async () => {
      const named = await admin.graphql('mutation ($input: RegisterClientInput!) { registerClient(input: $input) { position } }', {
        input: { clientId: 'x', name: 'n'.repeat(5000), origins: Array.from({ length: 200 }, () => 'https://x.example') },
      });
      expect(named.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(named.errors[0].extensions.fields.map(({ field }: { field: string }) => field)).toEqual(['origins']);
      const nestedRule = await admin.graphql('mutation ($input: SetCampaignRulesInput!) { setCampaignRules(input: $input) { position } }', {
        input: { clientId: 'golf', campaignId: 'open', rules: Array.from({ length: 501 }, (_, priority) => ({ ...rule, priority })) },
      });
      expect(nestedRule.errors[0].extensions.fields[0].field).toBe('rules');
      for (const input of [
        { clientId: 'x' },
        { clientId: 'x', name: 7 },
        { clientId: 'x', name: 'x', sampleRate: 'all' },
        { clientId: 'x', name: 'x', admin: true },
      ]) {
        const codes = await admin.errorCodes('mutation ($input: RegisterClientInput!) { registerClient(input: $input) { position } }', {
          input,
        });
        expect(codes).toEqual(['BAD_USER_INPUT']);
      }
      expect(await admin.errorCodes('{ customers(clientId: "golf", asOf: "2026-02-30T00:00:00Z") { totalCount } }')).not.toEqual([]);
    });
  });

  describe('read your writes', () => {
    it('waits for a position that is there, and says NOT_YET for one that is not', async () => {
      const { position } = await admin.command('reviseClient', 'ReviseClientInput!', { clientId: 'golf', sampleRate: 0.5 });
      expect(await admin.ask('{ client(clientId: "golf") { sampleRate } }', {}, { after: position })).toEqual({
        client: { sampleRate: 0.5 },
      });
      const beyond = String(BigInt(position) + 1_000_000n);
      expect(await admin.errorCodes('{ client(clientId: "golf") { sampleRate } }', {}, { after: beyond })).toEqual(['NOT_YET']);
    });

    it.each(['', 'newest', '-1', '1e9', '9'.repeat(40)])('refuses the header %j', async (after) => {
      expect(await admin.errorCodes('{ __typename }', {}, { after })).toEqual(['BAD_USER_INPUT']);
    });
  });

  describe('lists', () => {
    it('come in pages, in the order of definition', async () => {
      await admin.command('registerClient', 'RegisterClientInput!', { clientId: 'pages', name: 'Pages' });
      const ids = Array.from({ length: 7 }, (_, index) => `s${6 - index}`);
      for (const segmentId of ids)
        await admin.command('defineSegment', 'DefineSegmentInput!', { clientId: 'pages', segmentId, name: segmentId, criteria: everyone });
      const query =
        'query ($after: String) { segments(clientId: "pages", first: 3, after: $after) { totalCount edges { cursor node { segmentId } } pageInfo { hasNextPage endCursor } } }';
      const seen: string[] = [];
      let after: string | null = null;
      for (let more = true; more; ) {
        const { segments } = await admin.ask(query, { after });
        expect(segments.totalCount).toBe(7);
        seen.push(...segments.edges.map(({ node }: { node: { segmentId: string } }) => node.segmentId));
        after = segments.pageInfo.endCursor;
        more = segments.pageInfo.hasNextPage;
      }
      expect(seen).toEqual(ids);
    });

    it.each([['first: 1001'], ['first: -1'], ['after: "bm90IG91cnM"'], ['after: "%00"']])('refuse %s', async (page) => {
      expect(await admin.errorCodes(`{ segments(clientId: "golf", ${page}) { totalCount } }`)).toEqual(['BAD_USER_INPUT']);
    });
  });

  describe('history', () => {
    it('says who did what, from the first event on', async () => {
      const ids = { clientId: 'golf', segmentId: 'told' };
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...ids, name: 'Told', criteria: everyone });
      await admin.command('reviseSegment', 'ReviseSegmentInput!', { ...ids, name: 'Retold' });
      await admin.command('archiveSegment', 'ArchiveSegmentInput!', ids);
      const query =
        'query ($after: String) { history(entity: {kind: SEGMENT, clientId: "golf", id: "told"}, first: 2, after: $after) { edges { node { revision type time actor data } } pageInfo { hasNextPage endCursor } } }';
      const { history } = await admin.ask(query);
      expect(history.edges.map(({ node }: { node: object }) => node)).toEqual([
        {
          revision: 0,
          type: 'SegmentDefined',
          time: expect.stringMatching(/Z$/),
          actor: `key:${admin.keyId}`,
          data: { segmentId: 'told', name: 'Told', criteria: everyone },
        },
        { revision: 1, type: 'SegmentRevised', time: expect.stringMatching(/Z$/), actor: `key:${admin.keyId}`, data: { name: 'Retold' } },
      ]);
      expect(history.pageInfo.hasNextPage).toBe(true);
      const next = await admin.ask(query, { after: history.pageInfo.endCursor });
      expect(next.history.edges.map(({ node }: { node: { type: string } }) => node.type)).toEqual(['SegmentArchived']);
      expect(next.history.pageInfo.hasNextPage).toBe(false);
      expect(await admin.errorCodes('{ history(entity: {kind: CONTENT, clientId: "golf", id: "nothing"}) { edges { cursor } } }')).toEqual([
        'CONTENT_UNKNOWN',
      ]);
      expect(await admin.errorCodes('{ history(entity: {kind: CONTENT, clientId: "golf"}) { edges { cursor } } }')).toEqual([
        'BAD_USER_INPUT',
      ]);
      const client = await admin.ask('{ history(entity: {kind: CLIENT, clientId: "golf"}) { edges { node { type } } } }');
      expect(client.history.edges[0].node.type).toBe('ClientRegistered');
    });

    it('of two revisions at once has both, or one was told of the conflict', async () => {
      const ids = { clientId: 'golf', segmentId: 'contended' };
      await admin.command('defineSegment', 'DefineSegmentInput!', { ...ids, name: 'Contended', criteria: everyone });
      const mutation = 'mutation ($input: ReviseSegmentInput!) { reviseSegment(input: $input) { segment { name } userErrors { code } } }';
      const answers = await Promise.all(['left', 'right'].map((name) => admin.graphql(mutation, { input: { ...ids, name } })));
      expect(answers.map(({ errors }) => errors)).toEqual([undefined, undefined]);
      const { history } = await admin.ask(
        '{ history(entity: {kind: SEGMENT, clientId: "golf", id: "contended"}) { edges { node { data } } } }',
      );
      expect(
        history.edges
          .slice(1)
          .map(({ node }: { node: { data: { name: string } } }) => node.data.name)
          .sort(),
      ).toEqual(['left', 'right']);
    });
  });

  it('shows its schema to the known tools, to whom has a key', async () => {
    const asked = { inputValueDeprecation: true, schemaDescription: true, specifiedByUrl: true, directiveIsRepeatable: true, oneOf: true };
    const schema = buildClientSchema(await admin.ask(getIntrospectionQuery(asked)));
    expect(Object.keys(schema.getMutationType()?.getFields() ?? {})).toContain('setCampaignRules');
  });

  describe('hostile requests', () => {
    it('too deep', async () => {
      const deep = `{ history(entity: {kind: CLIENT, clientId: "golf"}) ${'{ edges { node '.repeat(1)}{ data } } } }`;
      expect(await admin.errorCodes(deep)).toEqual([]);
      const type = `${'{ ofType '.repeat(40)}{ name }${' }'.repeat(40)}`;
      const answer = await admin.graphql(`{ __schema { types { fields { type ${type} } } } }`);
      expect(answer.errors[0].extensions.code).toMatch(/QUERY_TOO_DEEP|GRAPHQL_VALIDATION_FAILED/);
    });

    it('too costly, by sizes, aliases, and fragments of fragments', async () => {
      const segments = 'segments(clientId: "golf", first: 1000) { edges { node { segmentId name criteria status size } } }';
      const many = Array.from({ length: 10 }, (_, index) => `a${index}: ${segments}`).join(' ');
      expect(await admin.errorCodes(`{ ${many} }`)).toEqual(['QUERY_TOO_COSTLY']);
      const byVariable = await admin.errorCodes(`query ($n: Int = 1000) { ${many.replaceAll('1000', '$n')} }`);
      expect(byVariable).toEqual(['QUERY_TOO_COSTLY']);
      const previews = Array.from(
        { length: 60 },
        (_, index) => `p${index}: segmentPreview(clientId: "golf", criteria: {all: []}) { size }`,
      ).join(' ');
      expect(await admin.errorCodes(`{ ${previews} }`)).toEqual(['QUERY_TOO_COSTLY']);
      const doubling = Array.from(
        { length: 25 },
        (_, index) => `fragment f${index} on Query { a${index}: __typename ...f${index + 1} b${index}: __typename ...f${index + 1} }`,
      );
      const started = performance.now();
      await admin.graphql(`{ ...f0 } ${doubling.join(' ')} fragment f25 on Query { __typename }`);
      expect(performance.now() - started).toBeLessThan(20_000);
    });

    it('malformed, too long, or of other kinds, without a word of the inside', async () => {
      const tokens = await admin.post({ query: `{ ${'a '.repeat(20_000)} }` });
      expect(tokens.status).toBe(400);
      const brackets = await admin.post({
        query: `{ segmentPreview(clientId: "golf", criteria: {all: ${'['.repeat(4000)}${']'.repeat(4000)}}) { size } }`,
      });
      expect(brackets.status).toBeLessThan(500);
      expect((await admin.post('{"query":')).status).toBe(400);
      expect((await admin.post({ query: `{ __typename } # ${'x'.repeat(2 * 1024 * 1024)}` })).status).toBe(413);
      expect((await admin.post({ query: 'mutation { nothing }' })).status).toBe(400);
      expect((await admin.post([{ query: '{ __typename }' }])).status).toBe(400);
      for (const { body } of [tokens, brackets]) expect(JSON.stringify(body)).not.toMatch(/node_modules|at \w+ \(|\.ts:|\.js:/);
    });
  });

  describe('pages', () => {
    it('say what is here, and serve GraphiQL from this machine alone', async () => {
      const landing = await fetch(`${admin.url}/`);
      expect(landing.headers.get('content-type')).toContain('text/html');
      expect(await landing.text()).toContain('/graphiql');
      const page = await (await fetch(`${admin.url}/graphiql`)).text();
      expect(page).not.toMatch(/https?:\/\//);
      for (const [, asset] of page.matchAll(/(?:src|href)="(\/graphiql\/[^"]+)"/g)) {
        const response = await fetch(`${admin.url}${asset}`);
        expect([asset, response.status]).toEqual([asset, 200]);
        expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
      }
    });
  });
});

function nested(levels: number): object {
  let criteria: object = everyone;
  for (let level = 0; level < levels; level += 1) criteria = { not: criteria };
  return criteria;
}
