import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { say } from '../../../plain-http/testing/say.js';
import { Builder, campaign, content, group, makeFolders, playbook, rule, until } from '../testing/edge.js';
import { cuts, endings, lastRequest, pieces, requests, wholeRequests } from './testing/conversations.js';
import { startTwoEdges, type TwoEdges } from './testing/two-edges.js';

const seed = Number(process.env['SEED'] ?? 20_261_123);
const trials = Number(process.env['TRIALS'] ?? 300);

const contents = [
  content('plain', { destination: null }),
  content('ten', { width: 728, height: 90, alt: '10 % off "ü"' }),
  content('html', { type: 'html', address: null, body: '<b title="x">Hi \u{1f3cc}</b>' }),
];
const golf = playbook('golf', contents, [
  campaign('spring', [
    rule('r1', 1, { segmentId: 'vip', contentId: 'html' }),
    rule('r2', 2, { segmentId: 'repeat', contentId: 'ten' }),
    rule('r3', 3, { when: { field: 'context.cart_items', op: 'gte', value: 3 }, contentId: 'html' }),
    rule('r4', 4, { when: { field: 'request.device', op: 'eq', value: 'mobile' }, contentId: 'ten' }),
    rule('r5', 5, { when: { field: 'request.url', op: 'contains', value: 'clubs' }, contentId: 'ten' }),
    rule('r6', 6, { when: { field: 'request.country', op: 'eq', value: 'DE' }, contentId: 'ten' }),
    rule('r7', 7, { when: { field: 'request.placement', op: 'eq', value: 'hero' }, contentId: 'html' }),
  ]),
  campaign('split', [rule('s1', 1, { groups: [group('control', 3000, null), group('a', 3000, 'ten'), group('b', 4000, 'html')] })]),
  campaign('paused', [rule('r1', 1, { contentId: 'ten' })], { status: 'paused' }),
  campaign('bare.-_x', [], { defaultContentId: null }),
]);
const members = { ann: ['repeat'], bob: ['repeat', 'vip'], cem: [], 'Löwe ü': ['vip'], "o'neil=1": ['repeat'] };

let edges: TwoEdges;
let trial = 0;
beforeAll(async () => {
  const folders = await makeFolders();
  const builder = await Builder.open(folders);
  edges = await startTwoEdges(folders, builder);
  await builder.playbook(golf);
  await builder.playbook(playbook('tennis', contents, Object.values(golf.campaigns), { origins: ['https://tennis.example'] }));
  await builder.audience('golf', ['repeat', 'vip'], members);
  for (const { tables } of [edges.fast, edges.common]) {
    await until('the snapshots are loaded', () => tables.of('golf')?.audience != null && tables.of('tennis') !== undefined);
  }
});
afterAll(() => edges.close());

async function bothSay(conversation: readonly (readonly Buffer[])[]): Promise<void> {
  trial += 1;
  edges.begin(trial);
  const [fast, common] = await Promise.all([say(edges.fast.url, conversation), say(edges.common.url, conversation)]);
  expect(fast).toBe(common);
}

describe(`the fast path (SEED=${seed}, TRIALS=${trials})`, () => {
  it('answers as the HTTP server does, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(requests, endings, cuts, (asked, ending, at) => bothSay([...asked, ending].map((text) => pieces(text, at)))),
      { numRuns: trials, seed },
    );
  }, 280_000);

  it('answers requests that come together in order, wherever the packets end', async () => {
    await fc.assert(
      fc.asyncProperty(wholeRequests, cuts, (asked, at) => bothSay([pieces(asked.join('') + lastRequest, at)])),
      { numRuns: Math.ceil(trials / 3), seed },
    );
  }, 280_000);

  it('has gone each of its ways often', async () => {
    const metrics = await edges.fast.registry.metrics();
    const counted = (name: string) =>
      Number(
        metrics
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length),
      );
    expect(counted('vitrine_fast_path_answers_total{way="prepared"}')).toBeGreaterThan(trials / 5);
    expect(counted('vitrine_fast_path_answers_total{way="composed"}')).toBeGreaterThan(trials / 5);
    expect(counted('vitrine_fast_path_handed_over_total')).toBeGreaterThan(trials / 5);
    await until('all connections are gone', async () => /^vitrine_fast_path_connections 0$/m.test(await edges.fast.registry.metrics()));
  });

  it('leaves the same records', async () => {
    const records = async (edge: TwoEdges['fast']) => (await edge.recorded()).map(({ type, data }) => JSON.stringify([type, data])).sort();
    const [fast, common] = [await records(edges.fast), await records(edges.common)];
    expect(fast.length).toBeGreaterThan(trials);
    expect(fast).toEqual(common);
  });
});
